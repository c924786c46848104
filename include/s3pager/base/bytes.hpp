// Small helpers between bytes, characters and hexadecimal.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

namespace s3pager {

[[nodiscard]] inline std::string_view as_chars(std::span<const std::byte> bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

[[nodiscard]] inline std::span<const std::byte> as_byte_span(std::string_view text) noexcept {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

namespace detail {

/// The two digits of each byte, one after the other.
inline constexpr std::array<char, 512> hex_pairs = [] {
  constexpr char digits[] = "0123456789abcdef";
  std::array<char, 512> made{};
  for (std::size_t byte = 0; byte < 256; ++byte) {
    made[2 * byte] = digits[byte >> 4];
    made[2 * byte + 1] = digits[byte & 15];
  }
  return made;
}();

}  // namespace detail

/// Lower-case hexadecimal of `in` to `out`, which has room for 2 * in.size() characters.
inline void write_hex(std::span<const unsigned char> in, char* out) noexcept {
  for (const unsigned char byte : in) {
    std::memcpy(out, &detail::hex_pairs[std::size_t{2} * byte], 2);
    out += 2;
  }
}

/// ASCII only, as HTTP field names are compared (RFC 9110 5.1): never the locale's.
[[nodiscard]] constexpr char ascii_lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

namespace detail {

/// Eight characters of each at a time.
[[nodiscard]] inline bool words_equal_ignoring_case(const char* a, const char* b) noexcept {
  constexpr std::uint64_t ones = 0x0101010101010101;
  std::uint64_t x = 0;
  std::uint64_t y = 0;
  std::memcpy(&x, a, sizeof x);
  std::memcpy(&y, b, sizeof y);
  // Where they may differ by the bit of the case: a letter, whose high bit is not set.
  const std::uint64_t lower = (x | ones * 0x20) & ones * 0x7f;
  const std::uint64_t letter = (lower + ones * (0x80 - 'a')) & ~(lower + ones * (0x80 - 'z' - 1)) & ~x & ones * 0x80;
  return ((x ^ y) & ~(letter >> 2)) == 0;
}

}  // namespace detail

[[nodiscard]] constexpr bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  std::size_t at = 0;
  if (!std::is_constant_evaluated()) {
    for (; a.size() - at >= 8; at += 8)
      if (!detail::words_equal_ignoring_case(a.data() + at, b.data() + at)) return false;
  }
  for (; at < a.size(); ++at)
    if (ascii_lower(a[at]) != ascii_lower(b[at])) return false;
  return true;
}

}  // namespace s3pager
