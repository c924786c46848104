// Which HTTP proxy stands between here and a host, much as curl reads the environment. Knows no connection.
// https://everything.curl.dev/usingcurl/proxies/env
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "s3pager/base/authority.hpp"
#include "s3pager/base/base64.hpp"
#include "s3pager/base/bytes.hpp"
#include "s3pager/base/environment.hpp"
#include "s3pager/base/checked_setting.hpp"
#include "s3pager/base/secret.hpp"
#include "s3pager/base/uri_encoding.hpp"

namespace s3pager::net {

struct proxy {
  bool tls = false;            ///< to the proxy itself
  std::string host = {};       ///< an IPv6 address without brackets
  std::uint16_t port = 0;
  secret authorization = {};   ///< what `Proxy-Authorization` says; empty: nothing
};

namespace detail {

struct ip_address {
  std::array<unsigned char, 16> bytes{};
  unsigned bits = 0;  // 32 or 128; 0: none
};

[[nodiscard]] inline ip_address parse_ip(std::string_view text) {
  if (text.size() > 2 && text.front() == '[' && text.back() == ']') text = text.substr(1, text.size() - 2);
  const std::string copy(text);
  ip_address made;
  if (copy.find('\0') != std::string::npos) return made;
  if (::inet_pton(AF_INET, copy.c_str(), made.bytes.data()) == 1)
    made.bits = 32;
  else if (::inet_pton(AF_INET6, copy.c_str(), made.bytes.data()) == 1)
    made.bits = 128;
  return made;
}

[[nodiscard]] inline bool same_network(const ip_address& a, const ip_address& b, unsigned bits) noexcept {
  for (unsigned i = 0; i < bits; i += 8) {
    const unsigned mask = bits - i >= 8 ? 0xFFU : 0xFFU << (8 - (bits - i)) & 0xFFU;
    if (((a.bytes[i / 8] ^ b.bytes[i / 8]) & mask) != 0) return false;
  }
  return true;
}

/// Decimal, up to `most`.
[[nodiscard]] inline std::optional<unsigned> parse_number(std::string_view text, unsigned most) noexcept {
  if (text.empty() || text.size() > 6) return std::nullopt;
  unsigned value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  if (value > most) return std::nullopt;
  return value;
}

/// Whether one entry of NO_PROXY means this host: its name, a domain that it is in, its address or a network of it.
[[nodiscard]] inline bool names_host(std::string_view entry, std::string_view host, const ip_address& address) {
  if (address.bits != 0) {
    const std::size_t slash = entry.find('/');
    const ip_address network = parse_ip(entry.substr(0, slash));
    if (network.bits != address.bits) return false;
    const auto bits = slash == std::string_view::npos ? std::optional(network.bits) : parse_number(entry.substr(slash + 1), network.bits);
    return bits && same_network(address, network, *bits);
  }
  if (entry.starts_with('.')) entry.remove_prefix(1);
  if (entry.ends_with('.')) entry.remove_suffix(1);
  if (entry.empty() || entry.size() > host.size()) return false;
  if (!equals_ignoring_case(host.substr(host.size() - entry.size()), entry)) return false;
  return entry.size() == host.size() || host[host.size() - entry.size() - 1] == '.';
}

}  // namespace detail

/// Whether `no_proxy`, entries between commas or blanks, has this host (without brackets or port) go without a proxy: `*` alone means
/// all; a name means itself and all below it, with a dot in front or not; an IP address, or a network as `10.0.0.0/8`, means addresses.
[[nodiscard]] inline bool bypasses_proxy(std::string_view no_proxy, std::string_view host) {
  if (no_proxy == "*") return true;
  const detail::ip_address address = detail::parse_ip(host);
  if (host.ends_with('.')) host.remove_suffix(1);
  constexpr std::string_view between = ", \t";
  while (!no_proxy.empty()) {
    const std::size_t end = no_proxy.find_first_of(between);
    if (detail::names_host(no_proxy.substr(0, end), host, address)) return true;
    no_proxy.remove_prefix(end == std::string_view::npos ? no_proxy.size() : end + 1);
  }
  return false;
}

/// `[http[s]://][user:password@]host[:port]`: without a scheme http, without a port 1080, or 443 by https, as with curl. User and
/// password are percent-encoded, but for an '@', which may be itself. A failure says what is wrong, and never repeats the text, which may hold a password.
[[nodiscard]] inline checked_setting<proxy> parse_proxy_url(std::string_view text) {
  using result = checked_setting<proxy>;
  const auto wrong = [](std::string_view what) { return result::failure(std::string("the proxy's URL ").append(what)); };
  for (const char c : text)
    if (c <= ' ' || c > '~') return wrong("holds a space, a line break or another character that can't be in it");
  proxy made;
  if (const std::size_t colon = text.find("://"); colon != std::string_view::npos) {
    const std::string_view scheme = text.substr(0, colon);
    made.tls = equals_ignoring_case(scheme, "https");
    if (!made.tls && !equals_ignoring_case(scheme, "http")) return wrong("must begin with http:// or https:// (SOCKS is not spoken)");
    text.remove_prefix(colon + 3);
  }
  text = text.substr(0, text.find_first_of("/?#"));
  if (const std::size_t at = text.rfind('@'); at != std::string_view::npos) {
    const std::string_view given = text.substr(0, at);
    const std::size_t colon = given.find(':');
    // With room for all, so that nothing is left behind where it moved from.
    std::string plain;
    plain.reserve(given.size() + 1);
    std::string value("Basic ");
    bool decoded = append_uri_decoded(plain, given.substr(0, colon));
    // The first colon ends the user's name (RFC 7617 2).
    const bool colon_in_user = plain.find(':') != std::string::npos;
    plain += ':';
    if (colon != std::string_view::npos) decoded = append_uri_decoded(plain, given.substr(colon + 1)) && decoded;
    if (decoded && !colon_in_user && !given.empty()) {
      std::string encoded = to_base64(as_byte_span(plain));
      value.reserve(value.size() + encoded.size());
      value += encoded;
      made.authorization = value;
      for (std::string* each : {&encoded, &value}) ::explicit_bzero(each->data(), each->size());
    }
    ::explicit_bzero(plain.data(), plain.size());
    if (!decoded) return wrong("has a user name or password that is not percent-encoded as it should be");
    if (colon_in_user) return wrong("has a user name with a colon");
    text.remove_prefix(at + 1);
  }
  auto parsed = parse_authority(text);
  if (!parsed) return wrong(parsed.message());
  authority where = std::move(parsed).value();
  made.host = std::move(where.host);
  made.port = where.port != 0 ? where.port : made.tls ? 443 : 1080;
  return made;
}

/// What the environment has for requests, by TLS or not, when this is made: `https_proxy` or HTTPS_PROXY for the one, for the other
/// only `http_proxy` (HTTP_PROXY is what a request's header `Proxy` is to a CGI program); else `all_proxy` or ALL_PROXY.
class environment_proxy {
 public:
  environment_proxy() = default;
  explicit environment_proxy(bool tls, environment_lookup lookup = process_environment) {
    const auto first_set = [lookup](std::initializer_list<const char*> names) {
      for (const char* const name : names)
        if (const std::string_view value = environment_value(lookup, name); !value.empty()) return std::pair(name, value);
      return std::pair("", std::string_view());
    };
    const auto [name, url] = tls ? first_set({"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"})
                                 : first_set({"http_proxy", "all_proxy", "ALL_PROXY"});
    if (url.empty()) return;
    no_proxy_ = first_set({"no_proxy", "NO_PROXY"}).second;
    auto parsed = parse_proxy_url(url);
    if (parsed)
      found_ = std::move(parsed).value();
    else
      wrong_ = std::string(name) + ": " + parsed.message();
  }

  /// The proxy for `host` (without brackets). Nothing if none is set, if `no_proxy` or NO_PROXY has the host, or if it is this machine's
  /// loopback, which no proxy can mean. A failure if what is set is wrong.
  [[nodiscard]] checked_setting<std::optional<proxy>> for_host(std::string_view host) const {
    using result = checked_setting<std::optional<proxy>>;
    const bool set = found_ || !wrong_.empty();
    if (!set || bypasses_proxy(no_proxy_, host) || bypasses_proxy("localhost,127.0.0.0/8,::1", host)) return result(std::nullopt);
    return found_ ? result(found_) : result::failure(std::string(wrong_));
  }
  /// Whether it is spoken to by TLS.
  [[nodiscard]] bool by_tls() const noexcept { return found_ && found_->tls; }

 private:
  std::optional<proxy> found_;
  std::string wrong_;
  std::string no_proxy_;
};

}  // namespace s3pager::net
