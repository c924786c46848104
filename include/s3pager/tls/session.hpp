// What a TLS connection leaves behind to shorten the next handshake with the same host. Holds secrets; OpenSSL wipes them with it.
#pragma once

#include <openssl/ssl.h>

#include <string>
#include <string_view>
#include <utility>

#include "s3pager/base/counted.hpp"
#include "s3pager/tls/context.hpp"
#include "s3pager/tls/detail/openssl.hpp"

namespace s3pager::tls {

/// Of one host and one context: another engine ignores it, for resuming skips the certificate.
class session final : public counted {
 public:
  session(detail::owned<SSL_SESSION> native, ref<context> made_with, std::string_view host)
      : native_(std::move(native)), made_with_(std::move(made_with)), host_(host) {}

  [[nodiscard]] bool fits(const ref<context>& with, std::string_view host) const noexcept {
    return made_with_ == with && host_ == host && ::SSL_SESSION_is_resumable(native_.get()) == 1;
  }
  /// A ticket of TLS 1.3, which an observer could recognize if it came twice, and some servers take once only (RFC 8446 C.4).
  [[nodiscard]] bool single_use() const noexcept { return ::SSL_SESSION_get_protocol_version(native_.get()) == TLS1_3_VERSION; }
  [[nodiscard]] const std::string& host() const noexcept { return host_; }
  [[nodiscard]] SSL_SESSION* native() const noexcept { return native_.get(); }

 private:
  detail::owned<SSL_SESSION> native_;
  ref<context> made_with_;
  std::string host_;
};

}  // namespace s3pager::tls
