// The character classes of HTTP/1.1 (RFC 9110 5.6.2, 5.5) and fast ways over runs of them.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

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

/// Visible ASCII: what a request's target is made of.
[[nodiscard]] constexpr bool is_visible(char c) noexcept { return c > 0x20 && c < 0x7f; }

[[nodiscard]] constexpr bool is_blank(char c) noexcept { return c == ' ' || c == '\t'; }

[[nodiscard]] constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

/// What a header's value is made of: anything but control characters, of which only the tab may be there.
[[nodiscard]] constexpr bool is_text(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return (byte >= 0x20 && byte != 0x7f) || c == '\t';
}

#if defined(__SSE2__)

/// The bytes of `text` from `low` to `high`, as a mask of all ones.
[[nodiscard]] inline __m128i in_range(__m128i text, char low, char high) noexcept {
  const __m128i above = _mm_sub_epi8(text, _mm_set1_epi8(low));
  return _mm_cmpeq_epi8(_mm_min_epu8(above, _mm_set1_epi8(static_cast<char>(high - low))), above);
}

/// The first place in [p, end) whose character is not `kept`, or end. Sixteen at a time: `keeps` marks those of a block that surely are.
template <class Keeps, class Kept>
[[nodiscard]] const char* skip_blocks(const char* p, const char* end, Keeps keeps, Kept kept) noexcept {
  const char* const begin = p;
  const auto kept_at = [&](const char* at) {
    return static_cast<unsigned>(_mm_movemask_epi8(keeps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at)))));
  };
  while (end - p >= 16) {
    const unsigned mask = kept_at(p);
    if (mask == 0xffff) {
      p += 16;
      continue;
    }
    p += std::countr_one(mask);
    if (!kept(*p)) return p;
    ++p;
  }
  // The rest with the last block, some of which is known already.
  if (p != end && end - begin >= 16 && (kept_at(end - 16) >> (16 - (end - p))) == 0xffffU >> (16 - (end - p))) return end;
  while (p != end && kept(*p)) ++p;
  return p;
}

/// The first character in [p, end) that isn't text, or end.
[[nodiscard]] inline const char* skip_text(const char* p, const char* end) noexcept {
  const auto keeps = [](__m128i block) {
    const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8(0x1f)), block);
    return _mm_andnot_si128(_mm_or_si128(control, _mm_cmpeq_epi8(block, _mm_set1_epi8(0x7f))), _mm_set1_epi8(-1));
  };
  return skip_blocks(p, end, keeps, [](char c) { return is_text(c); });
}

/// The first character in [p, end) that isn't a token's, or end. Of a block only letters, digits and hyphens are known.
[[nodiscard]] inline const char* skip_token(const char* p, const char* end) noexcept {
  const auto keeps = [](__m128i block) {
    const __m128i letter = in_range(_mm_or_si128(block, _mm_set1_epi8(0x20)), 'a', 'z');
    return _mm_or_si128(_mm_or_si128(letter, in_range(block, '0', '9')), _mm_cmpeq_epi8(block, _mm_set1_epi8('-')));
  };
  return skip_blocks(p, end, keeps, [](char c) { return is_token_character(c); });
}

/// The first character in [p, end) that isn't visible, or end.
[[nodiscard]] inline const char* skip_visible(const char* p, const char* end) noexcept {
  return skip_blocks(p, end, [](__m128i block) { return in_range(block, 0x21, 0x7e); }, [](char c) { return is_visible(c); });
}

#else

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

/// The first character in [p, end) that isn't a token's, or end.
[[nodiscard]] inline const char* skip_token(const char* p, const char* end) noexcept {
  while (p != end && is_token_character(*p)) ++p;
  return p;
}

/// The first character in [p, end) that isn't visible, or end.
[[nodiscard]] inline const char* skip_visible(const char* p, const char* end) noexcept {
  while (p != end && is_visible(*p)) ++p;
  return p;
}

#endif

[[nodiscard]] inline bool is_token(std::string_view text) noexcept {
  const char* const end = text.data() + text.size();
  return !text.empty() && skip_token(text.data(), end) == end;
}

}  // namespace s3pager::http::detail
