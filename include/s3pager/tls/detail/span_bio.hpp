// Where OpenSSL reads ciphertext from and writes it to: the span that was received, and a buffer for what is to be sent.
// Knows nothing of what either holds.
#pragma once

#include <openssl/bio.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

#include "s3pager/base/counted.hpp"
#include "s3pager/tls/detail/openssl.hpp"

namespace s3pager::tls {

/// Ciphertext to be sent. Counted: a send in the kernel's hands keeps it when the engine is gone.
class output_buffer final : public counted {
 public:
  /// The longest request fits, as its records or as those of a layer within, behind what was left of a handshake; what is longer goes in
  /// parts. Only what is written to takes memory.
  static constexpr std::size_t capacity = 20 * 1024;
  [[nodiscard]] std::span<std::byte> bytes() noexcept { return bytes_; }

 private:
  std::array<std::byte, capacity> bytes_;
};

namespace detail {

/// One connection's. OpenSSL's BIO holds its address.
class span_bio {
 public:
  span_bio() : out_(make_ref<output_buffer>()) {}
  span_bio(const span_bio&) = delete;
  span_bio& operator=(const span_bio&) = delete;

  /// Null if there is no memory. One serves all BIOs of a context, and must live as long as they.
  [[nodiscard]] static owned<BIO_METHOD> make_method() noexcept {
    owned<BIO_METHOD> made(::BIO_meth_new(BIO_TYPE_SOURCE_SINK, "s3pager span"));
    if (!made) return made;
    ::BIO_meth_set_read_ex(made.get(), &span_bio::read);
    ::BIO_meth_set_write_ex(made.get(), &span_bio::write);
    ::BIO_meth_set_ctrl(made.get(), &span_bio::control);
    return made;
  }

  /// For SSL_set_bio(). Null if there is no memory.
  [[nodiscard]] BIO* make_bio(const BIO_METHOD* method) noexcept {
    BIO* const made = ::BIO_new(method);
    if (made == nullptr) return nullptr;
    ::BIO_set_data(made, this);
    ::BIO_set_init(made, 1);
    return made;
  }

  /// What is left of the input of the call that is under way.
  std::span<const std::byte> input = {};
  std::size_t barren_bytes = 0;  ///< taken since somebody last set it to 0

  /// The first bytes that were ever taken, up to five: as long as the head of a record.
  [[nodiscard]] std::string_view first_bytes() const noexcept { return {first_.data(), first_size_}; }

  [[nodiscard]] std::span<const std::byte> outgoing() const noexcept { return out_->bytes().subspan(begin_, end_ - begin_); }
  [[nodiscard]] std::size_t room() const noexcept { return output_buffer::capacity - end_; }
  [[nodiscard]] const ref<output_buffer>& out() const noexcept { return out_; }
  void sent(std::size_t bytes) noexcept {
    assert(bytes <= end_ - begin_);
    begin_ += bytes;
    // Never moved: the kernel may be reading them.
    if (begin_ == end_) begin_ = end_ = 0;
  }

 private:
  static int read(BIO* from, char* into, std::size_t size, std::size_t* got) noexcept {
    auto& self = *static_cast<span_bio*>(::BIO_get_data(from));
    BIO_clear_retry_flags(from);
    const std::size_t taken = *got = std::min(size, self.input.size());
    if (taken == 0) {
      BIO_set_retry_read(from);
      return -1;
    }
    std::memcpy(into, self.input.data(), taken);
    self.input = self.input.subspan(taken);
    self.barren_bytes += taken;
    if (self.first_size_ < self.first_.size()) self.keep_first({into, taken});
    return 1;
  }

  static int write(BIO* to, const char* from, std::size_t size, std::size_t* put) noexcept {
    auto& self = *static_cast<span_bio*>(::BIO_get_data(to));
    BIO_clear_retry_flags(to);
    const std::size_t taken = *put = std::min(size, self.room());
    if (taken == 0) {
      BIO_set_retry_write(to);
      return -1;
    }
    std::memcpy(self.out_->bytes().data() + self.end_, from, taken);
    self.end_ += taken;
    return 1;
  }

  static long control(BIO*, int command, long, void*) noexcept { return command == BIO_CTRL_FLUSH ? 1 : 0; }

  void keep_first(std::string_view bytes) noexcept {
    const std::size_t taken = std::min(bytes.size(), first_.size() - first_size_);
    std::memcpy(first_.data() + first_size_, bytes.data(), taken);
    first_size_ += taken;
  }

  ref<output_buffer> out_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::array<char, 5> first_{};
  std::size_t first_size_ = 0;
};

}  // namespace detail

}  // namespace s3pager::tls
