// The character classes of HTTP/1.1 (RFC 9110 5.6.2, 5.5) and a fast way over text that has no control characters.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace s3pager::http::detail {

[[nodiscard]] constexpr std::array<bool, 256> token_characters() noexcept {
  std::array<bool, 256> token{};
  for (char c = '0'; c <= '9'; ++c) token[static_cast<unsigned char>(c)] = true;
  for (char c = 'a'; c <= 'z'; ++c) token[static_cast<unsigned char>(c)] = true;
  for (char c = 'A'; c <= 'Z'; ++c) token[static_cast<unsigned char>(c)] = true;
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) token[static_cast<unsigned char>(c)] = true;
  return token;
}

inline constexpr std::array<bool, 256> token_table = token_characters();

[[nodiscard]] constexpr bool is_token_character(char c) noexcept { return token_table[static_cast<unsigned char>(c)]; }

[[nodiscard]] constexpr bool is_token(std::string_view text) noexcept {
  for (const char c : text)
    if (!is_token_character(c)) return false;
  return !text.empty();
}

/// Visible ASCII: what a request's target is made of.
[[nodiscard]] constexpr bool is_visible(char c) noexcept { return c > 0x20 && c < 0x7f; }

[[nodiscard]] constexpr bool is_blank(char c) noexcept { return c == ' ' || c == '\t'; }

[[nodiscard]] constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

/// What a header's value is made of: anything but control characters, of which only the tab may be there.
[[nodiscard]] constexpr bool is_text(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return (byte >= 0x20 && byte != 0x7f) || c == '\t';
}

/// The first character in [p, end) that isn't text, or end. Eight at a time: values are most of a head.
[[nodiscard]] inline const char* skip_text(const char* p, const char* end) noexcept {
  if constexpr (std::endian::native == std::endian::little) {
    constexpr std::uint64_t ones = 0x0101010101010101;
    while (end - p >= 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, p, sizeof word);
      const std::uint64_t deletes = word ^ (ones * 0x7f);
      // A borrow can mark a byte falsely only above one that is marked truly, so the lowest mark is always true.
      const std::uint64_t marks =
          (((word - ones * 0x20) & ~word) | ((deletes - ones) & ~deletes)) & (ones * 0x80);
      if (marks == 0) {
        p += 8;
        continue;
      }
      p += std::countr_zero(marks) / 8;
      if (*p != '\t') return p;
      ++p;
    }
  }
  while (p != end && is_text(*p)) ++p;
  return p;
}

}  // namespace s3pager::http::detail
