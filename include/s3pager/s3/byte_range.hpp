// Ranges of bytes, and what an answer says of the one that it is of. RFC 9110 14
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>

namespace s3pager::s3 {

/// Bytes of an object, both ends included (RFC 9110 14.1.2).
struct byte_range {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  /// Of all of 2^64 one less.
  [[nodiscard]] std::uint64_t size() const noexcept { return std::max(last - first + 1, last - first); }
  bool operator==(const byte_range&) const noexcept = default;
};

/// `bytes 0-4095/8192`, or `bytes */8192` without a range.
struct content_range {
  std::optional<byte_range> range = {};
  std::optional<std::uint64_t> total = {};  ///< none for `*`
};

/// Reads the value of Content-Range (RFC 9110 14.4); nothing if it is not one.
[[nodiscard]] inline std::optional<content_range> parse_content_range(std::string_view text) noexcept {
  const auto number = [&text](std::uint64_t& value) {
    if (text.empty() || text[0] < '0' || text[0] > '9') return false;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failed != std::errc()) return false;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return true;
  };
  const auto literal = [&text](std::string_view expected) {
    if (text.substr(0, expected.size()) != expected) return false;
    text.remove_prefix(expected.size());
    return true;
  };
  content_range made;
  if (!literal("bytes ")) return std::nullopt;
  if (!literal("*")) {
    byte_range range;
    if (!number(range.first) || !literal("-") || !number(range.last) || range.last < range.first) return std::nullopt;
    made.range = range;
  }
  if (!literal("/")) return std::nullopt;
  if (!literal("*")) {
    std::uint64_t total = 0;
    if (!number(total)) return std::nullopt;
    made.total = total;
  }
  if (!text.empty() || (!made.range && !made.total)) return std::nullopt;
  if (made.range && made.total && made.range->last >= *made.total) return std::nullopt;
  return made;
}

}  // namespace s3pager::s3
