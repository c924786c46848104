// Percent-encoding as AWS wants it in paths and queries, and its inverse. The one encoder for what is signed and what
// is sent; knows nothing of URLs: bytes are encoded as they are, nothing is normalised.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace s3pager {

/// What becomes of '/': kept in a path, encoded in a query's names and values.
enum class slash { keep, encode };

/// What '+' means when decoding: itself, or a space (form encoding, and some answers to `encoding-type=url`).
enum class plus { literal, space };

namespace detail {

/// RFC 3986 2.3: the characters that are never encoded.
[[nodiscard]] constexpr bool is_unreserved(unsigned char c) noexcept {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

[[nodiscard]] constexpr std::array<bool, 256> uri_kept_characters(slash mode) noexcept {
  std::array<bool, 256> kept{};
  for (std::size_t c = 0; c < kept.size(); ++c)
    kept[c] = is_unreserved(static_cast<unsigned char>(c)) || (c == '/' && mode == slash::keep);
  return kept;
}

inline constexpr std::array<bool, 256> kept_in_paths = uri_kept_characters(slash::keep);
inline constexpr std::array<bool, 256> kept_in_queries = uri_kept_characters(slash::encode);

[[nodiscard]] constexpr const std::array<bool, 256>& uri_kept(slash mode) noexcept {
  return mode == slash::keep ? kept_in_paths : kept_in_queries;
}

}  // namespace detail

/// The value of a hexadecimal digit of either case, or -1.
[[nodiscard]] constexpr int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// How many characters uri_encode() writes for `text`.
[[nodiscard]] constexpr std::size_t uri_encoded_size(std::string_view text, slash mode) noexcept {
  const auto& kept = detail::uri_kept(mode);
  std::size_t size = 0;
  for (const char c : text) size += kept[static_cast<unsigned char>(c)] ? 1 : 3;
  return size;
}

/// Writes `text` percent-encoded (upper-case digits) to `out`, which has room for uri_encoded_size() characters.
/// Returns the end of what it wrote. `//`, `.` and `..` pass as they are: S3 keys are opaque.
constexpr char* uri_encode(std::string_view text, char* out, slash mode) noexcept {
  constexpr char digits[] = "0123456789ABCDEF";
  const auto& kept = detail::uri_kept(mode);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (kept[byte]) {
      *out++ = c;
    } else {
      *out++ = '%';
      *out++ = digits[byte >> 4];
      *out++ = digits[byte & 15];
    }
  }
  return out;
}

/// Appends `text` percent-encoded to `out`.
inline void append_uri_encoded(std::string& out, std::string_view text, slash mode) {
  const std::size_t before = out.size();
  out.resize(before + uri_encoded_size(text, mode));
  uri_encode(text, out.data() + before, mode);
}

/// Appends the bytes that `text` stands for to `out`. False, with `out` as it was, if a '%' isn't followed by two
/// hexadecimal digits. Characters that needn't be encoded, or should have been, are taken as they are.
[[nodiscard]] inline bool append_uri_decoded(std::string& out, std::string_view text, plus mode = plus::literal) {
  const std::size_t before = out.size();
  out.reserve(before + text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '%') {
      const int high = text.size() - i > 2 ? hex_value(text[i + 1]) : -1;
      const int low = high >= 0 ? hex_value(text[i + 2]) : -1;
      if (low < 0) {
        out.resize(before);
        return false;
      }
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += c == '+' && mode == plus::space ? ' ' : c;
    }
  }
  return true;
}

}  // namespace s3pager
