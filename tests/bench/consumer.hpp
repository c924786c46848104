// What is done with the bytes of objects; the same for every contestant.
#pragma once

#include <cstddef>
#include <cstdint>
#include <s3pager/checksum/crc.hpp>
#include <span>

namespace bench {

enum class consumption : std::uint8_t {
  count,     ///< nothing looks at them
  checksum,  ///< each is read once, by a CRC32C over all of them as they come
};

class consumer {
 public:
  explicit consumer(consumption how) noexcept : how_(how) {}

  void take(std::span<const std::byte> bytes) noexcept {
    bytes_ += bytes.size();
    if (how_ == consumption::checksum) sum_.update(bytes);
  }
  void take(const char* begin, std::size_t size) noexcept { take({reinterpret_cast<const std::byte*>(begin), size}); }

  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
  /// So that no compiler finds out that nobody wants to know it.
  [[nodiscard]] std::uint32_t sum() const noexcept { return sum_.value(); }

 private:
  consumption how_;
  std::uint64_t bytes_ = 0;
  s3pager::checksum::crc32c_state sum_;
};

}  // namespace bench
