// What can be a part of a host name between dots. Knows nothing of what it stands for.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "s3pager/base/bytes.hpp"

namespace s3pager::aws::detail {

/// 1 to 63 letters, digits and '-', none of these at an end (RFC 1123 2.1).
[[nodiscard]] constexpr bool is_host_label(std::string_view text) noexcept {
  if (text.empty() || text.size() > 63 || text.front() == '-' || text.back() == '-') return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    const char lower = ascii_lower(c);
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

/// One of these, or several with a dot between each two.
[[nodiscard]] constexpr bool are_host_labels(std::string_view text) noexcept {
  for (std::size_t dot = text.find('.'); dot != std::string_view::npos; dot = text.find('.')) {
    if (!is_host_label(text.substr(0, dot))) return false;
    text.remove_prefix(dot + 1);
  }
  return is_host_label(text);
}

[[nodiscard]] constexpr bool has_upper_case(std::string_view text) noexcept {
  return std::any_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

}  // namespace s3pager::aws::detail
