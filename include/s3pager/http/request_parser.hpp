// A request of HTTP/1.1 as a state machine, for a server of one's own: as strict and as much in place as the response
// parser, whose machinery it shares. Knows no sockets and no S3.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "s3pager/base/bytes.hpp"
#include "s3pager/http/detail/characters.hpp"
#include "s3pager/http/detail/framing.hpp"
#include "s3pager/http/detail/section_reader.hpp"
#include "s3pager/http/error.hpp"
#include "s3pager/http/header_fields.hpp"
#include "s3pager/http/step.hpp"

namespace s3pager::http {

namespace detail {

/// `GET /bucket/key HTTP/1.1`, with single spaces and a target of visible ASCII.
class request_line {
 public:
  [[nodiscard]] scan_result scan(const char*& cursor, const char* end, const char* begin,
                                 std::uint32_t offset_of_begin) noexcept {
    const auto offset = [&] { return offset_of_begin + static_cast<std::uint32_t>(cursor - begin); };
    if (part_ == part::method) {
      while (cursor != end && is_token_character(*cursor)) ++cursor;
      if (cursor == end) return {};
      method_size_ = offset();
      if (*cursor != ' ' || method_size_ == 0) return {.error = line_error(*cursor)};
      ++cursor;
      part_ = part::target;
    }
    if (part_ == part::target) {
      while (cursor != end && is_visible(*cursor)) ++cursor;
      if (cursor == end) return {};
      target_size_ = offset() - target_offset();
      if (*cursor != ' ' || target_size_ == 0) return {.error = line_error(*cursor)};
      ++cursor;
      part_ = part::version;
    }
    for (; cursor != end; ++cursor) {
      if (const protocol_error error = take_version(*cursor); error != no_error) return {.error = error};
      if (version_at_ != version_size) continue;
      ++cursor;
      return {.done = true};
    }
    return {};
  }

  [[nodiscard]] std::uint32_t method_size() const noexcept { return method_size_; }
  [[nodiscard]] std::uint32_t target_offset() const noexcept { return method_size_ + 1; }
  [[nodiscard]] std::uint32_t target_size() const noexcept { return target_size_; }
  [[nodiscard]] int minor_version() const noexcept { return minor_version_; }

 private:
  enum class part : std::uint8_t { method, target, version };

  static constexpr std::uint32_t version_size = 10;  ///< with CR LF

  [[nodiscard]] protocol_error take_version(char c) noexcept {
    static constexpr std::string_view version = "HTTP/1.";
    const std::uint32_t at = version_at_++;
    switch (at) {
      case 5: return c == '1' ? no_error : version_error(c);
      case 7:
        minor_version_ = c - '0';
        return c == '0' || c == '1' ? no_error : version_error(c);
      case 8: return c == '\r' ? no_error : line_error(c);
      case 9: return c == '\n' ? no_error : protocol_error::bare_cr;
      default: return c == version[at] ? no_error : line_error(c);
    }
  }

  [[nodiscard]] static protocol_error version_error(char c) noexcept {
    return is_digit(c) ? protocol_error::unsupported_version : line_error(c);
  }

  [[nodiscard]] static protocol_error line_error(char c) noexcept {
    return c == '\n' ? protocol_error::bare_lf : protocol_error::bad_request_line;
  }

  part part_ = part::method;
  std::uint32_t method_size_ = 0;
  std::uint32_t target_size_ = 0;
  std::uint32_t version_at_ = 0;
  int minor_version_ = 1;
};

}  // namespace detail

struct request_limits {
  std::size_t max_head_bytes = 64 * 1024;  ///< request line and headers, the empty line too
};

/// Parses one request after another on a connection, with a loop and with lifetimes of views as response_parser has
/// them. A body has a Content-Length or there is none: a request with a transfer coding is refused.
class request_parser {
 public:
  static constexpr std::size_t max_headers = 128;

  explicit request_parser(request_limits limits = {}) noexcept : head_(limits.max_head_bytes) {}

  request_parser(const request_parser&) = delete;
  request_parser& operator=(const request_parser&) = delete;

  /// Makes ready for the next request. Allocates nothing and keeps the memory it has.
  void reset() noexcept {
    phase_ = phase::head;
    remaining_ = 0;
    framing_ = {};
    head_.clear();
    error_ = detail::no_error;
  }

  /// Takes the next input, of which the last steps' `consumed` is gone, and says what came first in it.
  [[nodiscard]] step feed(std::span<const std::byte> input) noexcept {
    switch (phase_) {
      case phase::head: return feed_head(as_chars(input));
      case phase::body: return feed_body(input);
      case phase::done: return {.kind = step_kind::end};
      case phase::failed: break;
    }
    return detail::failed(error_);
  }

  /// The connection ended, after all input was fed: end if the request was complete, else error;
  /// closed_before_message is how a client leaves.
  [[nodiscard]] step on_eof() noexcept {
    switch (phase_) {
      case phase::head: return fail(started() ? protocol_error::truncated_head : protocol_error::closed_before_message);
      case phase::body:
        if (remaining_ != 0) return fail(protocol_error::truncated_body);
        break;
      case phase::done: break;
      case phase::failed: return detail::failed(error_);
    }
    phase_ = phase::done;
    return {.kind = step_kind::end};
  }

  /// Whether any byte of the request has come.
  [[nodiscard]] bool started() const noexcept { return phase_ != phase::head || head_.size() != 0; }

  // From the step head on:

  [[nodiscard]] std::string_view method() const noexcept { return head_.text(0, head_.start_line().method_size()); }

  /// As it came: still encoded.
  [[nodiscard]] std::string_view target() const noexcept {
    return head_.text(head_.start_line().target_offset(), head_.start_line().target_size());
  }
  [[nodiscard]] int minor_version() const noexcept { return head_.start_line().minor_version(); }  ///< 0 or 1
  [[nodiscard]] header_fields headers() const noexcept { return head_.fields(); }

  /// The value of the first header of this name; headers().count(name) tells whether there are more.
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const noexcept {
    return head_.fields().find(name);
  }

  /// What the header Content-Length says; without one there is no body.
  [[nodiscard]] std::optional<std::uint64_t> content_length() const noexcept { return framing_.content_length; }

  /// Bytes of the body that are still to come.
  [[nodiscard]] std::uint64_t content_remaining() const noexcept { return remaining_; }

  /// Whether the client waits for a `100 Continue` before it sends the body.
  [[nodiscard]] bool expects_continue() const noexcept { return framing_.expect_continue && minor_version() >= 1; }

  /// Whether the client may send another request after this one.
  [[nodiscard]] bool keep_alive() const noexcept {
    return phase_ != phase::head && phase_ != phase::failed && framing_.persistent(minor_version());
  }

 private:
  enum class phase : std::uint8_t { head, body, done, failed };

  [[nodiscard]] step fail(protocol_error error, std::size_t consumed = 0) noexcept {
    phase_ = phase::failed;
    error_ = error;
    remaining_ = 0;
    return detail::failed(error, consumed);
  }

  [[nodiscard]] step feed_head(std::string_view input) noexcept {
    const auto section = head_.feed(input);
    if (section.error != detail::no_error) return fail(section.error, section.consumed);
    if (!section.done) return {.kind = step_kind::need_more, .consumed = section.consumed};
    protocol_error error = framing_.read(head_.fields(), minor_version());
    if (error == detail::no_error && framing_.chunked) error = protocol_error::unsupported_transfer_coding;
    if (error != detail::no_error) return fail(error, section.consumed);
    phase_ = phase::body;
    remaining_ = framing_.content_length.value_or(0);
    return {.kind = step_kind::head, .consumed = section.consumed};
  }

  [[nodiscard]] step feed_body(std::span<const std::byte> input) noexcept {
    if (remaining_ == 0) {
      phase_ = phase::done;
      return {.kind = step_kind::end};
    }
    if (input.empty()) return {};
    const auto body = input.first(static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, input.size())));
    remaining_ -= body.size();
    return {.kind = step_kind::body, .consumed = body.size(), .body = body};
  }

  phase phase_ = phase::head;
  protocol_error error_ = detail::no_error;
  std::uint64_t remaining_ = 0;
  detail::framing framing_ = {};
  detail::section_reader<detail::request_line, max_headers> head_;
};

}  // namespace s3pager::http
