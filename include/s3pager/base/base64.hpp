// Base64 as headers have it (RFC 4648 4): padded, in one line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace s3pager {

[[nodiscard]] inline std::string to_base64(std::span<const std::byte> bytes) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string made;
  made.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    std::uint32_t bits = 0;
    for (std::size_t i = at; i < at + 3; ++i) bits = bits << 8 | (i < bytes.size() ? std::to_integer<std::uint32_t>(bytes[i]) : 0U);
    const std::size_t left = bytes.size() - at;
    for (std::size_t i = 0; i < 4; ++i) made += i <= left ? digits[bits >> (18 - 6 * i) & 63] : '=';
  }
  return made;
}

/// Fills `out`. False if the text is not base64 of exactly so many bytes, padding and zero bits at the end included.
[[nodiscard]] inline bool from_base64(std::string_view text, std::span<std::byte> out) noexcept {
  const auto value_of = [](char c) -> unsigned {
    if (c >= 'A' && c <= 'Z') return static_cast<unsigned>(c - 'A');
    if (c >= 'a' && c <= 'z') return static_cast<unsigned>(c - 'a') + 26;
    if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0') + 52;
    return c == '+' ? 62 : c == '/' ? 63 : 64;
  };
  if (text.size() != (out.size() + 2) / 3 * 4) return false;
  const std::size_t digits = (out.size() * 8 + 5) / 6;
  std::uint32_t bits = 0;
  unsigned held = 0;
  std::size_t at = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i >= digits) {
      if (text[i] != '=') return false;
      continue;
    }
    const unsigned value = value_of(text[i]);
    if (value > 63) return false;
    bits = bits << 6 | value;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    out[at++] = static_cast<std::byte>(bits >> held & 0xff);
  }
  return (bits & ((1U << held) - 1)) == 0;
}

}  // namespace s3pager
