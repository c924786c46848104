// Owners for OpenSSL's objects, and its queue of errors as text. The queue is a thread's, so whoever may fill it empties it.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <string_view>
#include <system_error>

namespace s3pager::tls::detail {

struct free_openssl {
  void operator()(SSL_CTX* what) const noexcept { ::SSL_CTX_free(what); }
  void operator()(SSL* what) const noexcept { ::SSL_free(what); }
  void operator()(SSL_SESSION* what) const noexcept { ::SSL_SESSION_free(what); }
  void operator()(X509* what) const noexcept { ::X509_free(what); }
  void operator()(EVP_CIPHER_CTX* what) const noexcept { ::EVP_CIPHER_CTX_free(what); }
  void operator()(BIO_METHOD* what) const noexcept { ::BIO_meth_free(what); }
  void operator()(GENERAL_NAMES* what) const noexcept { ::GENERAL_NAMES_free(what); }
  void operator()(char* what) const noexcept { OPENSSL_free(what); }
};

template <class T>
using owned = std::unique_ptr<T, free_openssl>;

/// OpenSSL's words for one of its errors. Empty for 0.
[[nodiscard]] inline std::string reason_text(unsigned long code) {
  if (code == 0) return {};
  if (ERR_SYSTEM_ERROR(code)) return std::generic_category().message(ERR_GET_REASON(code));
  const char* const text = ::ERR_reason_error_string(code);
  return text != nullptr ? text : "OpenSSL error " + std::to_string(code);
}

/// An error of OpenSSL's.
struct openssl_error {
  unsigned long code = 0;
  bool of_alpn = false;  ///< found where the choice of an application protocol is read: it has no reason of its own
};

/// Empties the queue. What it returns is the first error of TLS itself or, if there is none, the first of all.
inline openssl_error take_error() noexcept {
  openssl_error chosen;
  const char* where = nullptr;
  while (const unsigned long code = ::ERR_get_error_all(nullptr, nullptr, &where, nullptr, nullptr)) {
    if (chosen.code != 0 && (ERR_GET_LIB(code) != ERR_LIB_SSL || ERR_GET_LIB(chosen.code) == ERR_LIB_SSL)) continue;
    chosen = {code, where != nullptr && std::string_view(where).find("alpn") != std::string_view::npos};
  }
  return chosen;
}

/// Empties the queue, and says what caused all the rest.
[[nodiscard]] inline std::string take_cause() {
  const std::string text = reason_text(::ERR_get_error());
  ::ERR_clear_error();
  return text.empty() ? "unknown reason" : text;
}

}  // namespace s3pager::tls::detail
