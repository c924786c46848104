// What a caller branches on (errc), and the one exception type that tasks and generators throw.
// Knows no layer above it: HTTP, S3 and ring give their own codes and map them to these conditions.
#pragma once

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace s3pager {

/// The conditions a caller branches on: `if (e.code() == s3pager::errc::not_found)`. Codes of every layer (errno
/// included) compare equal to the condition they mean.
enum class errc {
  not_found = 1,     ///< no such bucket, key or version
  access_denied,     ///< the credentials are wrong, missing or not allowed to do this
  archived,          ///< the object is in an archive: it can be read when it has been restored from there
  throttled,         ///< the service asked for fewer requests (503 SlowDown, 429)
  timed_out,         ///< a deadline passed; the message says which
  changed,           ///< the object is no longer the one that was listed or first answered
  corrupted,         ///< bytes arrived that are not the object's: its checksum does not hold
  window_exhausted,  ///< the caller's own pages leave no room to receive the next one
  cancelled,         ///< stopped by a stop token, or because its owner ended
  not_modified,      ///< a condition of the request (If-None-Match, If-Modified-Since) held: 304
  precondition_failed,  ///< a condition of the request (If-Match, If-Unmodified-Since) did not hold: 412
  invalid_argument,  ///< an option of the caller's is out of its range; the message names it
  protocol_violation,  ///< the peer's bytes are not HTTP or not S3
  connection_lost,   ///< the connection failed or ended before the answer did
  untrusted_peer,    ///< the server does not prove to be the host that was asked for (its certificate), or only by means that prove nothing
  unavailable,       ///< the service, the host or a local resource can't serve this now
};

namespace detail {

class condition_category final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "s3pager"; }

  [[nodiscard]] std::string message(int value) const override {
    switch (static_cast<errc>(value)) {
      case errc::not_found: return "not found";
      case errc::access_denied: return "access denied";
      case errc::archived: return "the object is archived and has to be restored first";
      case errc::throttled: return "throttled by the service";
      case errc::timed_out: return "timed out";
      case errc::changed: return "the object changed";
      case errc::corrupted: return "the received bytes are corrupted";
      case errc::window_exhausted: return "the window is exhausted by pages that the caller holds";
      case errc::cancelled: return "cancelled";
      case errc::not_modified: return "not modified";
      case errc::precondition_failed: return "a precondition failed";
      case errc::invalid_argument: return "invalid argument";
      case errc::protocol_violation: return "the peer broke the protocol";
      case errc::connection_lost: return "the connection was lost";
      case errc::untrusted_peer: return "the server can't be trusted";
      case errc::unavailable: return "unavailable";
    }
    return "unknown s3pager condition";
  }

  /// errno values that mean one of our conditions.
  [[nodiscard]] bool equivalent(const std::error_code& code, int condition) const noexcept override {
    if (code.category() == *this) return code.value() == condition;
    if (code.category() != std::system_category() && code.category() != std::generic_category()) return false;
    switch (static_cast<errc>(condition)) {
      case errc::timed_out: return code.value() == ETIMEDOUT || code.value() == ETIME;
      case errc::cancelled: return code.value() == ECANCELED;
      case errc::connection_lost:
        return code.value() == ECONNRESET || code.value() == EPIPE || code.value() == ECONNABORTED ||
               code.value() == ENOTCONN;
      case errc::unavailable:
        return code.value() == ECONNREFUSED || code.value() == EHOSTUNREACH || code.value() == ENETUNREACH ||
               code.value() == EMFILE || code.value() == ENFILE || code.value() == ENOBUFS || code.value() == ENOMEM;
      default: return false;
    }
  }
};

}  // namespace detail

[[nodiscard]] inline const std::error_category& error_category() noexcept {
  static const detail::condition_category category;
  return category;
}

[[nodiscard]] inline std::error_condition make_error_condition(errc value) noexcept {
  return {static_cast<int>(value), error_category()};
}

/// A code of the library's own that means exactly one condition. (errc itself is registered as a condition only, so
/// that comparing with `==` is never ambiguous.)
[[nodiscard]] inline std::error_code make_error_code(errc value) noexcept {
  return {static_cast<int>(value), error_category()};
}

/// A code from an errno value, positive, or negative as io_uring returns it.
[[nodiscard]] inline std::error_code errno_code(int value) noexcept {
  return {value < 0 ? -value : value, std::system_category()};
}

/// What a client has learnt from a failure, so that the same request, made again, may succeed.
enum class remedy : std::uint8_t {
  none,
  clock,        ///< what time the service has it
  region,       ///< where the bucket is
  credentials,  ///< that it needs others, which it can ask for
};

/// What is known of a failure besides its code. Never holds a secret or a signed URL.
struct error_details {
  std::string message = {};      ///< what was wrong, where, and what was expected; plain words
  int http_status = 0;      ///< 0: no answer was read
  std::string s3_code = {};      ///< as the service named it (`NoSuchKey`); empty: none
  std::string request_id = {};   ///< x-amz-request-id
  std::string host_id = {};      ///< x-amz-id-2
  std::string bucket = {};
  std::string key = {};          ///< opaque bytes, as the service holds them
  std::uint32_t attempts = 0;
  std::chrono::nanoseconds elapsed{0};
  std::chrono::seconds retry_after{0};  ///< how long the service asked to wait; 0: it did not
  std::chrono::seconds clock_ahead{0};  ///< of the service, if it refused the time that was signed; 0: it did not
  std::string bucket_region = {};       ///< where the bucket is, if the service said so
  s3pager::remedy remedy = s3pager::remedy::none;
  std::string tried = {};        ///< what the attempts before the last failed of (`connection 2, throttling 1`); empty: none
  std::string_view given_up = {};  ///< why no further attempt was made, where the policy had some left; of static storage
};

/// The exception of every task and generator of the library. `what()` is one line that carries all that is known.
class error : public std::system_error {
 public:
  error(std::error_code code, error_details details)
      : std::system_error(code, describe(details)), details_(std::move(details)) {}
  error(std::error_code code, std::string message) : error(code, error_details{.message = std::move(message)}) {}
  error(errc condition, std::string message) : error(make_error_code(condition), std::move(message)) {}
  error(errc condition, error_details details) : error(make_error_code(condition), std::move(details)) {}

  [[nodiscard]] const error_details& details() const noexcept { return details_; }
  [[nodiscard]] int http_status() const noexcept { return details_.http_status; }
  [[nodiscard]] const std::string& s3_code() const noexcept { return details_.s3_code; }
  [[nodiscard]] const std::string& request_id() const noexcept { return details_.request_id; }
  [[nodiscard]] const std::string& bucket() const noexcept { return details_.bucket; }
  [[nodiscard]] const std::string& key() const noexcept { return details_.key; }
  [[nodiscard]] std::uint32_t attempts() const noexcept { return details_.attempts; }

 private:
  /// Keys, ids and codes are a peer's bytes: control characters must not reach a terminal or split a log line, and a list may
  /// name a key that is a thousand times as long as any.
  static void append_printable(std::string& out, std::string_view bytes) {
    static constexpr char digits[] = "0123456789abcdef";
    static constexpr std::size_t most = 1024;
    for (const char c : bytes.substr(0, most)) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte >= 0x20 && byte != 0x7f) {
        out += c;
      } else {
        out += "\\x";
        out += digits[byte >> 4];
        out += digits[byte & 15];
      }
    }
    if (bytes.size() > most) out += "...";
  }

  static std::string describe(const error_details& d) {
    std::string text;
    append_printable(text, d.message);
    const auto add = [&text](const char* name, const std::string& value) {
      if (value.empty()) return;
      text += text.empty() ? "" : "; ";
      text += name;
      append_printable(text, value);
    };
    add("bucket ", d.bucket);
    add("key ", d.key);
    add("status ", d.http_status != 0 ? std::to_string(d.http_status) : std::string());
    add("code ", d.s3_code);
    add("request id ", d.request_id);
    add("host id ", d.host_id);
    std::string attempts = d.attempts != 0 ? std::to_string(d.attempts) : std::string();
    if (const auto spent = std::chrono::duration_cast<std::chrono::milliseconds>(d.elapsed).count(); d.attempts != 0 && spent > 0)
      attempts += " in " + std::to_string(spent) + " ms";
    if (!d.tried.empty()) attempts += " (before: " + d.tried + ")";
    if (d.attempts != 0 && !d.given_up.empty()) attempts.append(" (no more: ").append(d.given_up).append(")");
    add("attempts ", attempts);
    return text;
  }

  error_details details_;
};

}  // namespace s3pager

template <>
struct std::is_error_condition_enum<s3pager::errc> : std::true_type {};
