// What is said of many rounds: medians, and how sure the median of a ratio is.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace bench {

/// Of at least one.
[[nodiscard]] inline double median(std::vector<double> of) {
  const auto middle = of.begin() + static_cast<std::ptrdiff_t>(of.size() / 2);
  std::nth_element(of.begin(), middle, of.end());
  if (of.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(of.begin(), middle)) / 2;
}

struct estimate {
  double median = 0;
  double low = 0;  ///< of an interval that holds 95 % of the medians of samples drawn from these
  double high = 0;
};

/// Bootstrap, of percentiles, always with the same draws.
[[nodiscard]] inline estimate estimate_median(const std::vector<double>& of) {
  constexpr std::size_t draws = 10'000;
  std::mt19937_64 random(1);
  std::uniform_int_distribution<std::size_t> which(0, of.size() - 1);
  std::vector<double> medians;
  medians.reserve(draws);
  std::vector<double> sample(of.size());
  for (std::size_t i = 0; i < draws; ++i) {
    for (double& each : sample) each = of[which(random)];
    medians.push_back(median(sample));
  }
  std::sort(medians.begin(), medians.end());
  return {.median = median(of), .low = medians[draws / 40], .high = medians[draws - 1 - draws / 40]};
}

}  // namespace bench
