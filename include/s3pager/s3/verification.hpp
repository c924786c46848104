// What is known of an object's bytes besides how many they are. Knows how nothing of it is found out.
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

#include "s3pager/checksum/digest.hpp"

namespace s3pager {

/// What is done with the checksums that a service keeps of its objects.
enum class verify : std::uint8_t {
  off,              ///< they are not asked for
  as_it_arrives,    ///< pages come as they arrive; the last one of an object only when its checksum holds
  before_delivery,  ///< likewise, but of an object that fits into one slot nothing comes before its checksum holds
};

/// Whether an object's bytes were held against a checksum that its service keeps; and if not, why.
enum class verification : std::uint8_t {
  pending,     ///< its last page has not come yet
  off,         ///< verify::off
  none_given,  ///< the service gave none
  composite,   ///< only a checksum of its parts' checksums was given, which says nothing of the bytes themselves
  sliced,      ///< it was asked for in ranges, and of some the service gave none
  failed,      ///< it could not be read: page::failure() says why
  ambiguous,   ///< one came, but not of these bytes, nor surely of the whole object
  crc64nvme,   ///< this checksum holds; and so on
  crc32c,
  crc32,
  sha1,
  sha256,
};

/// All of its bytes were held against a checksum, and it holds.
[[nodiscard]] constexpr bool verified(verification what) noexcept { return what >= verification::crc64nvme; }
[[nodiscard]] constexpr verification verified_by(checksum::algorithm of) noexcept {
  switch (of) {
    case checksum::algorithm::crc64nvme: return verification::crc64nvme;
    case checksum::algorithm::crc32c: return verification::crc32c;
    case checksum::algorithm::crc32: return verification::crc32;
    case checksum::algorithm::sha1: return verification::sha1;
    case checksum::algorithm::sha256: return verification::sha256;
  }
  return verification::ambiguous;
}

/// In words, of static storage.
[[nodiscard]] constexpr std::string_view describe(verification what) noexcept {
  switch (what) {
    case verification::pending: return "not verified yet";
    case verification::off: return "not verified: switched off";
    case verification::none_given: return "not verified: the service gave no checksum";
    case verification::composite: return "not verified: the service gave only a checksum of the parts' checksums";
    case verification::sliced: return "not verified: the service gave no checksum of the ranges asked for";
    case verification::failed: return "not verified: it could not be read";
    case verification::ambiguous: return "not verified: the service gave a checksum, but not surely of these bytes";
    case verification::crc64nvme: return "verified by CRC64NVME";
    case verification::crc32c: return "verified by CRC32C";
    case verification::crc32: return "verified by CRC32";
    case verification::sha1: return "verified by SHA-1";
    case verification::sha256: return "verified by SHA-256";
  }
  return "unknown";
}

namespace detail {

/// A value that one thread sets while others read it: pages of an object may be anywhere when its last one comes. Copies as its value.
template <class T>
class relaxed {
 public:
  constexpr explicit relaxed(T value) noexcept : value_(value) {}
  relaxed(const relaxed& other) noexcept : value_(other.load()) {}
  relaxed& operator=(const relaxed& other) noexcept {
    store(other.load());
    return *this;
  }
  [[nodiscard]] T load() const noexcept { return value_.load(std::memory_order_relaxed); }
  void store(T value) noexcept { value_.store(value, std::memory_order_relaxed); }

 private:
  std::atomic<T> value_;
};

}  // namespace detail

}  // namespace s3pager
