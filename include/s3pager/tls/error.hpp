// What can be wrong with a TLS connection: the codes of this layer and how they map to s3pager's conditions.
#pragma once

#include <string>
#include <system_error>

#include "s3pager/base/error.hpp"

namespace s3pager::tls {

/// Why a connection was refused or failed. What the server's certificate or its old TLS is to blame for compares equal to
/// errc::untrusted_peer, which no other attempt heals; bytes that are not TLS to errc::protocol_violation; an early end to
/// errc::connection_lost.
enum class tls_error {
  // The server's certificate, or one above it.
  certificate_expired = 1,
  certificate_not_yet_valid,
  wrong_host,             ///< its alternative names don't name the host; a common name counts for nothing (RFC 9525 2)
  self_signed,            ///< by nobody but itself, and not among those trusted
  unknown_authority,      ///< the chain ends before one that is trusted, or at one that is not
  not_for_servers,        ///< its key usage or extended key usage
  weak_certificate,       ///< key or digest below what OpenSSL's security level wants
  untrusted_certificate,  ///< anything else that its verification found

  // The handshake.
  old_version,                 ///< TLS 1.1 or older only
  plain_http,                  ///< an answer in plain HTTP
  not_tls,                     ///< the first bytes are those of no TLS record
  wrong_application_protocol,  ///< something else than HTTP/1.1 was chosen by ALPN
  client_certificate_refused,  ///< or missing
  refused,                     ///< by an alert of the server's; the message names it
  closed_in_handshake,

  // From then on.
  bad_record,   ///< its tag does not hold: it was changed on its way
  bad_message,  ///< anything else that breaks TLS
  no_progress,  ///< too many bytes without one of the application's
  truncated,    ///< the connection ended without close_notify

  // Here.
  out_of_memory,
  internal,  ///< OpenSSL failed for a reason of its own; the message names it
};

namespace detail {

class tls_error_category final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "s3pager.tls"; }

  [[nodiscard]] std::string message(int value) const override {
    switch (static_cast<tls_error>(value)) {
      case tls_error::certificate_expired: return "the server's certificate is expired";
      case tls_error::certificate_not_yet_valid: return "the server's certificate is not valid yet";
      case tls_error::wrong_host: return "the server's certificate is for another host";
      case tls_error::self_signed: return "the server's certificate is self-signed";
      case tls_error::unknown_authority: return "the server's certificate is of an unknown authority";
      case tls_error::not_for_servers: return "the server's certificate is not for servers";
      case tls_error::weak_certificate: return "the server's certificate is too weak";
      case tls_error::untrusted_certificate: return "the server's certificate can't be trusted";
      case tls_error::old_version: return "the server speaks TLS 1.1 or older only";
      case tls_error::plain_http: return "the server answers in plain HTTP, not in TLS";
      case tls_error::not_tls: return "the server does not answer in TLS";
      case tls_error::wrong_application_protocol: return "the server chose another protocol than HTTP/1.1";
      case tls_error::client_certificate_refused: return "the server refuses the client's certificate, or misses one";
      case tls_error::refused: return "the server refused the TLS connection";
      case tls_error::closed_in_handshake: return "the connection ended within the TLS handshake";
      case tls_error::bad_record: return "a TLS record was changed on its way";
      case tls_error::bad_message: return "the server broke the TLS protocol";
      case tls_error::no_progress: return "the server sends TLS messages without end and no data";
      case tls_error::truncated: return "the connection ended without TLS's close_notify";
      case tls_error::out_of_memory: return "no memory for TLS";
      case tls_error::internal: return "OpenSSL failed";
    }
    return "unknown TLS error";
  }

  [[nodiscard]] std::error_condition default_error_condition(int value) const noexcept override {
    switch (static_cast<tls_error>(value)) {
      case tls_error::certificate_expired:
      case tls_error::certificate_not_yet_valid:
      case tls_error::wrong_host:
      case tls_error::self_signed:
      case tls_error::unknown_authority:
      case tls_error::not_for_servers:
      case tls_error::weak_certificate:
      case tls_error::untrusted_certificate:
      case tls_error::old_version:
      case tls_error::plain_http: return make_error_condition(errc::untrusted_peer);
      case tls_error::client_certificate_refused: return make_error_condition(errc::access_denied);
      case tls_error::closed_in_handshake:
      case tls_error::truncated: return make_error_condition(errc::connection_lost);
      case tls_error::out_of_memory:
      case tls_error::internal: return make_error_condition(errc::unavailable);
      default: return make_error_condition(errc::protocol_violation);
    }
  }
};

}  // namespace detail

[[nodiscard]] inline const std::error_category& tls_category() noexcept {
  static const detail::tls_error_category category;
  return category;
}

[[nodiscard]] inline std::error_code make_error_code(tls_error value) noexcept {
  return {static_cast<int>(value), tls_category()};
}

}  // namespace s3pager::tls

template <>
struct std::is_error_code_enum<s3pager::tls::tls_error> : std::true_type {};
