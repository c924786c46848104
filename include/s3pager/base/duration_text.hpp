// Spans of time in words, for messages: exact, in the largest unit that divides them.
#pragma once

#include <chrono>
#include <string>

#include "s3pager/base/clock.hpp"

namespace s3pager {

/// `5 s`, `1500 ms`, `7 d`.
[[nodiscard]] inline std::string to_text(duration span) {
  struct unit {
    duration size;
    const char* name;
  };
  static constexpr unit units[] = {{std::chrono::hours(24), " d"},      {std::chrono::hours(1), " h"},
                                   {std::chrono::minutes(1), " min"},   {std::chrono::seconds(1), " s"},
                                   {std::chrono::milliseconds(1), " ms"}, {std::chrono::microseconds(1), " us"}};
  for (const unit& each : units)
    if (span != duration::zero() && span % each.size == duration::zero()) return std::to_string(span / each.size) + each.name;
  return span == duration::zero() ? "0 s" : std::to_string(span.count()) + " ns";
}

}  // namespace s3pager
