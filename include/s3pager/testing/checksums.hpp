// The checksums that an origin says of its objects. Computed apart from s3pager/checksum, so that one can be held against
// the other. Knows no connection.
#pragma once

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "s3pager/base/bytes.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/testing/bucket.hpp"
#include "s3pager/testing/list_answer.hpp"

namespace s3pager::testing {

enum class checksum_algorithm : std::uint8_t { none, crc32, crc32c, crc64nvme, sha1, sha256 };

[[nodiscard]] constexpr std::string_view checksum_header(checksum_algorithm of) noexcept {
  switch (of) {
    case checksum_algorithm::none: break;
    case checksum_algorithm::crc32: return "x-amz-checksum-crc32";
    case checksum_algorithm::crc32c: return "x-amz-checksum-crc32c";
    case checksum_algorithm::crc64nvme: return "x-amz-checksum-crc64nvme";
    case checksum_algorithm::sha1: return "x-amz-checksum-sha1";
    case checksum_algorithm::sha256: return "x-amz-checksum-sha256";
  }
  return {};
}

/// Whether the checksum of bytes follows from those of its pieces.
[[nodiscard]] constexpr bool combines(checksum_algorithm of) noexcept {
  return of == checksum_algorithm::crc32 || of == checksum_algorithm::crc32c || of == checksum_algorithm::crc64nvme;
}

/// What an answer to a Range says.
enum class range_checksum : std::uint8_t {
  none,       ///< as Amazon S3, where the range is no part of the object's
  of_range,   ///< of the bytes that are sent, as where the range is a part
  of_object,  ///< of the whole object, as versitygw and older radosgw and MinIO
};

struct checksum_options {
  checksum_algorithm algorithm = checksum_algorithm::none;
  range_checksum of_ranges = range_checksum::none;
  std::uint32_t composite_parts = 0;  ///< not 0: an object's is that of as many parts' checksums (`value-N`), if it has a
                                      ///< byte for each
};

/// Bit by bit from its definition, a byte at a time: reflected, with inversions at both ends.
class bytewise_crc {
 public:
  /// `polynomial`: reflected, so that the highest power of x is the lowest bit.
  bytewise_crc(std::uint64_t polynomial, unsigned bits) noexcept : ones_(~std::uint64_t{0} >> (64 - bits)), bits_(bits) {
    for (unsigned byte = 0; byte < 256; ++byte) {
      std::uint64_t value = byte;
      for (int bit = 0; bit < 8; ++bit) value = (value & 1) != 0 ? value >> 1 ^ polynomial : value >> 1;
      table_[byte] = value;
    }
    state_ = ones_;
  }
  void update(std::span<const std::byte> bytes) noexcept {
    for (const std::byte each : bytes) state_ = table_[(state_ ^ static_cast<unsigned>(each)) & 0xff] ^ state_ >> 8;
  }
  /// The most significant byte first.
  [[nodiscard]] std::string finish() const {
    std::string made;
    for (unsigned shift = bits_; shift > 0; shift -= 8) made += static_cast<char>((state_ ^ ones_) >> (shift - 8) & 0xff);
    return made;
  }

 private:
  std::array<std::uint64_t, 256> table_;
  std::uint64_t ones_;
  std::uint64_t state_;
  unsigned bits_;
};

/// Any of them, of bytes as they come.
class checksum_of_bytes {
 public:
  explicit checksum_of_bytes(checksum_algorithm which) {
    switch (which) {
      case checksum_algorithm::none: break;
      case checksum_algorithm::crc32: crc_ = std::make_unique<bytewise_crc>(0xedb88320, 32); break;
      case checksum_algorithm::crc32c: crc_ = std::make_unique<bytewise_crc>(0x82f63b78, 32); break;
      case checksum_algorithm::crc64nvme: crc_ = std::make_unique<bytewise_crc>(0x9a6c9329ac4bc9b5, 64); break;
      case checksum_algorithm::sha1: begin(EVP_sha1()); break;
      case checksum_algorithm::sha256: begin(EVP_sha256()); break;
    }
  }
  void update(std::span<const std::byte> bytes) {
    if (crc_) crc_->update(bytes);
    if (digest_) EVP_DigestUpdate(digest_.get(), bytes.data(), bytes.size());
  }
  /// Its bytes, as they are put into base64.
  [[nodiscard]] std::string finish() {
    if (crc_) return crc_->finish();
    if (!digest_) return {};
    unsigned char out[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    EVP_DigestFinal_ex(digest_.get(), out, &size);
    return {reinterpret_cast<const char*>(out), size};
  }

 private:
  struct free_digest {
    void operator()(EVP_MD_CTX* what) const noexcept { EVP_MD_CTX_free(what); }
  };
  void begin(const EVP_MD* which) {
    digest_.reset(EVP_MD_CTX_new());
    if (!digest_ || EVP_DigestInit_ex(digest_.get(), which, nullptr) != 1)
      throw error(errc::unavailable, "OpenSSL has no such digest");
  }

  std::unique_ptr<bytewise_crc> crc_;
  std::unique_ptr<EVP_MD_CTX, free_digest> digest_;
};

/// The header fields of answers that say checksums; those of whole objects are computed once each.
class checksum_source {
 public:
  explicit checksum_source(const checksum_options& options) noexcept : options_(options) {}

  [[nodiscard]] bool offers() const noexcept { return options_.algorithm != checksum_algorithm::none; }

  /// For `length` bytes from `offset` on of an object of `size`, as the answer to a Range or not. `identity`: no other bytes
  /// have this name. Empty: nothing is said.
  [[nodiscard]] task<std::string> fields(object_body& body, std::string identity, std::uint64_t offset, std::uint64_t length,
                                         std::uint64_t size, bool range) {
    if (!offers() || (range && options_.of_ranges == range_checksum::none)) co_return std::string();
    std::string made(checksum_header(options_.algorithm));
    if (range && options_.of_ranges == range_checksum::of_range) {
      const std::string sum = co_await sum_of(body, offset, length);
      made.append(": ").append(detail::base64(sum)).append("\r\n");
      co_return made;
    }
    auto known = known_.find(identity);
    if (known == known_.end()) {
      std::string value = co_await value_of_object(body, size);
      if (known_.size() == most_known) known_.clear();
      known = known_.insert_or_assign(std::move(identity), std::move(value)).first;
    }
    made.append(": ").append(known->second).append("\r\nx-amz-checksum-type: ");
    made.append(parts_of(size) > 0 ? "COMPOSITE" : "FULL_OBJECT").append("\r\n");
    co_return made;
  }

 private:
  static constexpr std::size_t most_known = 1 << 16;

  [[nodiscard]] std::uint64_t parts_of(std::uint64_t size) const noexcept {
    return size >= options_.composite_parts ? options_.composite_parts : 0;
  }

  [[nodiscard]] task<std::string> value_of_object(object_body& body, std::uint64_t size) const {
    const std::uint64_t parts = parts_of(size);
    if (parts == 0) {
      const std::string sum = co_await sum_of(body, 0, size);
      co_return detail::base64(sum);
    }
    checksum_of_bytes of_parts(options_.algorithm);
    for (std::uint64_t part = 0; part < parts; ++part) {
      const std::uint64_t first = size / parts * part;
      const std::uint64_t end = part + 1 == parts ? size : size / parts * (part + 1);
      const std::string sum = co_await sum_of(body, first, end - first);
      of_parts.update(as_byte_span(sum));
    }
    co_return detail::base64(of_parts.finish()) + '-' + std::to_string(parts);
  }

  [[nodiscard]] task<std::string> sum_of(object_body& body, std::uint64_t offset, std::uint64_t length) const {
    checksum_of_bytes sum(options_.algorithm);
    while (length > 0) {
      const body_piece piece =
          co_await body.read(offset, static_cast<std::size_t>(std::min<std::uint64_t>(length, std::uint64_t{256} << 10)));
      if (piece.bytes.empty()) throw error(errc::unavailable, "an object can't be read any more");
      sum.update(piece.bytes);
      offset += piece.bytes.size();
      length -= piece.bytes.size();
    }
    co_return sum.finish();
  }

  checksum_options options_;
  std::map<std::string, std::string, std::less<>> known_;
};

}  // namespace s3pager::testing
