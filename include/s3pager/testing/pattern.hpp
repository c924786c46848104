// The contents of synthetic objects: a fixed random block, of which every MiB of an object shows another part. Stores
// nothing an object, and needs no computing to send. Knows no buckets.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace s3pager::testing {

namespace detail {

/// One step of splitmix64: a bijection that scatters its input.
[[nodiscard]] constexpr std::uint64_t mix(std::uint64_t x) noexcept {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

inline constexpr std::size_t pattern_segment = std::size_t{1} << 20;

class pattern_block {
 public:
  [[nodiscard]] static const pattern_block& instance() noexcept {
    static const pattern_block block;
    return block;
  }
  [[nodiscard]] const std::byte* data() const noexcept { return bytes_.data(); }

 private:
  pattern_block() noexcept {
    for (std::size_t i = 0; i < bytes_.size(); i += sizeof(std::uint64_t)) {
      const std::uint64_t word = mix(i);
      std::memcpy(bytes_.data() + i, &word, sizeof word);
    }
  }

  std::array<std::byte, 2 * pattern_segment> bytes_;
};

}  // namespace detail

/// Up to `most` bytes of a synthetic object from `offset` on, in memory that lives as long as the program; at least one
/// if `most` is not zero. A span ends at the latest where the object's next MiB begins. Knows no object's size.
[[nodiscard]] inline std::span<const std::byte> synthetic_span(std::uint64_t seed, std::uint64_t index,
                                                               std::uint64_t offset, std::size_t most) noexcept {
  const std::uint64_t segment = offset / detail::pattern_segment;
  const auto within = static_cast<std::size_t>(offset % detail::pattern_segment);
  // A place of its own for each segment, so that bytes of another object or from another offset are seen to be wrong.
  const std::uint64_t place = detail::mix(detail::mix(detail::mix(seed) ^ index) ^ segment) % detail::pattern_segment;
  return {detail::pattern_block::instance().data() + place + within, std::min(most, detail::pattern_segment - within)};
}

/// Writes the bytes of the synthetic object number `index` of a bucket with this `seed`, from `offset` on, to `out`.
inline void synthetic_bytes(std::uint64_t seed, std::uint64_t index, std::uint64_t offset,
                            std::span<std::byte> out) noexcept {
  while (!out.empty()) {
    const auto next = synthetic_span(seed, index, offset, out.size());
    std::memcpy(out.data(), next.data(), next.size());
    out = out.subspan(next.size());
    offset += next.size();
  }
}

/// Whether `bytes` are those of the synthetic object number `index` from `offset` on.
[[nodiscard]] inline bool synthetic_equal(std::uint64_t seed, std::uint64_t index, std::uint64_t offset,
                                          std::span<const std::byte> bytes) noexcept {
  while (!bytes.empty()) {
    const auto next = synthetic_span(seed, index, offset, bytes.size());
    if (std::memcmp(bytes.data(), next.data(), next.size()) != 0) return false;
    bytes = bytes.subspan(next.size());
    offset += next.size();
  }
  return true;
}

/// A size for object number `index`, of any magnitude up to `most`, small ones as often as large ones; 0 for number 0.
[[nodiscard]] constexpr std::uint64_t mixed_size(std::uint64_t seed, std::uint64_t index, std::uint64_t most) noexcept {
  if (index == 0 || most == 0) return 0;
  const std::uint64_t random = detail::mix(detail::mix(seed) + index);
  const std::uint64_t halved = most >> (random % 24);
  return halved == 0 ? 0 : detail::mix(random) % (halved + 1);
}

}  // namespace s3pager::testing
