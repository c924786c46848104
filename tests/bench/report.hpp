// What a run says in the end: a table to read, and JSON with every round.
#pragma once

#include <cstdio>
#include <fstream>
#include <iomanip>
#include <ostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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

inline void print_table(const scene& of) {
  const unit_words words = words_for(of.per);
  std::printf("\n%s\n", of.name.c_str());
  std::printf("  %-30s %11s %11s %10s %9s %9s %7s\n", "median of the rounds", words.cpu, words.rate, "KiB a wait", "added MiB",
              "requests", "server");
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
    const double server = median_of([](const usage& used) { return used.server_busy(); });
    std::printf("  %-30s %11.3f %11.*f %10.0f %9.1f %9.0f %6.0f%%\n", who.name.c_str(), cpu, rate < 100 ? 3 : 0, rate, waits, added,
                requests, server * 100);
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
     << ", \"server_seconds\": " << of.server_seconds << ", \"instructions\": " << of.instructions << ", \"bytes\": " << of.bytes
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

inline void write_json(const std::string& path, const surroundings& where, const std::vector<scene>& scenes) {
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
    to << "     ]}";
  });
  to << "  ]\n}\n";
  if (!to.flush()) throw std::runtime_error("can't write " + path);
}

}  // namespace bench
