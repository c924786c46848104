// From OpenSSL's many reasons to the few that a caller can act on, and to a sentence for who has to mend it.
#pragma once

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <ctime>
#include <string>
#include <string_view>

#include "s3pager/tls/context.hpp"
#include "s3pager/tls/detail/openssl.hpp"
#include "s3pager/tls/error.hpp"

namespace s3pager::tls::detail {

[[nodiscard]] inline tls_error of_verification(long result) noexcept {
  switch (result) {
    case X509_V_ERR_CERT_HAS_EXPIRED: return tls_error::certificate_expired;
    case X509_V_ERR_CERT_NOT_YET_VALID: return tls_error::certificate_not_yet_valid;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH: return tls_error::wrong_host;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT: return tls_error::self_signed;
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE: return tls_error::unknown_authority;
    case X509_V_ERR_INVALID_PURPOSE: return tls_error::not_for_servers;
    case X509_V_ERR_EE_KEY_TOO_SMALL:
    case X509_V_ERR_CA_KEY_TOO_SMALL:
    case X509_V_ERR_CA_MD_TOO_WEAK: return tls_error::weak_certificate;
    case X509_V_ERR_OUT_OF_MEM: return tls_error::out_of_memory;
    default: return tls_error::untrusted_certificate;
  }
}

[[nodiscard]] inline tls_error of_alert(int alert) noexcept {
  switch (alert) {
    case SSL_AD_PROTOCOL_VERSION: return tls_error::old_version;
    case SSL_AD_NO_APPLICATION_PROTOCOL: return tls_error::wrong_application_protocol;
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_REVOKED:
    case SSL_AD_CERTIFICATE_EXPIRED:
    case SSL_AD_CERTIFICATE_UNKNOWN:
    case SSL_AD_UNKNOWN_CA:
    case SSL_AD_CERTIFICATE_REQUIRED: return tls_error::client_certificate_refused;
    default: return tls_error::refused;
  }
}

/// Of an error in OpenSSL's queue. `first_bytes` are those that the server's stream began with, up to five.
[[nodiscard]] inline tls_error of_reason(openssl_error failed, bool in_handshake, std::string_view first_bytes) noexcept {
  const unsigned long code = failed.code;
  if (code == 0) return tls_error::internal;
  const int reason = ERR_GET_REASON(code);
  if (reason == ERR_R_MALLOC_FAILURE) return tls_error::out_of_memory;
  if (ERR_GET_LIB(code) != ERR_LIB_SSL) return tls_error::bad_message;
  if (reason > SSL_AD_REASON_OFFSET && reason <= SSL_AD_REASON_OFFSET + 255) return of_alert(reason - SSL_AD_REASON_OFFSET);
  if (failed.of_alpn) return tls_error::wrong_application_protocol;
  switch (reason) {
    case SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC:
    case SSL_R_DECRYPTION_FAILED: return tls_error::bad_record;
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_WRONG_SSL_VERSION:
    case SSL_R_VERSION_TOO_LOW: return in_handshake ? tls_error::old_version : tls_error::bad_message;
    default: break;
  }
  // Records begin with their kind (20 to 23) and 3, the major version.
  const bool plain = first_bytes.substr(0, 5) == "HTTP/";
  const bool record = first_bytes.size() < 2 || (first_bytes[0] >= 20 && first_bytes[0] <= 23 && first_bytes[1] == 3);
  if (in_handshake && plain) return tls_error::plain_http;
  if (in_handshake && !record) return tls_error::not_tls;
  return reason == ERR_R_INTERNAL_ERROR ? tls_error::internal : tls_error::bad_message;
}

[[nodiscard]] inline std::string time_text(const ASN1_TIME* of) {
  std::tm parts{};
  if (of == nullptr || ::ASN1_TIME_to_tm(of, &parts) != 1) return "an unreadable time";
  char text[40];
  const std::size_t size = std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &parts);
  return {text, size};
}

[[nodiscard]] inline std::string subject_of(const X509* of) {
  const owned<char> text(::X509_NAME_oneline(::X509_get_subject_name(of), nullptr, 0));
  return text ? text.get() : "";
}

/// The first few hosts that a certificate is for: `a.example, *.b.example, 192.0.2.1`.
[[nodiscard]] inline std::string hosts_of(const X509* of) {
  static constexpr int most = 5;
  const owned<GENERAL_NAMES> names(static_cast<GENERAL_NAMES*>(::X509_get_ext_d2i(of, NID_subject_alt_name, nullptr, nullptr)));
  std::string text;
  int listed = 0;
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(names.get(), i);
    std::string one;
    if (name->type == GEN_DNS) {
      one.assign(reinterpret_cast<const char*>(::ASN1_STRING_get0_data(name->d.dNSName)),
                 static_cast<std::size_t>(::ASN1_STRING_length(name->d.dNSName)));
    } else if (name->type == GEN_IPADD) {
      const unsigned char* const bytes = ::ASN1_STRING_get0_data(name->d.iPAddress);
      const int size = ::ASN1_STRING_length(name->d.iPAddress);
      for (int at = 0; at < size; ++at) {
        char digits[8];
        const bool between = at > 0 && (size == 4 || at % 2 == 0);
        std::snprintf(digits, sizeof digits, size == 4 ? "%s%u" : "%s%02x", between ? (size == 4 ? "." : ":") : "", bytes[at]);
        one += digits;
      }
    } else {
      continue;
    }
    if (listed == most) return text + ", ...";
    text += (listed++ == 0 ? "" : ", ") + one;
  }
  return text.empty() ? "no host at all" : text;
}

/// `the certificate of a.example is expired: certificate has expired (valid until 2026-01-01 00:00:00 UTC)`
[[nodiscard]] inline std::string verification_text(tls_error failed, const std::string& host, const connection_notes& notes) {
  const bool own = notes.blamed_depth == 0 || !notes.blamed;
  std::string text = own ? "the certificate of " + host
                         : "the certificate of the authority " + subject_of(notes.blamed.get()) + " above that of " + host;
  std::string more;
  switch (failed) {
    case tls_error::certificate_expired:
      text += " is expired";
      if (notes.blamed) more = "valid until " + time_text(::X509_get0_notAfter(notes.blamed.get()));
      break;
    case tls_error::certificate_not_yet_valid:
      text += " is not valid yet";
      if (notes.blamed) more = "valid from " + time_text(::X509_get0_notBefore(notes.blamed.get()));
      break;
    case tls_error::wrong_host:
      text += " is for another host";
      if (notes.blamed) more = "for " + hosts_of(notes.blamed.get());
      break;
    case tls_error::self_signed: text += " is self-signed"; break;
    // The depth tells how far the chain was followed, not who is to blame.
    case tls_error::unknown_authority:
      text = "the certificate of " + host + " is of an unknown authority";
      if (notes.blamed) {
        const owned<char> issuer(::X509_NAME_oneline(::X509_get_issuer_name(notes.blamed.get()), nullptr, 0));
        if (issuer) more = issuer.get();
      }
      break;
    case tls_error::not_for_servers: text += own ? " is not for servers" : " is not for signing those of servers"; break;
    case tls_error::weak_certificate: text += " is too weak"; break;
    default: text += " can't be trusted"; break;
  }
  text += ": ";
  text += ::X509_verify_cert_error_string(notes.verify_error);
  if (!more.empty()) text += " (" + more + ")";
  return text;
}

}  // namespace s3pager::tls::detail
