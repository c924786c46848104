// One comparison: contestants that do the same work by turns, round after round, and what came of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <regex>
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
  bool own_amount = false;           ///< it decides how much it does
};

/// `first` per `second`.
struct comparison {
  std::string first = {};
  std::string second = {};
};

/// What a scene counts.
enum class unit : std::uint8_t { gigabyte, request, page, key, signature };

enum class quantity : std::uint8_t {
  cpu,         ///< of the client
  wall,
  throughput,  ///< the inverse of wall
  cpu_rate,    ///< the inverse of cpu: done in a second of it
  cpu_microseconds,
  memory,  ///< what the work added, per what it may
};

/// What a contestant is to reach: so much of the best of others or, without any, so much.
struct goal {
  std::string row = {};  ///< which line of the table of goals
  std::string who = {};
  std::vector<std::string> against = {};
  quantity of = quantity::cpu;
  double bound = 0;  ///< at most; of throughput and cpu_rate at least
  std::string words = {};
};

struct scene {
  std::string name = {};
  unit per = unit::gigabyte;
  std::uint64_t count = 0;  ///< what each contestant has to read in a round
  std::uint64_t bytes = 0;
  bool counts_instructions = true;  ///< worth callgrind's time
  std::function<void()> make_data = {};
  std::vector<contestant> contestants = {};
  std::vector<comparison> comparisons = {};
  std::vector<goal> goals = {};
  std::map<std::string, std::vector<usage>> rounds = {};  ///< what came of each, by name
  std::map<std::string, double> user_instructions = {};   ///< by callgrind, for a byte, or for one of what is counted

  /// Makes what the server is to serve. In a child, as it takes more memory than contestants should find here.
  void prepare() const {
    if (!make_data) return;
    static_cast<void>(run_in_child([this] {
      make_data();
      return usage();
    }));
  }

  /// Each contestant once; who begins changes with `number`.
  void play(std::size_t number) {
    for (std::size_t i = 0; i < contestants.size(); ++i) {
      const contestant& next = contestants[(i + number) % contestants.size()];
      const usage made = run_in_child(next.work);
      if (!next.own_amount && (made.count != count || made.bytes != bytes))
        throw std::runtime_error(next.name + " read " + std::to_string(made.count) + " of " + std::to_string(made.bytes) +
                                 " bytes, not " + std::to_string(count) + " of " + std::to_string(bytes));
      if (next.resumes && made.resumed != (*next.resumes ? count : 0))
        throw std::runtime_error(next.name + " resumed " + std::to_string(made.resumed) + " TLS sessions");
      rounds[next.name].push_back(made);
    }
  }

  [[nodiscard]] double amount(const usage& of) const noexcept {
    return per == unit::gigabyte ? static_cast<double>(of.bytes) / 1e9 : static_cast<double>(of.count);
  }
  /// For one of what the scene counts.
  [[nodiscard]] double cpu(const usage& of) const noexcept { return of.cpu_seconds / amount(of); }
  [[nodiscard]] double wall(const usage& of) const noexcept { return of.wall_seconds / amount(of); }
  [[nodiscard]] double value(quantity what, const usage& of) const noexcept {
    switch (what) {
      case quantity::cpu: return cpu(of);
      case quantity::wall: return wall(of);
      case quantity::throughput: return 1 / wall(of);
      case quantity::cpu_rate: return 1 / cpu(of);
      case quantity::cpu_microseconds: return cpu(of) * 1e6;
      case quantity::memory: break;
    }
    return of.added_mebibytes() * 1024 / static_cast<double>(of.bound_kibibytes);
  }

  /// What `value` says of each round of one contestant.
  template <class Value>
  [[nodiscard]] std::vector<double> all_of(const std::string& who, Value value) const {
    std::vector<double> all;
    for (const usage& each : rounds.at(who)) all.push_back(value(each));
    return all;
  }
  template <class Value>
  [[nodiscard]] double median_of(const std::string& who, Value value) const {
    return median(all_of(who, value));
  }
  /// Of the ratios of two in the same round.
  [[nodiscard]] estimate ratio(const comparison& of, quantity what) const {
    const std::vector<usage>& first = rounds.at(of.first);
    const std::vector<usage>& second = rounds.at(of.second);
    std::vector<double> all;
    for (std::size_t i = 0; i < first.size(); ++i) all.push_back(value(what, first[i]) / value(what, second[i]));
    return estimate_median(all);
  }

  /// Leaves those contestants in whose names it is found, and what compares them.
  void only(const std::regex& which) {
    const auto other = [&](const std::string& who) { return !std::regex_search(who, which); };
    std::erase_if(contestants, [&](const contestant& each) { return other(each.name); });
    std::erase_if(comparisons, [&](const comparison& each) { return other(each.first) || other(each.second); });
    std::erase_if(goals, [&](goal& each) {
      const bool alone = each.against.empty();
      std::erase_if(each.against, other);
      return other(each.who) || (!alone && each.against.empty());
    });
  }
};

}  // namespace bench
