// What can be wrong with a message of HTTP/1.1: the codes of this layer and how they map to s3pager's conditions.
#pragma once

#include <string>
#include <system_error>

#include "s3pager/base/error.hpp"

namespace s3pager::http {

/// Why a message was refused. A peer's fault compares equal to errc::protocol_violation, an early end of the
/// connection to errc::connection_lost, a request that can't be written to errc::invalid_argument.
enum class protocol_error {
  // The head.
  head_too_large = 1,
  too_many_headers,
  bad_status_line,
  bad_request_line,
  unsupported_version,  ///< neither HTTP/1.0 nor HTTP/1.1
  bad_header_name,      ///< empty, not a token, followed by whitespace, or a line without a colon
  bad_header_value,     ///< a NUL or another control character
  bare_cr,
  bare_lf,
  obsolete_fold,  ///< a line that begins with whitespace (RFC 9112 5.2)
  too_many_interim_responses,
  unexpected_upgrade,  ///< status 101, which nobody asked for

  // The length of the body.
  bad_content_length,          ///< not digits only, or beyond 64 bits
  conflicting_content_length,  ///< two that differ
  duplicate_content_length,    ///< two that are the same: a proxy may have added one
  length_with_transfer_encoding,
  unsupported_transfer_coding,  ///< anything but one `chunked`, or any on HTTP/1.0

  // Chunks.
  bad_chunk_size,
  chunk_extension_too_long,
  bad_chunk_extension,
  bad_chunk_end,  ///< a chunk's bytes are not followed by CR LF
  trailers_too_large,

  // An early end of the connection.
  closed_before_message,  ///< not one byte of the message came
  truncated_head,
  truncated_body,

  // Requests that we were asked to write.
  invalid_method,
  invalid_target,
  invalid_header_name,
  invalid_header_value,
  request_too_large,  ///< for the buffer that the caller gave

  out_of_memory,  ///< for a head that came in pieces
};

namespace detail {

class protocol_error_category final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "s3pager.http"; }

  [[nodiscard]] std::string message(int value) const override {
    switch (static_cast<protocol_error>(value)) {
      case protocol_error::head_too_large: return "the head of the message is too large";
      case protocol_error::too_many_headers: return "the message has too many headers";
      case protocol_error::bad_status_line: return "the status line is malformed";
      case protocol_error::bad_request_line: return "the request line is malformed";
      case protocol_error::unsupported_version: return "the version is neither HTTP/1.0 nor HTTP/1.1";
      case protocol_error::bad_header_name: return "a header's name is malformed";
      case protocol_error::bad_header_value: return "a header's value holds a control character";
      case protocol_error::bare_cr: return "a carriage return without a line feed";
      case protocol_error::bare_lf: return "a line feed without a carriage return";
      case protocol_error::obsolete_fold: return "a header is folded over lines";
      case protocol_error::too_many_interim_responses: return "too many interim (1xx) responses";
      case protocol_error::unexpected_upgrade: return "the peer switched protocols unasked";
      case protocol_error::bad_content_length: return "Content-Length is not a number in range";
      case protocol_error::conflicting_content_length: return "two Content-Length headers differ";
      case protocol_error::duplicate_content_length: return "Content-Length is given twice";
      case protocol_error::length_with_transfer_encoding: return "both Content-Length and Transfer-Encoding are given";
      case protocol_error::unsupported_transfer_coding: return "the transfer coding is not just chunked";
      case protocol_error::bad_chunk_size: return "a chunk's size is malformed or out of range";
      case protocol_error::chunk_extension_too_long: return "a chunk's extension is too long";
      case protocol_error::bad_chunk_extension: return "a chunk's extension is malformed";
      case protocol_error::bad_chunk_end: return "a chunk doesn't end where its size says";
      case protocol_error::trailers_too_large: return "the trailers are too large or too many";
      case protocol_error::closed_before_message: return "the connection ended before the message began";
      case protocol_error::truncated_head: return "the connection ended within the head of the message";
      case protocol_error::truncated_body: return "the connection ended within the body of the message";
      case protocol_error::invalid_method: return "the request's method is not a token";
      case protocol_error::invalid_target: return "the request's target is empty or holds characters that need encoding";
      case protocol_error::invalid_header_name: return "a request header's name is not a token";
      case protocol_error::invalid_header_value: return "a request header's value holds a control character";
      case protocol_error::request_too_large: return "the request's head is larger than its buffer";
      case protocol_error::out_of_memory: return "no memory to hold the head of the message";
    }
    return "unknown HTTP error";
  }

  [[nodiscard]] std::error_condition default_error_condition(int value) const noexcept override {
    switch (static_cast<protocol_error>(value)) {
      case protocol_error::closed_before_message:
      case protocol_error::truncated_head:
      case protocol_error::truncated_body: return make_error_condition(errc::connection_lost);
      case protocol_error::invalid_method:
      case protocol_error::invalid_target:
      case protocol_error::invalid_header_name:
      case protocol_error::invalid_header_value:
      case protocol_error::request_too_large: return make_error_condition(errc::invalid_argument);
      case protocol_error::out_of_memory: return make_error_condition(errc::unavailable);
      default: return make_error_condition(errc::protocol_violation);
    }
  }
};

}  // namespace detail

[[nodiscard]] inline const std::error_category& protocol_category() noexcept {
  static const detail::protocol_error_category category;
  return category;
}

[[nodiscard]] inline std::error_code make_error_code(protocol_error value) noexcept {
  return {static_cast<int>(value), protocol_category()};
}

}  // namespace s3pager::http

template <>
struct std::is_error_code_enum<s3pager::http::protocol_error> : std::true_type {};
