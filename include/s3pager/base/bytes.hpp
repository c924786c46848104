// Small helpers between bytes, characters and hexadecimal.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace s3pager {

[[nodiscard]] inline std::string_view as_chars(std::span<const std::byte> bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

[[nodiscard]] inline std::span<const std::byte> as_byte_span(std::string_view text) noexcept {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

/// Lower-case hexadecimal of `in` to `out`, which has room for 2 * in.size() characters.
inline void write_hex(std::span<const unsigned char> in, char* out) noexcept {
  static constexpr char digits[] = "0123456789abcdef";
  for (const unsigned char byte : in) {
    *out++ = digits[byte >> 4];
    *out++ = digits[byte & 15];
  }
}

/// ASCII only, as HTTP field names are compared (RFC 9110 5.1): never the locale's.
[[nodiscard]] constexpr char ascii_lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

[[nodiscard]] constexpr bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (ascii_lower(a[i]) != ascii_lower(b[i])) return false;
  return true;
}

}  // namespace s3pager
