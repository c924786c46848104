// Writes the head of a request into a buffer of the caller's, in one pass and without the heap. Knows no header's
// meaning and encodes nothing: the target comes encoded, as it was signed.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <span>
#include <string_view>
#include <system_error>

#include "s3pager/base/bytes.hpp"
#include "s3pager/http/detail/characters.hpp"
#include "s3pager/http/error.hpp"

namespace s3pager::http {

/// A request head in the making. The first error stays, and nothing is written after it; finish() then gives no
/// bytes. What could split or fold a line is refused, whoever asked for it: it would be a request of somebody else's.
class request_writer {
 public:
  /// `buffer` must outlive the writer and the bytes that finish() gives.
  explicit request_writer(std::span<char> buffer) noexcept : buffer_(buffer) {}

  /// The request line, first and once. `method` is a token; `target` is what follows it on the wire, visible ASCII
  /// only (`/bucket/a%20key?partNumber=1`).
  request_writer& begin(std::string_view method, std::string_view target) noexcept {
    if (!detail::is_token(method)) return fail(protocol_error::invalid_method);
    if (target.empty()) return fail(protocol_error::invalid_target);
    const char* const end = target.data() + target.size();
    if (detail::skip_visible(target.data(), end) != end) return fail(protocol_error::invalid_target);
    return write({method, " ", target, " HTTP/1.1\r\n"});
  }

  /// One header line. `name` is a token; `value` may hold anything but control characters, tabs excepted.
  request_writer& header(std::string_view name, std::string_view value) noexcept {
    if (!detail::is_token(name)) return fail(protocol_error::invalid_header_name);
    const char* const end = value.data() + value.size();
    if (detail::skip_text(value.data(), end) != end) return fail(protocol_error::invalid_header_value);
    return write({name, ": ", value, "\r\n"});
  }

  /// Ends the head: all of its bytes, or none if there was an error.
  [[nodiscard]] std::span<const std::byte> finish() noexcept {
    write({"\r\n"});
    if (error_) return {};
    return std::as_bytes(buffer_.first(size_));
  }

  /// The first error, if any: equal to errc::invalid_argument.
  [[nodiscard]] std::error_code error() const noexcept { return error_; }

 private:
  request_writer& fail(protocol_error error) noexcept {
    if (!error_) error_ = error;
    return *this;
  }

  request_writer& write(std::initializer_list<std::string_view> parts) noexcept {
    if (error_) return *this;
    for (const std::string_view part : parts) {
      if (part.size() > buffer_.size() - size_) return fail(protocol_error::request_too_large);
      put_text(buffer_.data() + size_, part);
      size_ += part.size();
    }
    return *this;
  }

  std::span<char> buffer_;
  std::size_t size_ = 0;
  std::error_code error_;
};

}  // namespace s3pager::http
