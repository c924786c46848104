// The forms in which S3 writes and reads times: HTTP's, ISO 8601 and x-amz-date. Knows no locale and no clock.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>

#include "s3pager/base/clock.hpp"

namespace s3pager::testing {

namespace detail {

inline constexpr std::array<std::string_view, 7> week_days = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
inline constexpr std::array<std::string_view, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

struct civil_time {
  unsigned year, month, day, hour, minute, second, milliseconds, week_day;
};

[[nodiscard]] inline civil_time civil(wall_time time) noexcept {
  const auto days = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(days);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::milliseconds>(time - days));
  return {static_cast<unsigned>(static_cast<int>(date.year())),
          static_cast<unsigned>(date.month()),
          static_cast<unsigned>(date.day()),
          static_cast<unsigned>(clock.hours().count()),
          static_cast<unsigned>(clock.minutes().count()),
          static_cast<unsigned>(clock.seconds().count()),
          static_cast<unsigned>(clock.subseconds().count()),
          std::chrono::weekday(days).c_encoding()};
}

/// The number in `text` at `at`, of `width` digits; -1 if it is none.
[[nodiscard]] inline int number_at(std::string_view text, std::size_t at, std::size_t width) noexcept {
  int value = 0;
  for (const char c : text.substr(at, width)) {
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  return value;
}

[[nodiscard]] inline std::optional<wall_time> from_civil(int year, int month, int day, int hour, int minute,
                                                         int second) noexcept {
  if (year < 1678 || year > 2261 || month < 1 || day < 1 || hour < 0 || minute < 0 || second < 0) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(month)},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  return wall_time{std::chrono::sys_days{date}} + std::chrono::hours{hour} + std::chrono::minutes{minute} +
         std::chrono::seconds{second};
}

}  // namespace detail

/// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 5.6.7).
[[nodiscard]] inline std::string format_http_date(wall_time time) {
  const auto c = detail::civil(time);
  char text[64];
  const int size = std::snprintf(text, sizeof text, "%s, %02u %s %04u %02u:%02u:%02u GMT",
                                 detail::week_days[c.week_day].data(), c.day, detail::months[c.month - 1].data(), c.year,
                                 c.hour, c.minute, c.second);
  return {text, static_cast<std::size_t>(size)};
}

/// The same, read. Nothing for the obsolete forms and for what is no date.
[[nodiscard]] inline std::optional<wall_time> parse_http_date(std::string_view text) noexcept {
  if (text.size() != 29 || text.substr(3, 2) != ", " || text.substr(25) != " GMT") return std::nullopt;
  for (std::size_t month = 0; month < detail::months.size(); ++month)
    if (text.substr(8, 3) == detail::months[month])
      return detail::from_civil(detail::number_at(text, 12, 4), static_cast<int>(month + 1),
                                detail::number_at(text, 5, 2), detail::number_at(text, 17, 2),
                                detail::number_at(text, 20, 2), detail::number_at(text, 23, 2));
  return std::nullopt;
}

/// `2026-11-23T04:39:05.123Z`.
[[nodiscard]] inline std::string format_iso_time(wall_time time) {
  const auto c = detail::civil(time);
  char text[64];
  const int size = std::snprintf(text, sizeof text, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", c.year, c.month, c.day,
                                 c.hour, c.minute, c.second, c.milliseconds);
  return {text, static_cast<std::size_t>(size)};
}

/// `20261123T043905Z`, read.
[[nodiscard]] inline std::optional<wall_time> parse_amz_time(std::string_view text) noexcept {
  if (text.size() != 16 || text[8] != 'T' || text[15] != 'Z') return std::nullopt;
  return detail::from_civil(detail::number_at(text, 0, 4), detail::number_at(text, 4, 2), detail::number_at(text, 6, 2),
                            detail::number_at(text, 9, 2), detail::number_at(text, 11, 2),
                            detail::number_at(text, 13, 2));
}

}  // namespace s3pager::testing
