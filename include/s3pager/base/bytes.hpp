// Small helpers between bytes, characters and hexadecimal.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace s3pager {

[[nodiscard]] inline std::string_view as_chars(std::span<const std::byte> bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

[[nodiscard]] inline std::span<const std::byte> as_byte_span(std::string_view text) noexcept {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

/// Copies `text` to `out`, which has room for it, and gives the end of what was written. For what is mostly short: a call of memcpy costs
/// more than copying a word or a header's name.
inline char* put_text(char* out, std::string_view text) noexcept {
  const char* const in = text.data();
  const std::size_t size = text.size();
  // Two pieces that may overlap.
  const auto both_ends = [&]<std::size_t Bytes>(std::integral_constant<std::size_t, Bytes>) {
    std::array<char, Bytes> first;
    std::array<char, Bytes> last;
    std::memcpy(first.data(), in, Bytes);
    std::memcpy(last.data(), in + size - Bytes, Bytes);
    std::memcpy(out, first.data(), Bytes);
    std::memcpy(out + size - Bytes, last.data(), Bytes);
  };
  if (size > 32) {
    std::memcpy(out, in, size);
  } else if (size >= 16) {
    both_ends(std::integral_constant<std::size_t, 16>());
  } else if (size >= 8) {
    both_ends(std::integral_constant<std::size_t, 8>());
  } else if (size >= 4) {
    both_ends(std::integral_constant<std::size_t, 4>());
  } else if (size > 0) {
    out[0] = in[0];
    out[size / 2] = in[size / 2];
    out[size - 1] = in[size - 1];
  }
  return out + size;
}

/// Lower-case hexadecimal of `in` to `out`, which has room for 2 * in.size() characters.
inline void write_hex(std::span<const unsigned char> in, char* out) noexcept {
#if defined(__SSE2__)
  // By eight, as a digest's words were written just before: a load of two stores at once would wait for both.
  for (; in.size() >= 8; in = in.subspan(8), out += 16) {
    const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(in.data()));
    const __m128i halves = _mm_and_si128(_mm_unpacklo_epi8(_mm_srli_epi16(bytes, 4), bytes), _mm_set1_epi8(0x0f));
    const __m128i letters = _mm_and_si128(_mm_cmpgt_epi8(halves, _mm_set1_epi8(9)), _mm_set1_epi8('a' - '0' - 10));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm_add_epi8(_mm_add_epi8(halves, _mm_set1_epi8('0')), letters));
  }
#endif
  static constexpr char digits_of[] = "0123456789abcdef";
  for (const unsigned char byte : in) {
    *out++ = digits_of[byte >> 4];
    *out++ = digits_of[byte & 15];
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
