// A response of HTTP/1.1 as a state machine: bytes in, steps out, in place. Knows neither sockets nor S3, and refuses
// whatever two readers could frame in two ways.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "s3pager/base/bytes.hpp"
#include "s3pager/http/chunked_decoder.hpp"
#include "s3pager/http/detail/characters.hpp"
#include "s3pager/http/detail/framing.hpp"
#include "s3pager/http/detail/section_reader.hpp"
#include "s3pager/http/error.hpp"
#include "s3pager/http/header_fields.hpp"
#include "s3pager/http/step.hpp"

namespace s3pager::http {

namespace detail {

/// `HTTP/1.1 200 OK`. The space before an empty reason may be missing, as many servers have it.
class status_line {
 public:
  [[nodiscard]] scan_result scan(const char*& cursor, const char* end, const char* begin,
                                 std::uint32_t offset_of_begin) noexcept {
    const auto offset = [&] { return offset_of_begin + static_cast<std::uint32_t>(cursor - begin); };
    for (; at_ < reason && cursor != end; ++cursor)
      if (const protocol_error error = take(*cursor); error != no_error) return {.error = error};
    if (at_ == reason) {
      cursor = skip_text(cursor, end);
      if (cursor == end) return {};
      if (*cursor != '\r')
        return {.error = *cursor == '\n' ? protocol_error::bare_lf : protocol_error::bad_status_line};
      reason_size_ = offset() - reason;
      ++cursor;
      at_ = line_feed;
    }
    if (cursor == end) return {};
    if (*cursor != '\n') return {.error = protocol_error::bare_cr};
    ++cursor;
    return {.done = true};
  }

  static constexpr std::uint32_t reason = 13;  ///< the place of the reason in the line

  [[nodiscard]] int status() const noexcept { return status_; }
  [[nodiscard]] int minor_version() const noexcept { return minor_version_; }
  [[nodiscard]] std::uint32_t reason_size() const noexcept { return reason_size_; }

 private:
  static constexpr std::uint32_t line_feed = 14;

  [[nodiscard]] protocol_error take(char c) noexcept {
    static constexpr std::string_view version = "HTTP/1.";
    const std::uint32_t at = at_++;
    switch (at) {
      case 5: return c == '1' ? no_error : version_error(c);
      case 7:
        minor_version_ = c - '0';
        return c == '0' || c == '1' ? no_error : version_error(c);
      case 8: return c == ' ' ? no_error : protocol_error::bad_status_line;
      case 9:
      case 10:
      case 11:
        status_ = status_ * 10 + (c - '0');
        return is_digit(c) && status_ != 0 ? no_error : protocol_error::bad_status_line;
      case 12:
        if (c == '\r') at_ = line_feed;
        return c == ' ' || c == '\r' ? no_error : protocol_error::bad_status_line;
      default: return c == version[at] ? no_error : protocol_error::bad_status_line;
    }
  }

  [[nodiscard]] static protocol_error version_error(char c) noexcept {
    return is_digit(c) ? protocol_error::unsupported_version : protocol_error::bad_status_line;
  }

  std::uint32_t at_ = 0;
  int status_ = 0;
  int minor_version_ = 1;
  std::uint32_t reason_size_ = 0;
};

}  // namespace detail

/// What of a request's method bears on the framing of its response (RFC 9112 6.3).
enum class request_method : std::uint8_t {
  ordinary,  ///< GET, PUT, POST, DELETE, ...
  head,      ///< never has a body
  connect,   ///< a 2xx ends with its head: what follows is the tunnel's
};

struct response_limits {
  std::size_t max_head_bytes = 64 * 1024;  ///< status line and headers, the empty line too; of each interim response
  unsigned max_interim_responses = 16;     ///< 1xx before the response itself
  chunked_limits chunked = {};
};

/// Parses one response after another on a connection. One loop a response:
///
///     parser.reset(method);
///     for (;;) {
///       const http::step step = parser.feed(input);
///       input = input.subspan(step.consumed);
///       // head: look at status and headers; body: use step.body; end: stop; error: drop the connection;
///       // need_more: input is used up, receive more, or call on_eof() if there is no more
///     }
///
/// A head that lies whole in one input is never copied, and views of it (reason, headers) point into that input; a head
/// that came in pieces lies in the parser. Either way views are good until the caller lets go of the input or resets
/// the parser. Steps don't depend on how the input was cut, but for the cuts of the body.
class response_parser {
 public:
  static constexpr std::size_t max_headers = 128;

  explicit response_parser(response_limits limits = {}) noexcept
      : max_interim_responses_(limits.max_interim_responses), head_(limits.max_head_bytes), chunked_(limits.chunked) {}

  response_parser(const response_parser&) = delete;
  response_parser& operator=(const response_parser&) = delete;

  /// Makes ready for the answer to the next request. Allocates nothing and keeps the memory it has.
  void reset(request_method method = request_method::ordinary) noexcept {
    method_ = method;
    phase_ = phase::head;
    interim_responses_ = 0;
    remaining_ = 0;
    framing_ = {};
    head_.clear();
    error_ = detail::no_error;
  }

  /// Takes the next input, of which the last steps' `consumed` is gone, and says what came first in it.
  [[nodiscard]] step feed(std::span<const std::byte> input) noexcept {
    switch (phase_) {
      case phase::head: return feed_head(as_chars(input));
      case phase::sized_body: return feed_sized(input);
      case phase::chunked_body: return feed_chunked(input);
      case phase::closing_body:
        if (input.empty()) return {};
        return {.kind = step_kind::body, .consumed = input.size(), .body = input};
      case phase::done: return {.kind = step_kind::end};
      case phase::failed: break;
    }
    return detail::failed(error_);
  }

  /// The connection ended, after all input was fed: end if that ends the message, else error (closed_before_message,
  /// truncated_head, truncated_body).
  [[nodiscard]] step on_eof() noexcept {
    switch (phase_) {
      case phase::head: return fail(started() ? protocol_error::truncated_head : protocol_error::closed_before_message);
      case phase::sized_body:
        if (remaining_ != 0) return fail(protocol_error::truncated_body);
        break;
      case phase::chunked_body: return fail(protocol_error::truncated_body);
      case phase::closing_body:
      case phase::done: break;
      case phase::failed: return detail::failed(error_);
    }
    phase_ = phase::done;
    return {.kind = step_kind::end};
  }

  /// Whether any byte of the answer has come, be it of an interim response.
  [[nodiscard]] bool started() const noexcept {
    return phase_ != phase::head || interim_responses_ != 0 || head_.size() != 0;
  }

  // From the step head on:

  [[nodiscard]] int status() const noexcept { return head_.start_line().status(); }  ///< 200 ... 999
  [[nodiscard]] std::string_view reason() const noexcept {
    return head_.text(detail::status_line::reason, head_.start_line().reason_size());
  }
  [[nodiscard]] int minor_version() const noexcept { return head_.start_line().minor_version(); }  ///< 0 or 1
  [[nodiscard]] header_fields headers() const noexcept { return head_.fields(); }

  /// The value of the first header of this name; headers().count(name) tells whether there are more.
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const noexcept {
    return head_.fields().find(name);
  }

  /// What the header Content-Length says, also where no body follows it (HEAD, 304).
  [[nodiscard]] std::optional<std::uint64_t> content_length() const noexcept { return framing_.content_length; }

  /// Bytes of the body that are surely still to come. 0 if its length isn't known (chunked, or up to the close).
  [[nodiscard]] std::uint64_t content_remaining() const noexcept { return remaining_; }

  /// Whether another request may follow on the connection, once this message has ended with no byte left over.
  [[nodiscard]] bool keep_alive() const noexcept {
    return phase_ != phase::head && phase_ != phase::failed && !closes_ && framing_.persistent(minor_version());
  }

  /// From the step end on: the trailers of a chunked body. Views as good as chunked_decoder's.
  [[nodiscard]] header_fields trailers() const noexcept {
    return phase_ == phase::done && framing_.chunked ? chunked_.trailers() : header_fields();
  }

 private:
  enum class phase : std::uint8_t { head, sized_body, chunked_body, closing_body, done, failed };

  [[nodiscard]] step fail(protocol_error error, std::size_t consumed = 0) noexcept {
    phase_ = phase::failed;
    error_ = error;
    remaining_ = 0;
    return detail::failed(error, consumed);
  }

  [[nodiscard]] step feed_head(std::string_view input) noexcept {
    std::size_t consumed = 0;
    for (;;) {
      const auto section = head_.feed(input.substr(consumed));
      consumed += section.consumed;
      if (section.error != detail::no_error) return fail(section.error, consumed);
      if (!section.done) return {.kind = step_kind::need_more, .consumed = consumed};
      framing_ = {};
      if (const protocol_error error = framing_.read(head_.fields(), minor_version()); error != detail::no_error)
        return fail(error, consumed);
      if (status() >= 200) break;
      if (status() == 101) return fail(protocol_error::unexpected_upgrade, consumed);
      if (++interim_responses_ > max_interim_responses_)
        return fail(protocol_error::too_many_interim_responses, consumed);
      head_.clear();
    }
    begin_body();
    return {.kind = step_kind::head, .consumed = consumed};
  }

  /// RFC 9112 6.3, in its order.
  void begin_body() noexcept {
    closes_ = false;
    const bool tunnel = method_ == request_method::connect && status() < 300;
    if (method_ == request_method::head || status() == 204 || status() == 304 || tunnel) {
      phase_ = phase::done;
      framing_.chunked = false;
    } else if (framing_.chunked) {
      phase_ = phase::chunked_body;
      chunked_.reset();
    } else if (framing_.content_length) {
      phase_ = phase::sized_body;
      remaining_ = *framing_.content_length;
    } else {
      phase_ = phase::closing_body;
      closes_ = true;
    }
  }

  [[nodiscard]] step feed_sized(std::span<const std::byte> input) noexcept {
    if (remaining_ == 0) {
      phase_ = phase::done;
      return {.kind = step_kind::end};
    }
    if (input.empty()) return {};
    const auto body = input.first(static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, input.size())));
    remaining_ -= body.size();
    return {.kind = step_kind::body, .consumed = body.size(), .body = body};
  }

  [[nodiscard]] step feed_chunked(std::span<const std::byte> input) noexcept {
    const step next = chunked_.feed(input);
    if (next.kind == step_kind::end) phase_ = phase::done;
    if (next.kind == step_kind::error) return fail(static_cast<protocol_error>(next.error.value()), next.consumed);
    return next;
  }

  request_method method_ = request_method::ordinary;
  phase phase_ = phase::head;
  bool closes_ = false;
  protocol_error error_ = detail::no_error;
  unsigned interim_responses_ = 0;
  unsigned max_interim_responses_;
  std::uint64_t remaining_ = 0;
  detail::framing framing_ = {};
  detail::section_reader<detail::status_line, max_headers> head_;
  chunked_decoder chunked_;
};

}  // namespace s3pager::http
