// What a run says in the end: a table to read, and JSON with every round.
#pragma once

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iomanip>
#include <ostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "checks.hpp"
#include "measure.hpp"
#include "scene.hpp"
#include "statistics.hpp"

namespace bench {

/// Where a run took place; names and values.
using surroundings = std::vector<std::pair<std::string, std::string>>;

/// How a scene's figures are written.
struct unit_words {
  const char* cpu;
  double cpu_scale;
  const char* rate;
  double rate_scale;  ///< 0: the time for one, in milliseconds
  const char* name;
};

[[nodiscard]] inline unit_words words_for(unit per) noexcept {
  switch (per) {
    case unit::gigabyte: return {"CPU s/GB", 1, "GB/s", 1, "GB"};
    case unit::request: return {"CPU ms/1000", 1e6, "requests/s", 1, "request"};
    case unit::page: return {"CPU ms", 1e3, "ms", 0, "page"};
    case unit::key: return {"CPU ns/key", 1e9, "keys/s", 1, "key"};
    case unit::signature: break;
  }
  return {"CPU us", 1e6, "1/s", 1, "signature"};
}

/// Of a byte, or of one of what the scene counts: the processor's count in user and kernel, else callgrind's with a `u`.
[[nodiscard]] inline std::string instructions_of(const scene& in, const std::string& who) {
  const double bytes = in.per == unit::gigabyte ? 1e9 : 1;
  const double counted =
      in.median_of(who, [&](const usage& used) { return static_cast<double>(used.instructions) / in.amount(used) / bytes; });
  const auto user = in.user_instructions.find(who);
  if (counted == 0 && user == in.user_instructions.end()) return "";
  const double value = counted > 0 ? counted : user->second;
  char text[32];
  std::snprintf(text, sizeof text, "%.*f%s", value < 10 ? 4 : 0, value, counted > 0 ? "" : "u");
  return text;
}

inline void print_table(const scene& of) {
  const unit_words words = words_for(of.per);
  std::printf("\n%s\n", of.name.c_str());
  const char* const instructions = of.per == unit::gigabyte ? "instr./B" : "instr.";
  std::printf("  %-30s %11s %11s %10s %9s %9s %10s %7s\n", "median of the rounds", words.cpu, words.rate, "KiB a wait", "added MiB",
              "requests", instructions, "server");
  for (const contestant& who : of.contestants) {
    const auto median_of = [&](auto value) { return of.median_of(who.name, value); };
    const double cpu = median_of([&](const usage& used) { return of.cpu(used); }) * words.cpu_scale;
    const double rate = median_of(
        [&](const usage& used) { return words.rate_scale == 0 ? of.wall(used) * 1e3 : words.rate_scale / of.wall(used); });
    const double waits = median_of([](const usage& used) {
      return used.waits == 0 ? 0 : static_cast<double>(used.bytes) / 1024 / static_cast<double>(used.waits);
    });
    const double added = median_of([](const usage& used) { return used.added_mebibytes(); });
    const double requests = median_of([](const usage& used) { return static_cast<double>(used.requests); });
    std::printf("  %-30s %11.3f %11.*f %10.0f %9.1f %9.0f %10s", who.name.c_str(), cpu, rate < 100 ? 3 : 0, rate, waits, added,
                requests, instructions_of(of, who.name).c_str());
    // What is over sooner than the core's clock ticks has none.
    if (of.per != unit::page && of.per != unit::signature)
      std::printf(" %6.0f%%", median_of([](const usage& used) { return used.server_busy(); }) * 100);
    std::printf("\n");
  }
  if (!of.comparisons.empty()) std::printf("  %-50s %21s %21s\n", "median ratio [95 %]", "CPU", "wall");
  for (const comparison& each : of.comparisons) {
    const estimate cpu = of.ratio(each, quantity::cpu);
    const estimate wall = of.ratio(each, quantity::wall);
    std::printf("  %-50s %6.3f [%.3f, %.3f] %6.3f [%.3f, %.3f]\n", (each.first + " / " + each.second).c_str(), cpu.median, cpu.low,
                cpu.high, wall.median, wall.low, wall.high);
  }
  std::fflush(stdout);
}

/// Every goal with what each contestant that it is for came to, and in the end how many of each line of the table hold.
inline void print_checks(const std::vector<check>& checks) {
  struct tally {
    std::string row;
    int holds = 0, undecided = 0, shortfall = 0;
  };
  std::vector<tally> rows;
  std::vector<std::string> goals;
  for (const check& each : checks) {
    auto row = std::find_if(rows.begin(), rows.end(), [&](const tally& one) { return one.row == each.what.row; });
    if (row == rows.end()) row = rows.insert(row, {.row = each.what.row});
    ++(each.found == verdict::holds ? row->holds : each.found == verdict::shortfall ? row->shortfall : row->undecided);
    if (std::find(goals.begin(), goals.end(), each.what.words) == goals.end()) goals.push_back(each.what.words);
  }
  std::printf("\ngoals: median [95 %%]\n");
  for (const std::string& goal : goals) {
    bool first = true;
    for (const check& each : checks) {
      if (each.what.words != goal) continue;
      const int digits = each.what.bound > 1000 ? 0 : 3;
      if (std::exchange(first, false))
        std::printf("  %s: %s, %s %.*f\n", each.what.row.c_str(), goal.c_str(), is_least(each.what.of) ? "at least" : "at most",
                    each.what.bound > 1000 ? 0 : 2, each.what.bound);
      const std::string against = each.against.empty() ? "" : " (" + each.against + ")";
      std::printf("    %-9s %.*f [%.*f, %.*f]  %s: %s%s\n", to_text(each.found), digits, each.figure.median, digits, each.figure.low,
                  digits, each.figure.high, each.what.who.c_str(), each.scene.c_str(), against.c_str());
    }
  }
  std::printf("\n  %-16s %6s %10s %6s\n", "in all", "holds", "undecided", "short");
  for (const tally& each : rows)
    std::printf("  %-16s %6d %10d %6d\n", each.row.c_str(), each.holds, each.undecided, each.shortfall);
  std::fflush(stdout);
}

namespace detail {

inline std::string quoted(std::string_view text) {
  std::string made = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') made += '\\';
    if (static_cast<unsigned char>(c) >= 0x20) made += c;
  }
  return made + '"';
}

inline void write(std::ostream& to, const estimate& of) {
  to << "{\"median\": " << of.median << ", \"low\": " << of.low << ", \"high\": " << of.high << '}';
}

inline void write(std::ostream& to, const usage& of) {
  to << "{\"wall_seconds\": " << of.wall_seconds << ", \"cpu_seconds\": " << of.cpu_seconds
     << ", \"server_idle_seconds\": " << of.server_idle_seconds << ", \"instructions\": " << of.instructions << ", \"bytes\": " << of.bytes
     << ", \"count\": " << of.count << ", \"waits\": " << of.waits << ", \"requests\": " << of.requests
     << ", \"hedges\": " << of.hedges << ", \"connections\": " << of.connections << ", \"resumed\": " << of.resumed
     << ", \"peak_kibibytes\": " << of.peak_kibibytes << ", \"before_kibibytes\": " << of.before_kibibytes
     << ", \"bound_kibibytes\": " << of.bound_kibibytes << '}';
}

/// Writes each of `all` by `one`, in lines of their own with commas between.
template <class All, class One>
void write_each(std::ostream& to, const All& all, std::string_view indent, One one) {
  bool first = true;
  for (const auto& each : all) {
    to << (first ? "\n" : ",\n") << indent;
    first = false;
    one(each);
  }
  to << '\n';
}

}  // namespace detail

inline void write_json(const std::string& path, const surroundings& where, const std::vector<scene>& scenes,
                       const std::vector<check>& checks) {
  std::ofstream to(path);
  to << std::setprecision(9) << "{\n  \"surroundings\": {";
  detail::write_each(to, where, "    ", [&](const auto& each) {
    to << detail::quoted(each.first) << ": " << detail::quoted(each.second);
  });
  to << "  },\n  \"scenes\": [";
  detail::write_each(to, scenes, "    ", [&](const scene& each) {
    to << "{\"name\": " << detail::quoted(each.name) << ", \"per\": \"" << words_for(each.per).name
       << "\",\n     \"rounds\": {";
    detail::write_each(to, each.contestants, "       ", [&](const contestant& who) {
      to << detail::quoted(who.name) << ": [";
      detail::write_each(to, each.rounds.at(who.name), "         ", [&](const usage& of) { detail::write(to, of); });
      to << "       ]";
    });
    to << "     },\n     \"ratios\": [";
    detail::write_each(to, each.comparisons, "       ", [&](const comparison& of) {
      to << "{\"first\": " << detail::quoted(of.first) << ", \"second\": " << detail::quoted(of.second) << ", \"cpu\": ";
      detail::write(to, each.ratio(of, quantity::cpu));
      to << ", \"wall\": ";
      detail::write(to, each.ratio(of, quantity::wall));
      to << '}';
    });
    to << "     ],\n     \"user_instructions\": {";
    detail::write_each(to, each.user_instructions, "       ", [&](const auto& of) {
      to << detail::quoted(of.first) << ": " << of.second;
    });
    to << "     }}";
  });
  to << "  ],\n  \"goals\": [";
  detail::write_each(to, checks, "    ", [&](const check& each) {
    to << "{\"row\": " << detail::quoted(each.what.row) << ", \"scene\": " << detail::quoted(each.scene)
       << ", \"who\": " << detail::quoted(each.what.who) << ", \"against\": " << detail::quoted(each.against)
       << ", \"what\": " << detail::quoted(each.what.words) << ", \"" << (is_least(each.what.of) ? "at_least" : "at_most")
       << "\": " << each.what.bound << ", \"figure\": ";
    detail::write(to, each.figure);
    to << ", \"verdict\": \"" << to_text(each.found) << "\"}";
  });
  to << "  ]\n}\n";
  if (!to.flush()) throw std::runtime_error("can't write " + path);
}

}  // namespace bench
