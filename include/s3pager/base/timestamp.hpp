// The times that services and tools write, RFC 3339 (a form of ISO 8601), read without a locale.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "s3pager/base/clock.hpp"

namespace s3pager {

namespace detail {

/// Takes exactly `width` digits off the front of `text`; -1 if there are fewer.
[[nodiscard]] constexpr int take_digits(std::string_view& text, std::size_t width) noexcept {
  if (text.size() < width) return -1;
  int value = 0;
  for (std::size_t i = 0; i < width; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(width);
  return value;
}

[[nodiscard]] constexpr bool take_character(std::string_view& text, char c) noexcept {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

/// Takes `.5`, `.500`, ... off the front of `text`, if it is there; digits beyond nanoseconds are dropped.
[[nodiscard]] constexpr std::optional<std::chrono::nanoseconds> take_fraction(std::string_view& text) noexcept {
  if (!take_character(text, '.')) return std::chrono::nanoseconds{0};
  std::int64_t nanoseconds = 0;
  std::int64_t unit = 100'000'000;
  std::size_t digits = 0;
  for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; text.remove_prefix(1), ++digits) {
    nanoseconds += (text.front() - '0') * unit;
    unit /= 10;
  }
  if (digits == 0) return std::nullopt;
  return std::chrono::nanoseconds{nanoseconds};
}

/// Takes `Z`, `UTC`, `+hh:mm` or `-hh:mm` off the front of `text`.
[[nodiscard]] constexpr std::optional<std::chrono::minutes> take_zone(std::string_view& text) noexcept {
  if (text == "UTC") text = "Z";
  if (take_character(text, 'Z')) return std::chrono::minutes{0};
  const bool behind = take_character(text, '-');
  if (!behind && !take_character(text, '+')) return std::nullopt;
  const int hours = take_digits(text, 2);
  if (!take_character(text, ':')) return std::nullopt;
  const int minutes = take_digits(text, 2);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return std::nullopt;
  const std::chrono::minutes offset = std::chrono::hours{hours} + std::chrono::minutes{minutes};
  return behind ? -offset : offset;
}

}  // namespace detail

/// Reads `2026-11-23T04:39:05.123Z` (the fraction may be missing or longer; Z may be an offset, or UTC, as AWS's tools write
/// into their caches). Nothing if `text` is
/// no such time, or outside of the years 1678 to 2261, which nanoseconds in 64 bits can't hold.
[[nodiscard]] constexpr std::optional<wall_time> parse_timestamp(std::string_view text) noexcept {
  const int year = detail::take_digits(text, 4);
  if (!detail::take_character(text, '-')) return std::nullopt;
  const int month = detail::take_digits(text, 2);
  if (!detail::take_character(text, '-')) return std::nullopt;
  const int day = detail::take_digits(text, 2);
  if (!detail::take_character(text, 'T')) return std::nullopt;
  const int hour = detail::take_digits(text, 2);
  if (!detail::take_character(text, ':')) return std::nullopt;
  const int minute = detail::take_digits(text, 2);
  if (!detail::take_character(text, ':')) return std::nullopt;
  const int second = detail::take_digits(text, 2);
  const auto fraction = detail::take_fraction(text);
  const auto zone = detail::take_zone(text);
  if (!fraction || !zone || !text.empty()) return std::nullopt;

  if (year < 1678 || year > 2261 || month < 1 || day < 1) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(month)},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  // 60 is a leap second.
  if (!date.ok() || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60)
    return std::nullopt;
  return wall_time{std::chrono::sys_days{date}} + std::chrono::hours{hour} + std::chrono::minutes{minute} +
         std::chrono::seconds{second} + *fraction - *zone;
}

/// `2026-11-23T04:39:05Z`: to the second, of the years 0 to 9999.
[[nodiscard]] inline std::string format_timestamp(wall_time time) {
  const auto second = std::chrono::floor<std::chrono::seconds>(time);
  const auto day = std::chrono::floor<std::chrono::days>(second);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(second - day);
  std::string text;
  const auto put = [&text](auto value, std::size_t width, const char* after) {
    const std::string digits = std::to_string(static_cast<int>(value));
    text.append(width - std::min(width, digits.size()), '0').append(digits).append(after);
  };
  put(static_cast<int>(date.year()), 4, "-");
  put(static_cast<unsigned>(date.month()), 2, "-");
  put(static_cast<unsigned>(date.day()), 2, "T");
  put(clock.hours().count(), 2, ":");
  put(clock.minutes().count(), 2, ":");
  put(clock.seconds().count(), 2, "Z");
  return text;
}

}  // namespace s3pager
