// The checksums that S3 knows as values: what an answer claims of bytes, as `x-amz-checksum-*` carries it, and what they come to.
// Knows no headers' names but these and no answer.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
#pragma once

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "s3pager/base/base64.hpp"

namespace s3pager::checksum {

/// In the order in which one is chosen where an answer has several: the cheapest to compute first.
enum class algorithm : std::uint8_t { crc64nvme, crc32c, crc32, sha1, sha256 };

inline constexpr std::array<algorithm, 5> algorithms{algorithm::crc64nvme, algorithm::crc32c, algorithm::crc32,
                                                     algorithm::sha1, algorithm::sha256};

[[nodiscard]] constexpr std::size_t digest_bytes(algorithm of) noexcept {
  switch (of) {
    case algorithm::crc64nvme: return 8;
    case algorithm::crc32c:
    case algorithm::crc32: return 4;
    case algorithm::sha1: return 20;
    case algorithm::sha256: return 32;
  }
  return 0;
}

[[nodiscard]] constexpr std::string_view header_name(algorithm of) noexcept {
  switch (of) {
    case algorithm::crc64nvme: return "x-amz-checksum-crc64nvme";
    case algorithm::crc32c: return "x-amz-checksum-crc32c";
    case algorithm::crc32: return "x-amz-checksum-crc32";
    case algorithm::sha1: return "x-amz-checksum-sha1";
    case algorithm::sha256: return "x-amz-checksum-sha256";
  }
  return {};
}

/// A checksum's bytes, the most significant first; the rest is zero.
struct digest {
  std::array<std::byte, 32> bytes{};
  std::uint8_t size = 0;

  [[nodiscard]] std::span<const std::byte> view() const noexcept { return {bytes.data(), size}; }
  bool operator==(const digest&) const noexcept = default;

  template <class Word>
  [[nodiscard]] static digest of_word(Word value) noexcept {
    digest made;
    made.size = sizeof(Word);
    for (std::size_t i = sizeof(Word); i > 0; --i, value = static_cast<Word>(value >> 8))
      made.bytes[i - 1] = static_cast<std::byte>(value & 0xff);
    return made;
  }
  /// The inverse.
  template <class Word>
  [[nodiscard]] Word word() const noexcept {
    assert(size == sizeof(Word));
    Word value = 0;
    for (std::size_t i = 0; i < sizeof(Word); ++i)
      value = static_cast<Word>((std::uint64_t{value} << 8) | std::to_integer<std::uint64_t>(bytes[i]));
    return value;
  }
};

/// What an answer says of bytes.
struct claim {
  checksum::algorithm algorithm = algorithm::crc64nvme;
  digest value = {};
  std::uint32_t parts = 0;  ///< not 0: a checksum of that many parts' checksums (`value-N`), which says nothing of the bytes themselves

  [[nodiscard]] bool composite() const noexcept { return parts != 0; }
  bool operator==(const claim&) const noexcept = default;
};

/// As headers have it.
[[nodiscard]] inline std::string to_base64(const digest& of) { return s3pager::to_base64(std::span(of.bytes).first(of.size)); }

/// Reads the value of a header `x-amz-checksum-<algorithm>`: base64, and `-N` (1 to 10,000) after it where it is made of parts'
/// checksums. Nothing if it is neither.
[[nodiscard]] inline std::optional<claim> parse_claim(algorithm of, std::string_view text) noexcept {
  std::optional<claim> made(std::in_place);
  made->algorithm = of;
  if (const std::size_t dash = text.find('-'); dash != std::string_view::npos) {
    const std::string_view number = text.substr(dash + 1);
    if (number.empty() || number.size() > 5 || number[0] == '0') return std::nullopt;
    for (const char c : number) {
      if (c < '0' || c > '9') return std::nullopt;
      made->parts = made->parts * 10 + static_cast<std::uint32_t>(c - '0');
    }
    if (made->parts > 10'000) return std::nullopt;
    text = text.substr(0, dash);
  }
  made->value.size = static_cast<std::uint8_t>(digest_bytes(of));
  if (!from_base64(text, std::span(made->value.bytes).first(made->value.size))) return std::nullopt;
  return made;
}

}  // namespace s3pager::checksum
