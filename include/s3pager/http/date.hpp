// Dates as HTTP's header fields have them, read and written. Knows no clock but the time it is given, and no locale.
// RFC 9110 5.6.7
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "s3pager/base/clock.hpp"

namespace s3pager::http {

namespace detail {

/// Takes a text apart from its front; the first thing that is not as expected makes all of it wrong.
class date_reader {
 public:
  explicit constexpr date_reader(std::string_view text) noexcept : rest_(text) {}

  constexpr void literal(std::string_view expected) noexcept {
    if (rest_.substr(0, expected.size()) != expected) return fail();
    rest_.remove_prefix(expected.size());
  }
  [[nodiscard]] constexpr unsigned number(std::size_t digits) noexcept {
    unsigned value = 0;
    for (; digits > 0; --digits) {
      if (rest_.empty() || rest_[0] < '0' || rest_[0] > '9') {
        fail();
        return 0;
      }
      value = value * 10 + static_cast<unsigned>(rest_[0] - '0');
      rest_.remove_prefix(1);
    }
    return value;
  }
  /// The position of the name that comes next; names are letters only, and what follows is none.
  template <std::size_t Count>
  [[nodiscard]] constexpr unsigned name(const std::array<std::string_view, Count>& names) noexcept {
    std::size_t size = 0;
    while (size < rest_.size() && ((rest_[size] | 0x20) >= 'a' && (rest_[size] | 0x20) <= 'z')) ++size;
    for (unsigned i = 0; i < Count; ++i) {
      if (rest_.substr(0, size) != names[i]) continue;
      rest_.remove_prefix(size);
      return i;
    }
    fail();
    return 0;
  }
  [[nodiscard]] constexpr bool at(char next) const noexcept { return !rest_.empty() && rest_[0] == next; }
  [[nodiscard]] constexpr bool done() const noexcept { return right_ && rest_.empty(); }

 private:
  constexpr void fail() noexcept {
    right_ = false;
    rest_ = {};
  }
  std::string_view rest_;
  bool right_ = true;
};

inline constexpr std::array<std::string_view, 12> month_names{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                              "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
inline constexpr std::array<std::string_view, 14> day_names{"Sun",    "Mon",    "Tue",     "Wed",       "Thu",
                                                            "Fri",    "Sat",    "Sunday",  "Monday",    "Tuesday",
                                                            "Wednesday", "Thursday", "Friday", "Saturday"};

}  // namespace detail

/// `Sun, 06 Nov 1994 08:49:37 GMT` or one of the two obsolete forms, `Sunday, 06-Nov-94 08:49:37 GMT` and
/// `Sun Nov  6 08:49:37 1994`; nothing for what is no date, or of no year from 1970 to 2199. `now` tells which century two digits of a year mean: a date more than
/// 50 years ahead is one of the past. The day of the week is not held against the date.
[[nodiscard]] inline std::optional<wall_time> parse_date(std::string_view text, wall_time now) noexcept {
  detail::date_reader in(text);
  unsigned year = 0;
  unsigned month = 0;
  unsigned day = 0;
  std::array<unsigned, 3> clock{};
  const auto read_clock = [&in, &clock] {
    clock[0] = in.number(2);
    in.literal(":");
    clock[1] = in.number(2);
    in.literal(":");
    clock[2] = in.number(2);
  };
  const bool full_name = in.name(detail::day_names) >= 7;
  if (in.at(',')) {
    in.literal(", ");
    day = in.number(2);
    in.literal(full_name ? "-" : " ");
    month = in.name(detail::month_names) + 1;
    in.literal(full_name ? "-" : " ");
    year = in.number(full_name ? 2 : 4);
    in.literal(" ");
    read_clock();
    in.literal(" GMT");
  } else {
    in.literal(" ");
    month = in.name(detail::month_names) + 1;
    in.literal(" ");
    if (in.at(' ')) in.literal(" ");
    else day = in.number(1);
    day = day * 10 + in.number(1);
    in.literal(" ");
    read_clock();
    in.literal(" ");
    year = in.number(4);
  }
  // Of any two of these years the difference fits a duration.
  if (!in.done() || clock[0] > 23 || clock[1] > 59 || clock[2] > 60 || (!full_name && (year < 1970 || year > 2199)))
    return std::nullopt;
  if (full_name) {
    const std::chrono::year_month_day today(std::chrono::floor<std::chrono::days>(now));
    const auto this_year = static_cast<unsigned>(static_cast<int>(today.year()));
    year += this_year / 100 * 100;
    if (year > this_year + 50) year -= 100;
  }
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(year)), std::chrono::month(month),
                                         std::chrono::day(day)};
  if (!date.ok()) return std::nullopt;
  return wall_time{std::chrono::sys_days(date)} + std::chrono::hours(clock[0]) + std::chrono::minutes(clock[1]) +
         std::chrono::seconds(clock[2]);
}

/// `Wed, 21 Oct 2015 07:28:00 GMT` (RFC 9110 5.6.7), without a locale.
[[nodiscard]] inline std::string format_date(wall_time time) {
  const auto second = std::chrono::floor<std::chrono::seconds>(time);
  const auto day = std::chrono::floor<std::chrono::days>(second);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(second - day);
  const auto two = [](auto value) {
    const auto number = static_cast<unsigned>(value);
    return std::string{static_cast<char>('0' + number / 10 % 10), static_cast<char>('0' + number % 10)};
  };
  std::string text(detail::day_names[std::chrono::weekday(day).c_encoding()]);
  text += ", " + two(static_cast<unsigned>(date.day())) + " ";
  text += detail::month_names[static_cast<unsigned>(date.month()) - 1];
  const std::string year = std::to_string(static_cast<int>(date.year()));
  text += " " + std::string(4 - std::min<std::size_t>(4, year.size()), '0') + year;
  text += " " + two(clock.hours().count()) + ":" + two(clock.minutes().count()) + ":" + two(clock.seconds().count());
  return text + " GMT";
}

}  // namespace s3pager::http
