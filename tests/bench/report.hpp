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

inline void print_table(const std::vector<scene>& scenes) {
  for (const scene& each : scenes) {
    const bool bulk = each.per == unit::gigabyte;
    std::printf("\n%s\n", each.name.c_str());
    std::printf("  %-34s %10s %10s %12s %9s %8s\n", "median of the rounds", bulk ? "CPU s/GB" : "CPU ms",
                bulk ? "GB/s" : "ms", bulk ? "KiB a wait" : "", "peak MiB", bulk ? "server" : "");
    for (const contestant& who : each.contestants) {
      const auto median_of = [&](auto value) { return each.median_of(who.name, value); };
      const double scale = bulk ? 1 : 1e3;
      const double cpu = median_of([&](const usage& of) { return each.cpu(of); }) * scale;
      const double wall = median_of([&](const usage& of) { return bulk ? 1 / each.wall(of) : each.wall(of) * 1e3; });
      const double waits = median_of([](const usage& of) {
        return of.waits == 0 ? 0 : static_cast<double>(of.bytes) / 1024 / static_cast<double>(of.waits);
      });
      const double peak = median_of([](const usage& of) { return static_cast<double>(of.peak_kibibytes) / 1024; });
      const double server = median_of([](const usage& of) { return of.server_busy; });
      std::printf("  %-34s %10.3f %10.3f ", who.name.c_str(), cpu, wall);
      bulk ? std::printf("%12.0f", waits) : std::printf("%12s", "");
      std::printf(" %9.1f ", peak);
      bulk ? std::printf("%7.0f%%\n", server * 100) : std::printf("%8s\n", "");
    }
    if (!each.comparisons.empty()) std::printf("  %-50s %22s %22s\n", "median ratio [95 %]", "CPU", "wall");
    for (const comparison& of : each.comparisons) {
      const estimate cpu = each.ratio(of, [&](const usage& used) { return each.cpu(used); });
      const estimate wall = each.ratio(of, [&](const usage& used) { return each.wall(used); });
      std::printf("  %-50s %6.3f [%.3f, %.3f] %6.3f [%.3f, %.3f]\n", (of.first + " / " + of.second).c_str(), cpu.median, cpu.low,
                  cpu.high, wall.median, wall.low, wall.high);
    }
  }
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
  to << "{\"wall_seconds\": " << of.wall_seconds << ", \"cpu_seconds\": " << of.cpu_seconds << ", \"bytes\": " << of.bytes
     << ", \"objects\": " << of.count << ", \"waits\": " << of.waits << ", \"connections\": " << of.connections
     << ", \"resumed\": " << of.resumed << ", \"peak_kibibytes\": " << of.peak_kibibytes
     << ", \"server_busy\": " << of.server_busy << '}';
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
    to << "{\"name\": " << detail::quoted(each.name) << ", \"per\": \"" << (each.per == unit::gigabyte ? "GB" : "object")
       << "\",\n     \"rounds\": {";
    detail::write_each(to, each.contestants, "       ", [&](const contestant& who) {
      to << detail::quoted(who.name) << ": [";
      detail::write_each(to, each.rounds.at(who.name), "         ", [&](const usage& of) { detail::write(to, of); });
      to << "       ]";
    });
    to << "     },\n     \"ratios\": [";
    detail::write_each(to, each.comparisons, "       ", [&](const comparison& of) {
      to << "{\"first\": " << detail::quoted(of.first) << ", \"second\": " << detail::quoted(of.second) << ", \"cpu\": ";
      detail::write(to, each.ratio(of, [&](const usage& used) { return each.cpu(used); }));
      to << ", \"wall\": ";
      detail::write(to, each.ratio(of, [&](const usage& used) { return each.wall(used); }));
      to << '}';
    });
    to << "     ]}";
  });
  to << "  ]\n}\n";
  if (!to.flush()) throw std::runtime_error("can't write " + path);
}

}  // namespace bench
