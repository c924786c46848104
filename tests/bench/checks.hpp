// Whether s3pager reaches its goals, and how sure that is.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "scene.hpp"
#include "statistics.hpp"

namespace bench {

enum class verdict : std::uint8_t {
  holds,      ///< the whole interval is on the good side of the bound
  shortfall,  ///< the whole of it is on the other
  undecided,
};

[[nodiscard]] inline const char* to_text(verdict of) noexcept {
  return of == verdict::holds ? "holds" : of == verdict::shortfall ? "short" : "undecided";
}

/// A goal, and what was measured of it.
struct check {
  goal what = {};
  std::string scene = {};
  std::string against = {};  ///< the best of those that it is held against; empty: a figure by itself
  estimate figure = {};
  verdict found = verdict::undecided;
};

[[nodiscard]] inline bool is_least(quantity of) noexcept {
  return of == quantity::throughput || of == quantity::cpu_rate;
}

namespace detail {

/// Of several, the one with the best median over the whole run: who is best in a round is chance.
[[nodiscard]] inline std::string best_of(const scene& in, const goal& what) {
  const auto median_of = [&](const std::string& who) {
    return in.median_of(who, [&](const usage& used) { return in.value(what.of, used); });
  };
  return *std::min_element(what.against.begin(), what.against.end(), [&](const std::string& a, const std::string& b) {
    return is_least(what.of) ? median_of(a) > median_of(b) : median_of(a) < median_of(b);
  });
}

[[nodiscard]] inline estimate figure_of(const scene& in, const goal& what, const std::string& against) {
  if (!against.empty()) return in.ratio({what.who, against}, what.of);
  const std::vector<double> all = in.all_of(what.who, [&](const usage& used) { return in.value(what.of, used); });
  if (what.of != quantity::memory) return estimate_median(all);
  // It is promised of every run, not of most.
  return {.median = median(all),
          .low = *std::min_element(all.begin(), all.end()),
          .high = *std::max_element(all.begin(), all.end())};
}

[[nodiscard]] inline verdict judge(const goal& what, const estimate& figure) noexcept {
  if (is_least(what.of))
    return figure.low >= what.bound ? verdict::holds : figure.high < what.bound ? verdict::shortfall : verdict::undecided;
  return figure.high <= what.bound ? verdict::holds : figure.low > what.bound ? verdict::shortfall : verdict::undecided;
}

}  // namespace detail

/// In the order of the scenes.
[[nodiscard]] inline std::vector<check> make_checks(const std::vector<scene>& scenes) {
  std::vector<check> made;
  for (const scene& each : scenes) {
    for (const goal& what : each.goals) {
      check one{.what = what, .scene = each.name};
      if (!what.against.empty()) one.against = detail::best_of(each, what);
      one.figure = detail::figure_of(each, what, one.against);
      one.found = detail::judge(what, one.figure);
      made.push_back(std::move(one));
    }
  }
  return made;
}

}  // namespace bench
