// One checksum in the making, of an algorithm that is chosen at run time. Knows no headers.
#pragma once

#include <openssl/evp.h>

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <utility>
#include <variant>

#include "s3pager/checksum/crc.hpp"
#include "s3pager/checksum/digest.hpp"

namespace s3pager::checksum {

namespace detail {

struct free_evp {
  void operator()(EVP_MD_CTX* what) const noexcept { ::EVP_MD_CTX_free(what); }
};

/// SHA-1 or SHA-256 by OpenSSL.
class sha {
 public:
  explicit sha(algorithm of) : context_(::EVP_MD_CTX_new()) {
    if (!context_ || ::EVP_DigestInit_ex(context_.get(), of == algorithm::sha1 ? ::EVP_sha1() : ::EVP_sha256(), nullptr) != 1)
      throw std::bad_alloc();  // nothing else can go wrong with a digest that is built in
  }
  void update(std::span<const std::byte> bytes) noexcept { ::EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()); }
  /// Once: it ends the digest.
  [[nodiscard]] digest value() noexcept {
    digest made;
    unsigned size = 0;
    ::EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(made.bytes.data()), &size);
    made.size = static_cast<std::uint8_t>(size);
    return made;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, free_evp> context_;
};

}  // namespace detail

/// Computes nothing until begin(). CRCs take no memory, SHAs some of OpenSSL's.
class hasher {
 public:
  void begin(algorithm of) {
    algorithm_ = of;
    switch (of) {
      case algorithm::crc64nvme: state_.emplace<crc64nvme_state>(); break;
      case algorithm::crc32c: state_.emplace<crc32c_state>(); break;
      case algorithm::crc32: state_.emplace<crc32_state>(); break;
      case algorithm::sha1:
      case algorithm::sha256: state_.emplace<detail::sha>(of); break;
    }
  }
  void reset() noexcept { state_.emplace<std::monostate>(); }
  [[nodiscard]] bool active() const noexcept { return state_.index() != 0; }
  [[nodiscard]] checksum::algorithm algorithm() const noexcept { return algorithm_; }

  void update(std::span<const std::byte> bytes) noexcept {
    if (auto* a = std::get_if<crc64nvme_state>(&state_)) a->update(bytes);
    else if (auto* b = std::get_if<crc32c_state>(&state_)) b->update(bytes);
    else if (auto* c = std::get_if<crc32_state>(&state_)) c->update(bytes);
    else if (auto* d = std::get_if<detail::sha>(&state_)) d->update(bytes);
  }

  /// Of all that it was updated with; ends it. Only when active.
  [[nodiscard]] digest finish() noexcept {
    digest made;
    if (auto* a = std::get_if<crc64nvme_state>(&state_)) made = digest::of_word(a->value());
    else if (auto* b = std::get_if<crc32c_state>(&state_)) made = digest::of_word(b->value());
    else if (auto* c = std::get_if<crc32_state>(&state_)) made = digest::of_word(c->value());
    else if (auto* d = std::get_if<detail::sha>(&state_)) made = d->value();
    reset();
    return made;
  }

 private:
  std::variant<std::monostate, crc64nvme_state, crc32c_state, crc32_state, detail::sha> state_;
  checksum::algorithm algorithm_ = checksum::algorithm::crc64nvme;
};

/// Whether two checksums of neighbours make one of both. SHAs don't.
[[nodiscard]] constexpr bool combinable(algorithm of) noexcept {
  return of != algorithm::sha1 && of != algorithm::sha256;
}

/// The checksum of two messages one after the other, the second of `second_bytes` bytes. Only of what is combinable.
[[nodiscard]] inline digest combine(algorithm of, const digest& first, const digest& second,
                                    std::uint64_t second_bytes) noexcept {
  assert(combinable(of));
  if (of == algorithm::crc64nvme)
    return digest::of_word(
        crc64nvme_state::combine(first.word<std::uint64_t>(), second.word<std::uint64_t>(), second_bytes));
  if (of == algorithm::crc32c)
    return digest::of_word(crc32c_state::combine(first.word<std::uint32_t>(), second.word<std::uint32_t>(), second_bytes));
  return digest::of_word(crc32_state::combine(first.word<std::uint32_t>(), second.word<std::uint32_t>(), second_bytes));
}

}  // namespace s3pager::checksum
