// What a run says in pictures: bars in SVG, which any browser shows without anything else.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "report.hpp"
#include "scene.hpp"
#include "statistics.hpp"

namespace bench {

struct bar {
  std::string label = {};
  estimate value = {};
  double mark = 0;    ///< a line across it: what it may be at most; 0: none
  bool ours = false;
};

/// Bars of one scale that belong together.
struct bar_group {
  std::string title = {};
  std::vector<bar> bars = {};
};

/// Columns of groups, each group with a scale of its own.
class bar_plot {
 public:
  bar_plot(std::string title, std::string caption, std::string where)
      : title_(std::move(title)), caption_(std::move(caption)), where_(std::move(where)) {}

  void add_column(std::vector<bar_group> groups) {
    if (!groups.empty()) columns_.push_back(std::move(groups));
  }
  [[nodiscard]] bool empty() const noexcept { return columns_.empty(); }

  [[nodiscard]] std::string svg() const {
    std::string body;
    double bottom = 0;
    for (std::size_t i = 0; i < columns_.size(); ++i)
      bottom = std::max(bottom, draw_column(body, columns_[i], margin + static_cast<double>(i) * (column_width + margin)));
    const double width = margin + static_cast<double>(columns_.size()) * (column_width + margin);
    std::string made = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + text(width) + "\" height=\"" + text(bottom + margin) +
                       "\" font-family=\"sans-serif\" font-size=\"11\">\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n";
    made += label(margin, 24, "#111111", title_, "start", " font-size=\"16\" font-weight=\"bold\"");
    made += label(margin, 42, "#555555", caption_, "start");
    made += label(margin, 57, "#555555", where_, "start");
    return made + body + "</svg>\n";
  }

 private:
  static constexpr double margin = 20;
  static constexpr double column_width = 460;
  static constexpr double names_width = 165;
  static constexpr double values_width = 60;
  static constexpr double row_height = 17;

  [[nodiscard]] static std::string text(double number) {
    char made[32];
    std::snprintf(made, sizeof made, "%.1f", number);
    return made;
  }
  /// Three digits that count.
  [[nodiscard]] static std::string figure(double number) {
    char made[32];
    std::snprintf(made, sizeof made, "%.*f", number < 1 ? 3 : number < 10 ? 2 : number < 100 ? 1 : 0, number);
    return made;
  }
  [[nodiscard]] static std::string label(double x, double y, std::string_view color, std::string_view words,
                                         std::string_view anchor, std::string_view more = {}) {
    std::string made = "<text x=\"" + text(x) + "\" y=\"" + text(y) + "\" fill=\"" + std::string(color) + "\" text-anchor=\"" +
                       std::string(anchor) + "\"" + std::string(more) + ">";
    for (const char c : words) c == '<' ? made += "&lt;" : c == '&' ? made += "&amp;" : made += c;
    return made + "</text>\n";
  }
  [[nodiscard]] static std::string box(double x, double y, double width, double height, std::string_view color) {
    return "<rect x=\"" + text(x) + "\" y=\"" + text(y) + "\" width=\"" + text(width) + "\" height=\"" + text(height) +
           "\" fill=\"" + std::string(color) + "\"/>\n";
  }

  /// Where it ends.
  static double draw_column(std::string& to, const std::vector<bar_group>& groups, double left) {
    double y = 82;
    for (const bar_group& group : groups) {
      to += label(left, y, "#111111", group.title, "start", " font-weight=\"bold\"");
      y += 8;
      double most = 0;
      for (const bar& each : group.bars) most = std::max({most, each.value.high, each.mark});
      const double scale = most > 0 ? (column_width - names_width - values_width) / most : 0;
      const double zero = left + names_width;
      for (const bar& each : group.bars) {
        const double middle = y + row_height / 2;
        to += label(zero - 6, middle + 4, "#333333", each.label, "end");
        to += box(zero, y + 2, each.value.median * scale, row_height - 4, each.ours ? "#d9541e" : "#8fa3b8");
        // The interval.
        to += box(zero + each.value.low * scale, middle - 0.5, std::max(1.0, (each.value.high - each.value.low) * scale), 1, "#222222");
        if (each.mark > 0) to += box(zero + each.mark * scale, y, 2, row_height, "#222222");
        to += label(zero + std::max({each.value.high, each.value.median, each.mark}) * scale + 6, middle + 4, "#333333",
                    figure(each.value.median), "start");
        y += row_height;
      }
      y += 24;
    }
    return y - 24;
  }

  std::string title_;
  std::string caption_;
  std::string where_;  // it was measured
  std::vector<std::vector<bar_group>> columns_;
};

namespace detail {

/// All contestants of a scene by one figure.
[[nodiscard]] inline bar_group group_of(const scene& from, const std::function<double(const usage&)>& value,
                                        std::string title, bool with_bound = false) {
  bar_group made{.title = std::move(title)};
  for (const contestant& who : from.contestants) {
    const std::vector<double> all = from.all_of(who.name, value);
    bar one{.label = who.name, .value = estimate_median(all), .ours = who.name.starts_with("s3pager")};
    if (with_bound)
      one.mark = from.median_of(who.name, [](const usage& used) { return static_cast<double>(used.bound_kibibytes) / 1024; });
    made.bars.push_back(std::move(one));
  }
  return made;
}

/// Plain HTTP in one column and TLS in another, of scenes that count `pers`.
template <class Group>
void add_columns(bar_plot& to, const std::vector<scene>& scenes, std::initializer_list<unit> pers, Group group) {
  for (const bool plain : {true, false}) {
    std::vector<bar_group> column;
    for (const scene& each : scenes)
      if (std::find(pers.begin(), pers.end(), each.per) != pers.end() && each.name.starts_with("plain") == plain &&
          each.name.find("every byte") == std::string::npos)
        group(column, each);
    to.add_column(std::move(column));
  }
}

inline void write_plot(const std::filesystem::path& name, const bar_plot& what) {
  if (what.empty()) return;
  std::ofstream to(name);
  to << what.svg();
  if (!to.flush()) throw std::runtime_error("can't write " + name.string());
}

}  // namespace detail

/// CPU per GB, throughput, requests a second and memory, each in a file of its own, as far as the scenes have them.
inline void write_plots(const std::filesystem::path& directory, const surroundings& where, const std::vector<scene>& scenes) {
  std::filesystem::create_directories(directory);
  std::string here;
  for (const auto& [name, value] : where)
    if (name == "processor" || name == "kernel" || name == "server" || name == "rounds")
      here += (here.empty() ? "" : "; ") + (name == "rounds" ? value + " rounds" : name == "kernel" ? "Linux " + value : value);
  const auto add = [](std::vector<bar_group>& to, const scene& from, const std::string& suffix, auto value, bool bound = false) {
    to.push_back(detail::group_of(from, [&](const usage& used) { return value(from, used); }, from.name + suffix, bound));
  };
  const auto cpu = [](const scene& from, const usage& used) { return from.cpu(used) * words_for(from.per).cpu_scale; };
  const auto rate = [](const scene& from, const usage& used) { return 1 / from.wall(used); };
  const auto added = [](const scene&, const usage& used) { return used.added_mebibytes(); };

  bar_plot cpu_per_gb("Client CPU, seconds a GB", "Less is better. Median of the rounds, and the 95 % interval of it", here);
  detail::add_columns(cpu_per_gb, scenes, {unit::gigabyte},
                      [&](std::vector<bar_group>& to, const scene& from) { add(to, from, "", cpu); });
  detail::write_plot(directory / "cpu_per_gb.svg", cpu_per_gb);

  bar_plot throughput("Throughput, GB/s", "More is better. Client and server have a core each", here);
  detail::add_columns(throughput, scenes, {unit::gigabyte},
                      [&](std::vector<bar_group>& to, const scene& from) { add(to, from, "", rate); });
  detail::write_plot(directory / "throughput.svg", throughput);

  bar_plot requests("Small objects", "Client and server have a core each", here);
  detail::add_columns(requests, scenes, {unit::request}, [&](std::vector<bar_group>& to, const scene& from) {
    add(to, from, ": requests a second", rate);
    add(to, from, ": client CPU, ms per 1,000", cpu);
  });
  detail::write_plot(directory / "requests.svg", requests);

  bar_plot memory("Peak memory, MiB", "Resident, less what the process had before. The line is what s3pager promises", here);
  detail::add_columns(memory, scenes, {unit::gigabyte, unit::request},
                      [&](std::vector<bar_group>& to, const scene& from) { add(to, from, "", added, true); });
  detail::write_plot(directory / "memory.svg", memory);
}

}  // namespace bench
