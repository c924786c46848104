// What the conditions and the range of a GET ask for, held against an object (RFC 9110 13 and 14). Sends nothing.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#include "s3pager/base/bytes.hpp"
#include "s3pager/base/clock.hpp"
#include "s3pager/http/header_fields.hpp"
#include "s3pager/testing/times.hpp"

namespace s3pager::testing {

enum class condition_verdict : std::uint8_t { proceed, not_modified, precondition_failed };

namespace detail {

/// Whether a list of entity tags names `etag` (without quotes). Weak tags match if `weak` says so. Tags without quotes
/// count too, as S3 takes them.
[[nodiscard]] inline bool names_etag(std::string_view list, std::string_view etag, bool weak) noexcept {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    std::string_view tag = list.substr(0, comma);
    list.remove_prefix(std::min(comma + 1, list.size()));
    while (!tag.empty() && (tag.front() == ' ' || tag.front() == '\t')) tag.remove_prefix(1);
    while (!tag.empty() && (tag.back() == ' ' || tag.back() == '\t')) tag.remove_suffix(1);
    if (tag == "*") return true;
    if (tag.substr(0, 2) == "W/") {
      if (!weak) continue;
      tag.remove_prefix(2);
    }
    if (tag.size() >= 2 && tag.front() == '"' && tag.back() == '"') tag = tag.substr(1, tag.size() - 2);
    if (tag == etag) return true;
  }
  return false;
}

}  // namespace detail

/// In the order of RFC 9110 13.2.2: If-Match outdoes If-Unmodified-Since, If-None-Match outdoes If-Modified-Since. A
/// date that is none is ignored.
[[nodiscard]] inline condition_verdict evaluate_conditions(const http::header_fields& headers, std::string_view etag,
                                                           wall_time last_modified) noexcept {
  const auto modified = std::chrono::floor<std::chrono::seconds>(last_modified);
  const auto date = [&headers](std::string_view name) -> std::optional<wall_time> {
    const auto value = headers.find(name);
    return value ? parse_http_date(*value) : std::nullopt;
  };
  if (const auto match = headers.find("If-Match")) {
    if (!detail::names_etag(*match, etag, false)) return condition_verdict::precondition_failed;
  } else if (const auto since = date("If-Unmodified-Since"); since && modified > *since) {
    return condition_verdict::precondition_failed;
  }
  if (const auto none_match = headers.find("If-None-Match")) {
    if (detail::names_etag(*none_match, etag, true)) return condition_verdict::not_modified;
  } else if (const auto since = date("If-Modified-Since"); since && modified <= *since) {
    return condition_verdict::not_modified;
  }
  return condition_verdict::proceed;
}

enum class range_verdict : std::uint8_t {
  whole,          ///< no range, or one that is not understood and so ignored: several ranges, other units
  part,
  unsatisfiable,  ///< 416
};

struct range_result {
  range_verdict verdict = range_verdict::whole;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;  ///< for whole: the object's size
};

/// Reads a Range header for an object of `size` bytes: `bytes=a-b`, `bytes=a-` or `bytes=-n`.
[[nodiscard]] inline range_result parse_range(std::string_view header, std::uint64_t size) noexcept {
  const range_result whole{range_verdict::whole, 0, size};
  constexpr std::string_view unit = "bytes=";
  if (!equals_ignoring_case(header.substr(0, unit.size()), unit)) return whole;
  header.remove_prefix(unit.size());
  const std::size_t dash = header.find('-');
  if (dash == std::string_view::npos) return whole;
  // A number beyond 64 bits is beyond every object, too.
  const auto number = [](std::string_view digits) -> std::optional<std::uint64_t> {
    std::uint64_t value = 0;
    for (const char c : digits) {
      if (c < '0' || c > '9') return std::nullopt;
      const auto digit = static_cast<std::uint64_t>(c - '0');
      constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
      value = value > (most - digit) / 10 ? most : value * 10 + digit;
    }
    return value;
  };
  const std::string_view first_digits = header.substr(0, dash);
  const std::string_view last_digits = header.substr(dash + 1);
  const auto first = number(first_digits);
  const auto last = number(last_digits);
  if (!first || !last || (first_digits.empty() && last_digits.empty())) return whole;
  if (first_digits.empty()) {
    const std::uint64_t length = std::min(*last, size);
    if (length == 0) return {range_verdict::unsatisfiable, 0, 0};
    return {range_verdict::part, size - length, length};
  }
  if (!last_digits.empty() && *last < *first) return whole;
  if (*first >= size) return {range_verdict::unsatisfiable, 0, 0};
  const std::uint64_t end = last_digits.empty() ? size : std::min(*last, size - 1) + 1;
  return {range_verdict::part, *first, end - *first};
}

}  // namespace s3pager::testing
