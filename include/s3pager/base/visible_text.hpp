// Text that goes into headers, URLs and messages: what may be in it. Knows not what it is for.
#pragma once

#include <string>
#include <string_view>

namespace s3pager {

/// Blanks and control characters are in no credential, region or URL, but often in what was pasted; and a line break would end a
/// header.
[[nodiscard]] constexpr bool all_visible(std::string_view text) noexcept {
  for (const char c : text)
    if (c <= ' ' || c > '~') return false;
  return true;
}

[[nodiscard]] inline std::string not_visible_message(std::string_view name) {
  return std::string(name) + " holds a space, a line break or another character that can't be in it";
}

}  // namespace s3pager
