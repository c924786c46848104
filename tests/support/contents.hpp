// What tests put into objects: bytes that are computed from a seed, at any offset, and their SHA-256 by OpenSSL.
// Knows no server and no client.
#pragma once

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <stdexcept>
#include <string_view>
#include <vector>

namespace s3pager::test {

using sha256_value = std::array<unsigned char, 32>;

/// SHA-256 of what it was given. Not the library's own.
class digest {
 public:
  digest() : context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
    if (!context_ || EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) != 1)
      throw std::runtime_error("OpenSSL has no SHA-256");
  }
  void update(std::span<const std::byte> bytes) { EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()); }
  void update(std::string_view text) { EVP_DigestUpdate(context_.get(), text.data(), text.size()); }
  [[nodiscard]] sha256_value finish() {
    sha256_value made{};
    EVP_DigestFinal_ex(context_.get(), made.data(), nullptr);
    return made;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

/// The bytes of an object: those of another seed, or at another offset, are other ones.
struct contents {
  std::uint64_t seed = 0;
  std::uint64_t size = 0;

  /// Writes the bytes from `offset` on.
  void fill(std::uint64_t offset, std::span<std::byte> out) const noexcept {
    std::size_t done = 0;
    while (done < out.size()) {
      const std::uint64_t at = offset + done;
      const std::uint64_t word = mixed(seed * 0x9e3779b97f4a7c15 + at / 8);
      const std::size_t skipped = at % 8;
      const std::size_t taken = std::min<std::size_t>(8 - skipped, out.size() - done);
      std::memcpy(out.data() + done, reinterpret_cast<const std::byte*>(&word) + skipped, taken);
      done += taken;
    }
  }
  [[nodiscard]] std::vector<std::byte> bytes() const { return bytes(0, size); }
  [[nodiscard]] std::vector<std::byte> bytes(std::uint64_t offset, std::uint64_t count) const {
    std::vector<std::byte> made(count);
    fill(offset, made);
    return made;
  }
  [[nodiscard]] sha256_value sha256() const {
    digest made;
    std::vector<std::byte> piece(std::min<std::uint64_t>(size, 256 << 10));
    for (std::uint64_t at = 0; at < size; at += piece.size()) {
      const auto now = std::span(piece).first(std::min<std::uint64_t>(piece.size(), size - at));
      fill(at, now);
      made.update(now);
    }
    return made.finish();
  }

 private:
  // splitmix64's finalizer.
  [[nodiscard]] static constexpr std::uint64_t mixed(std::uint64_t x) noexcept {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
  }
};

}  // namespace s3pager::test
