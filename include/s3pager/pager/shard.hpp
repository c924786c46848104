// A part of the key space: which of several workers a key belongs to. Knows nothing of workers.
#pragma once

#include <cstdint>
#include <string_view>

namespace s3pager {

/// One of `count` equal parts of all keys, by a hash of the key (FNV-1a, 64 bits) that is the same on every machine and in every
/// version: shards of one run may be on different machines.
struct shard {
  std::uint32_t index = 0;  ///< 0 to count - 1
  std::uint32_t count = 1;

  [[nodiscard]] constexpr bool owns(std::string_view key) const noexcept {
    if (count <= 1) return true;
    std::uint64_t hash = 0xcbf29ce484222325U;
    for (const char c : key) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    // The low bits of FNV alone are weak where keys differ in their last characters only.
    hash ^= hash >> 32;
    return hash % count == index;
  }
};

}  // namespace s3pager
