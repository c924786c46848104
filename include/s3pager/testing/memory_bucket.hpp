// A bucket whose objects are held in memory and may change at any time.
#pragma once

#include <openssl/evp.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3pager/base/bytes.hpp"
#include "s3pager/base/clock.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/testing/bucket.hpp"

namespace s3pager::testing {

/// Use from any threads: each object is whole, of before a change or of after it.
class memory_bucket final : public bucket {
 public:
  /// Adds the object, or replaces it. Its ETag is its MD5.
  void put(std::string_view key, std::span<const std::byte> bytes,
           wall_time last_modified = wall_time{std::chrono::seconds{1'767'225'600}}) {
    stored made{std::make_shared<const std::vector<std::byte>>(bytes.begin(), bytes.end()), md5(bytes), last_modified, {}, {}};
    const std::lock_guard lock(mutex_);
    objects_.insert_or_assign(std::string(key), std::move(made));
  }
  void put(std::string_view key, std::string_view text) { put(key, as_byte_span(text)); }

  /// How an object is kept, from now on; of one that is in an archive also whether there is a copy that can be read, and until when. False if
  /// there is no such object.
  bool store_in(std::string_view key, std::string_view storage_class, std::optional<wall_time> restore_expiry = {},
                bool restore_in_progress = false) {
    const std::lock_guard lock(mutex_);
    const auto at = objects_.find(key);
    if (at == objects_.end()) return false;
    at->second.where = {std::string(storage_class), restore_expiry, restore_in_progress};
    return true;
  }

  /// Who reads it has to bring this key of 32 bytes from now on (SSE-C). Its ETag is none that tells of its bytes then. False if there is
  /// no such object.
  bool encrypt_with(std::string_view key, std::span<const std::byte> customer_key) {
    const std::lock_guard lock(mutex_);
    const auto at = objects_.find(key);
    if (at == objects_.end()) return false;
    at->second.customer_key = as_chars(customer_key);
    at->second.etag = md5(as_byte_span(at->second.etag + at->second.customer_key));
    return true;
  }

  /// False if there was no such object.
  bool remove(std::string_view key) {
    const std::lock_guard lock(mutex_);
    const auto at = objects_.find(key);
    if (at == objects_.end()) return false;
    objects_.erase(at);
    return true;
  }

  void scan(std::string_view from, visitor& who) const override {
    const std::lock_guard lock(mutex_);
    for (auto at = objects_.lower_bound(from); at != objects_.end(); ++at)
      if (!who.visit(info(*at))) return;
  }

  [[nodiscard]] opened_object open(ring::reactor&, std::string_view key) const override {
    const std::lock_guard lock(mutex_);
    const auto at = objects_.find(key);
    if (at == objects_.end()) return {};
    return {info(*at), make_ref<held_body>(at->second.bytes)};
  }

 private:
  struct place {
    std::string storage_class = "STANDARD";
    std::optional<wall_time> restore_expiry;
    bool restore_in_progress = false;
  };
  struct stored {
    std::shared_ptr<const std::vector<std::byte>> bytes;
    std::string etag;
    wall_time last_modified;
    place where;
    std::string customer_key;
  };

  class held_body final : public object_body {
   public:
    explicit held_body(std::shared_ptr<const std::vector<std::byte>> bytes) noexcept : bytes_(std::move(bytes)) {}
    task<body_piece> read(std::uint64_t offset, std::size_t most) override {
      const std::span<const std::byte> rest = std::span(*bytes_).subspan(static_cast<std::size_t>(offset));
      co_return body_piece{rest.first(std::min(most, rest.size())), ref<counted>(this)};
    }

   private:
    std::shared_ptr<const std::vector<std::byte>> bytes_;
  };

  [[nodiscard]] static std::string md5(std::span<const std::byte> bytes) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    // Without MD5 (a FIPS provider) any other 16 bytes will do: an ETag is opaque.
    if (EVP_Digest(bytes.data(), bytes.size(), digest, nullptr, EVP_md5(), nullptr) != 1 &&
        EVP_Digest(bytes.data(), bytes.size(), digest, nullptr, EVP_sha256(), nullptr) != 1)
      throw error(errc::unavailable, "OpenSSL has no digest for an ETag");
    std::string hex(32, '0');
    write_hex(std::span(digest).first(16), hex.data());
    return hex;
  }

  [[nodiscard]] static object_info info(const std::pair<const std::string, stored>& object) {
    const stored& of = object.second;
    return {.key = object.first,
            .size = of.bytes->size(),
            .etag = of.etag,
            .last_modified = of.last_modified,
            .storage_class = of.where.storage_class,
            .restore_expiry = of.where.restore_expiry,
            .restore_in_progress = of.where.restore_in_progress,
            .customer_key = of.customer_key};
  }

  mutable std::mutex mutex_;
  std::map<std::string, stored, std::less<>> objects_;  // char_traits compares chars as unsigned bytes
};

}  // namespace s3pager::testing
