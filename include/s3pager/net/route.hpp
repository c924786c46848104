// The way to a host: whom to connect to, through what, and whom to trust. Knows no connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "s3pager/base/counted.hpp"
#include "s3pager/base/secret.hpp"
#include "s3pager/tls/context.hpp"

namespace s3pager::net {

/// From the wire up: TCP; TLS with whom that is to; a tunnel from there on; TLS with whom is at its end. All but the first may be missing.
struct route {
  std::string host = {};           ///< of TCP: a name or an address, IPv6 without brackets
  std::uint16_t port = 0;
  bool tls_to_proxy = false;       ///< `host` is a proxy that is spoken to by TLS
  std::string tunnel_to = {};      ///< what CONNECT asks a proxy for: `host:port`; empty: nothing. TLS goes through it
  secret authorization = {};       ///< for the proxy, with CONNECT; empty: none
  std::string tls_name = {};       ///< the host that TLS is spoken with, and has to prove its name; empty: none is
  ref<tls::context> trust = {};    ///< for `tls_name`
  ref<tls::context> proxy_trust = {};  ///< for a proxy
  bool nameless = false;           ///< `trust` shows nobody who the client is, though it shows others

  [[nodiscard]] std::size_t layers() const noexcept { return (tls_to_proxy ? 1U : 0U) + (tls_name.empty() ? 0U : 1U); }
  /// Equal if connections of one may serve the other. (Proxies' authorizations don't differ for one tunnel.)
  [[nodiscard]] std::string key() const {
    return host + '\n' + std::to_string(port) + (tls_to_proxy ? "\nS\n" : "\n\n") + tunnel_to + '\n' + tls_name + (nameless ? "\nN" : "");
  }
  /// For messages.
  [[nodiscard]] std::string where() const {
    const std::string there = host + " port " + std::to_string(port);
    return tunnel_to.empty() ? there : tunnel_to + " through the proxy " + there;
  }
};

}  // namespace s3pager::net
