// How TLS 1.3 protects the records of one direction (RFC 8446 5.2, 5.3 and 7.3): keys of a traffic secret, one record opened, one
// sealed. Knows no connection, and not what a record says.
#pragma once

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <string_view>

#include "s3pager/tls/detail/openssl.hpp"

namespace s3pager::tls {

/// Kind, version and length of what follows: in the clear, and covered by the tag.
inline constexpr std::size_t record_header_bytes = 5;
inline constexpr std::size_t record_tag_bytes = 16;
/// What a record says, at most, and what it may take with its kind, its padding and its tag (RFC 8446 5.1, 5.2).
inline constexpr std::size_t max_record_content = 16 * 1024;
inline constexpr std::size_t max_record_body = max_record_content + 256;

/// Of an algorithm of TLS 1.3.
struct record_suite {
  std::uint16_t id;
  const EVP_CIPHER* (*cipher)();
  const EVP_MD* (*digest)();
  std::size_t key_bytes;
};

/// By its number (RFC 8446 B.4): null of any other than AES-GCM and ChaCha20-Poly1305.
[[nodiscard]] inline const record_suite* find_record_suite(unsigned id) noexcept {
  static constexpr record_suite suites[] = {
      {0x1301, &::EVP_aes_128_gcm, &::EVP_sha256, 16},
      {0x1302, &::EVP_aes_256_gcm, &::EVP_sha384, 32},
      {0x1303, &::EVP_chacha20_poly1305, &::EVP_sha256, 32},
  };
  for (const record_suite& one : suites)
    if (one.id == id) return &one;
  return nullptr;
}

/// Bytes that are overwritten when they are replaced or dropped.
class traffic_secret {
 public:
  /// As long as the longest digest of a suite.
  static constexpr std::size_t capacity = 48;

  traffic_secret() noexcept = default;
  traffic_secret(const traffic_secret&) = delete;
  traffic_secret& operator=(const traffic_secret&) = delete;
  ~traffic_secret() { wipe(); }

  [[nodiscard]] std::span<const unsigned char> bytes() const noexcept { return {bytes_.data(), size_}; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  void wipe() noexcept {
    ::OPENSSL_cleanse(bytes_.data(), bytes_.size());
    size_ = 0;
  }
  /// Of hexadecimal digits; none if there is anything else among them, or too many.
  void assign_hex(std::string_view digits) noexcept {
    wipe();
    if (digits.size() % 2 != 0 || digits.size() / 2 > capacity) return;
    for (std::size_t i = 0; i < digits.size(); i += 2) {
      const int high = value_of(digits[i]);
      const int low = value_of(digits[i + 1]);
      if (high < 0 || low < 0) return wipe();
      bytes_[size_++] = static_cast<unsigned char>(high << 4 | low);
    }
  }

 private:
  [[nodiscard]] static int value_of(char digit) noexcept {
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
    return -1;
  }

  std::array<unsigned char, capacity> bytes_{};
  std::size_t size_ = 0;
};

/// HKDF-Expand-Label with an empty context (RFC 8446 7.1), of no more than a digest's bytes: one HMAC. False if OpenSSL can't.
[[nodiscard]] inline bool expand_label(const EVP_MD* digest, std::span<const unsigned char> secret, std::string_view label,
                                       std::span<unsigned char> out) noexcept {
  static constexpr std::string_view prefix = "tls13 ";
  std::array<unsigned char, 2 + 1 + 255 + 1 + 1> info;
  std::size_t size = 0;
  assert(prefix.size() + label.size() <= 255 && out.size() <= 255);
  info[size++] = 0;
  info[size++] = static_cast<unsigned char>(out.size());
  info[size++] = static_cast<unsigned char>(prefix.size() + label.size());
  std::memcpy(info.data() + size, prefix.data(), prefix.size());
  size += prefix.size();
  std::memcpy(info.data() + size, label.data(), label.size());
  size += label.size();
  info[size++] = 0;  // no context
  info[size++] = 1;  // the first block of HKDF-Expand (RFC 5869 2.3)
  std::array<unsigned char, EVP_MAX_MD_SIZE> block;
  unsigned made = 0;
  const bool done = ::HMAC(digest, secret.data(), static_cast<int>(secret.size()), info.data(), size, block.data(), &made) != nullptr &&
                    out.size() <= made;
  if (done) std::memcpy(out.data(), block.data(), out.size());
  ::OPENSSL_cleanse(block.data(), block.size());
  return done;
}

/// One direction's. One thread's.
class record_keys {
 public:
  record_keys() noexcept = default;
  record_keys(const record_keys&) = delete;
  record_keys& operator=(const record_keys&) = delete;
  ~record_keys() { ::OPENSSL_cleanse(iv_.data(), iv_.size()); }

  /// Those of `secret`, in place of any before. False, and there are none, if OpenSSL can't or has no memory.
  [[nodiscard]] bool set(const record_suite& suite, std::span<const unsigned char> secret) noexcept {
    std::array<unsigned char, 32> key;
    const EVP_MD* const digest = suite.digest();
    if (!opening_) opening_.reset(::EVP_CIPHER_CTX_new());
    if (!sealing_) sealing_.reset(::EVP_CIPHER_CTX_new());
    const bool done = opening_ && sealing_ && expand_label(digest, secret, "key", std::span(key).first(suite.key_bytes)) &&
                      expand_label(digest, secret, "iv", iv_) &&
                      ::EVP_DecryptInit_ex(opening_.get(), suite.cipher(), nullptr, key.data(), nullptr) == 1 &&
                      ::EVP_EncryptInit_ex(sealing_.get(), suite.cipher(), nullptr, key.data(), nullptr) == 1;
    ::OPENSSL_cleanse(key.data(), key.size());
    if (!done) opening_.reset();
    return done;
  }
  [[nodiscard]] explicit operator bool() const noexcept { return opening_ != nullptr; }

  /// Decrypts the body of a record, which ends with its tag and lies in one place or two, to `into`: over what it is read from, before
  /// that in the same memory, or elsewhere. False if the tag does not hold: what was written then is worth nothing.
  [[nodiscard]] bool open(std::uint64_t sequence, const std::byte* header, std::span<const std::byte> body,
                          std::span<const std::byte> rest, std::byte* into) noexcept {
    assert(body.size() + rest.size() >= record_tag_bytes);
    const auto nonce = nonce_of(sequence);
    std::array<std::byte, record_tag_bytes> tag;
    const std::size_t of_rest = std::min(rest.size(), tag.size());
    const std::size_t of_body = tag.size() - of_rest;
    // Before anything is written over it.
    if (of_body > 0) std::memcpy(tag.data(), body.data() + body.size() - of_body, of_body);
    if (of_rest > 0) std::memcpy(tag.data() + of_body, rest.data() + rest.size() - of_rest, of_rest);
    body = body.first(body.size() - of_body);
    rest = rest.first(rest.size() - of_rest);
    EVP_CIPHER_CTX* const with = opening_.get();
    unsigned char nothing[EVP_MAX_BLOCK_LENGTH];
    int made = 0;
    return ::EVP_DecryptInit_ex(with, nullptr, nullptr, nullptr, nonce.data()) == 1 &&
           ::EVP_DecryptUpdate(with, nullptr, &made, chars(header), record_header_bytes) == 1 && decrypt(body, into) &&
           decrypt(rest, into + body.size()) &&
           ::EVP_CIPHER_CTX_ctrl(with, EVP_CTRL_AEAD_SET_TAG, record_tag_bytes, tag.data()) == 1 &&
           ::EVP_DecryptFinal_ex(with, nothing, &made) == 1;
  }

  /// Encrypts a body where it lies, all but its last bytes, which become its tag.
  [[nodiscard]] bool seal(std::uint64_t sequence, const std::byte* header, std::span<std::byte> body) noexcept {
    assert(body.size() >= record_tag_bytes);
    const auto nonce = nonce_of(sequence);
    const std::size_t size = body.size() - record_tag_bytes;
    EVP_CIPHER_CTX* const with = sealing_.get();
    unsigned char nothing[EVP_MAX_BLOCK_LENGTH];
    int made = 0;
    return ::EVP_EncryptInit_ex(with, nullptr, nullptr, nullptr, nonce.data()) == 1 &&
           ::EVP_EncryptUpdate(with, nullptr, &made, chars(header), record_header_bytes) == 1 &&
           ::EVP_EncryptUpdate(with, chars(body.data()), &made, chars(body.data()), static_cast<int>(size)) == 1 &&
           ::EVP_EncryptFinal_ex(with, nothing, &made) == 1 &&
           ::EVP_CIPHER_CTX_ctrl(with, EVP_CTRL_AEAD_GET_TAG, record_tag_bytes, body.data() + size) == 1;
  }

 private:
  /// OpenSSL writes to the very place that it reads from, or to one that does not overlap. So what goes a little before its place goes
  /// there in pieces as long as the way is, or is moved when it is done, as soon as many calls cost more: it is in the cache by then.
  [[nodiscard]] bool decrypt(std::span<const std::byte> from, std::byte* into) noexcept {
    static constexpr std::size_t blocks = 768;  // what the widest of its routines takes at once, or a multiple
    static constexpr std::size_t shortest = 5 * blocks;
    const std::less<const std::byte*> before;
    std::size_t piece = from.size();
    std::byte* to = into;
    if (before(into, from.data()) && before(from.data(), into + from.size())) {
      const auto way = static_cast<std::size_t>(from.data() - into);
      if (way >= shortest) piece = way / blocks * blocks;
      else to += way;
    }
    for (std::size_t at = 0; at < from.size(); at += piece) {
      piece = std::min(piece, from.size() - at);
      int made = 0;
      if (::EVP_DecryptUpdate(opening_.get(), chars(to + at), &made, chars(from.data() + at), static_cast<int>(piece)) != 1) return false;
    }
    if (to != into) std::memmove(into, to, from.size());
    return true;
  }

  [[nodiscard]] std::array<unsigned char, 12> nonce_of(std::uint64_t sequence) const noexcept {
    std::array<unsigned char, 12> made = iv_;
    for (std::size_t i = 0; i < 8; ++i) made[11 - i] ^= static_cast<unsigned char>(sequence >> (8 * i));
    return made;
  }
  [[nodiscard]] static const unsigned char* chars(const std::byte* bytes) noexcept {
    return reinterpret_cast<const unsigned char*>(bytes);
  }
  [[nodiscard]] static unsigned char* chars(std::byte* bytes) noexcept { return reinterpret_cast<unsigned char*>(bytes); }

  // Two, as not every cipher of OpenSSL's may be turned round without its key.
  detail::owned<EVP_CIPHER_CTX> opening_;
  detail::owned<EVP_CIPHER_CTX> sealing_;
  std::array<unsigned char, 12> iv_{};
};

}  // namespace s3pager::tls
