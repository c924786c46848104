// Where a service is, before a bucket is named there: endpoint URLs taken apart, and Amazon's own put together.
// Knows no bucket and no rule.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "s3pager/base/authority.hpp"
#include "s3pager/base/bytes.hpp"
#include "s3pager/base/checked_setting.hpp"
#include "s3pager/base/uri_encoding.hpp"

namespace s3pager::aws::detail {

struct endpoint_url {
  bool tls = false;
  bool ip_literal = false;
  bool ipv6 = false;
  std::string host = {};
  std::uint16_t port = 0;  ///< 0: the scheme's own
  std::string path = {};   ///< without a slash at its end

  /// Of a host name: `label` becomes its first.
  void add_label(std::string_view label) { host.insert(0, 1, '.').insert(0, label); }
};

[[nodiscard]] inline bool is_encoded_path(std::string_view path) noexcept {
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '%') {
      if (path.size() - i < 3 || hex_value(path[i + 1]) < 0 || hex_value(path[i + 2]) < 0) return false;
      i += 2;
    } else if (path[i] != '/' && !s3pager::detail::is_unreserved(static_cast<unsigned char>(path[i]))) {
      return false;
    }
  }
  return true;
}

/// A strict subset of RFC 3986: what else can be in a URL has no meaning for an endpoint, and is more likely a mistake.
[[nodiscard]] inline checked_setting<endpoint_url> parse_endpoint_url(std::string_view text) {
  using result = checked_setting<endpoint_url>;
  // The text itself is not repeated: it may hold a password.
  const auto wrong = [](std::string_view what) { return result::failure(std::string("the endpoint URL ").append(what)); };
  endpoint_url url;
  const std::size_t colon = text.find("://");
  const std::string_view scheme = text.substr(0, colon == std::string_view::npos ? 0 : colon);
  url.tls = equals_ignoring_case(scheme, "https");
  if (!url.tls && !equals_ignoring_case(scheme, "http")) return wrong("must begin with http:// or https://");
  text.remove_prefix(colon + 3);
  if (text.find_first_of("?#") != std::string_view::npos) return wrong("must have no query and no fragment");

  const std::size_t slash_at = std::min(text.find('/'), text.size());
  const std::string_view host_and_port = text.substr(0, slash_at);
  std::string_view path = text.substr(slash_at);
  if (host_and_port.find('@') != std::string_view::npos) return wrong("must have no user name or password");
  while (!path.empty() && path.back() == '/') path.remove_suffix(1);
  if (!is_encoded_path(path)) return wrong("has a path that is not encoded");
  url.path = path;

  auto parsed = parse_authority(host_and_port);
  if (!parsed) return wrong(parsed.message());
  authority where = std::move(parsed).value();
  if (where.has_port && where.port == 0) return wrong("has a port that is no number from 1 to 65535");
  url.host = std::move(where.host);
  url.ip_literal = where.ip_literal;
  url.ipv6 = where.ipv6;
  url.port = where.port;
  return url;
}

/// `https://service[.dualstack][.region].suffix`
[[nodiscard]] inline endpoint_url amazon_url(std::string service, bool dual_stack, std::string_view region, std::string_view dns_suffix) {
  if (dual_stack) service += ".dualstack";
  if (!region.empty()) service.append(1, '.').append(region);
  service.append(1, '.').append(dns_suffix);
  return {.tls = true, .host = std::move(service)};
}

}  // namespace s3pager::aws::detail
