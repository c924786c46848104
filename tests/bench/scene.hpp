// One comparison: contestants that do the same work by turns, round after round, and what came of it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "in_child.hpp"
#include "measure.hpp"
#include "statistics.hpp"

namespace bench {

struct contestant {
  std::string name = {};
  std::function<usage()> work = {};
  std::optional<bool> resumes = {};  ///< whether it has to resume a TLS session with each object
};

/// `first` per `second`.
struct comparison {
  std::string first = {};
  std::string second = {};
};

enum class unit : std::uint8_t { gigabyte, object };

struct scene {
  std::string name = {};
  unit per = unit::gigabyte;
  std::uint64_t objects = 0;  ///< that each contestant has to read in a round
  std::uint64_t bytes = 0;    ///< that they have
  std::vector<contestant> contestants = {};
  std::vector<comparison> comparisons = {};
  std::map<std::string, std::vector<usage>> rounds = {};  ///< what came of each, by name

  /// Each contestant once; who begins changes with `number`.
  void play(std::size_t number, const std::function<double()>& server_cpu_seconds) {
    for (std::size_t i = 0; i < contestants.size(); ++i) {
      const contestant& next = contestants[(i + number) % contestants.size()];
      const double before = server_cpu_seconds();
      const auto began = std::chrono::steady_clock::now();
      usage made = run_in_child(next.work);
      made.server_busy =
          (server_cpu_seconds() - before) / std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
      if (made.count != objects || made.bytes != bytes)
        throw std::runtime_error(next.name + " read " + std::to_string(made.count) + " objects of " + std::to_string(made.bytes) +
                                 " bytes, not " + std::to_string(objects) + " of " + std::to_string(bytes));
      if (next.resumes && made.resumed != (*next.resumes ? objects : 0))
        throw std::runtime_error(next.name + " resumed " + std::to_string(made.resumed) + " TLS sessions");
      rounds[next.name].push_back(made);
    }
  }

  [[nodiscard]] double amount(const usage& of) const noexcept {
    return per == unit::gigabyte ? static_cast<double>(of.bytes) / 1e9 : static_cast<double>(of.count);
  }
  [[nodiscard]] double cpu(const usage& of) const noexcept { return of.cpu_seconds / amount(of); }
  [[nodiscard]] double wall(const usage& of) const noexcept { return of.wall_seconds / amount(of); }

  /// The median of what `value` says of each round of one contestant.
  template <class Value>
  [[nodiscard]] double median_of(const std::string& who, Value value) const {
    std::vector<double> all;
    for (const usage& each : rounds.at(who)) all.push_back(value(each));
    return median(std::move(all));
  }
  /// Of the ratios of two in the same round.
  template <class Value>
  [[nodiscard]] estimate ratio(const comparison& of, Value value) const {
    const std::vector<usage>& first = rounds.at(of.first);
    const std::vector<usage>& second = rounds.at(of.second);
    std::vector<double> all;
    for (std::size_t i = 0; i < first.size(); ++i) all.push_back(value(first[i]) / value(second[i]));
    return estimate_median(all);
  }

  /// Leaves those contestants whose names contain `text`, and what compares them.
  void only(const std::string& text) {
    const auto other = [&](const std::string& who) { return who.find(text) == std::string::npos; };
    std::erase_if(contestants, [&](const contestant& each) { return other(each.name); });
    std::erase_if(comparisons, [&](const comparison& each) { return other(each.first) || other(each.second); });
  }
};

}  // namespace bench
