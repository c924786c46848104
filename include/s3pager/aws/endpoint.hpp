// Where the requests for a bucket go, and what they call it: rules of addressing and the parsing of endpoint URLs.
// Knows no sockets and looks nothing up.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <arpa/inet.h>

#include "s3pager/base/authority.hpp"
#include "s3pager/base/bytes.hpp"
#include "s3pager/base/checked_setting.hpp"
#include "s3pager/base/uri_encoding.hpp"

namespace s3pager::aws {

/// How a request names its bucket.
enum class addressing {
  automatic,       ///< in the host if name, endpoint and TLS allow it, else in the path
  path,            ///< `/bucket/key`
  virtual_hosted,  ///< `bucket.host`, or a failure
};

struct endpoint_options {
  std::string_view region = {};        ///< needed only without an endpoint_url
  std::string_view endpoint_url = {};  ///< `https://host:port/path`; empty: Amazon S3 of the region, by TLS
  std::string_view bucket = {};
  aws::addressing addressing = aws::addressing::automatic;
};

struct endpoint {
  bool tls = true;
  std::string host = {};         ///< to resolve and connect to, and for TLS to verify; an IPv6 address without brackets
  std::uint16_t port = 443;
  std::string host_header = {};  ///< with brackets around IPv6, with the port unless it is the scheme's own
  std::string path_prefix = {};  ///< encoded; what comes before `/key`: empty, or `/...` without a slash at its end
  std::string signing_region = {};
  std::string signing_name = "s3";
};

/// Whether a bucket can be a label, or several, of a host name: 3 to 63 of a-z, 0-9, '-' and '.', and no IPv4 address.
/// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
[[nodiscard]] inline bool is_dns_compatible(std::string_view bucket) {
  if (bucket.size() < 3 || bucket.size() > 63) return false;
  char previous = '.';
  for (const char c : bucket) {
    const bool alphanumeric = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (!alphanumeric && c != '-' && c != '.') return false;
    if (!alphanumeric && previous == '.') return false;
    if (c == '.' && previous == '-') return false;
    previous = c;
  }
  if (previous == '.' || previous == '-') return false;
  in_addr address{};
  return ::inet_pton(AF_INET, std::string(bucket).c_str(), &address) != 1;
}

/// Whether it can be a region's name.
[[nodiscard]] constexpr bool is_region(std::string_view text) noexcept {
  for (const char c : text)
    if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-') return false;
  return !text.empty() && text.size() <= 63;
}

namespace detail {

struct endpoint_url {
  bool tls = false;
  bool ip_literal = false;
  bool ipv6 = false;
  std::string host = {};
  std::uint16_t port = 0;
  std::string path = {};   ///< without a slash at its end
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
  url.port = where.has_port ? where.port : url.tls ? 443 : 80;
  return url;
}

/// Amazon's own endpoint of a region. China has a domain of its own; the isolated regions need an endpoint URL.
[[nodiscard]] inline checked_setting<endpoint_url> amazon_endpoint(std::string_view region) {
  using result = checked_setting<endpoint_url>;
  if (region.empty()) return result::failure("a region or an endpoint URL is needed");
  for (const char c : region)
    if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-')
      return result::failure("a region holds only a-z, 0-9 and '-'");
  endpoint_url url;
  url.tls = true;
  url.port = 443;
  url.host = "s3.";
  url.host += region;
  url.host += region.starts_with("cn-") ? ".amazonaws.com.cn" : ".amazonaws.com";
  return url;
}

}  // namespace detail

/// Whether what is sent to an endpoint by this URL, which may be empty, goes by TLS.
[[nodiscard]] inline bool uses_tls(std::string_view endpoint_url) noexcept {
  constexpr std::string_view scheme = "https:";
  return endpoint_url.empty() || equals_ignoring_case(endpoint_url.substr(0, scheme.size()), scheme);
}

/// Where the requests for a bucket go, or why nowhere.
[[nodiscard]] inline checked_setting<endpoint> resolve_endpoint(const endpoint_options& options) {
  using result = checked_setting<endpoint>;
  if (options.bucket.empty()) return result::failure("a bucket is needed");
  for (const char c : options.bucket)
    if (c == '/' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      return result::failure("a bucket's name holds no '/' and no control characters");
  if (options.bucket == "." || options.bucket == "..") return result::failure("a bucket's name can't be . or ..");

  auto parsed = options.endpoint_url.empty() ? detail::amazon_endpoint(options.region)
                                             : detail::parse_endpoint_url(options.endpoint_url);
  if (!parsed) return result::failure(parsed.message());
  const detail::endpoint_url& url = parsed.value();
  const bool compatible = is_dns_compatible(options.bucket);
  bool in_host = false;
  switch (options.addressing) {
    case addressing::automatic:
      // A certificate's wildcard stands for one label: a bucket with dots has no valid name under it.
      in_host = compatible && !url.ip_literal && !equals_ignoring_case(url.host, "localhost") &&
                !(url.tls && options.bucket.find('.') != std::string_view::npos);
      break;
    case addressing::path: break;
    case addressing::virtual_hosted:
      if (url.ip_literal)
        return result::failure("virtual-hosted addressing needs an endpoint with a host name, not an IP address");
      if (!compatible) return result::failure("this bucket's name can't be part of a host name");
      in_host = true;
      break;
  }

  endpoint out{.tls = url.tls, .host = url.host, .port = url.port, .path_prefix = url.path};
  out.signing_region = options.region.empty() ? std::string_view("us-east-1") : options.region;
  if (in_host) {
    out.host.insert(0, 1, '.').insert(0, options.bucket);
    if (out.host.size() > 253) return result::failure("the bucket and the endpoint make too long a host name");
  } else {
    out.path_prefix += '/';
    append_uri_encoded(out.path_prefix, options.bucket, slash::encode);
  }
  out.host_header = url.ipv6 ? "[" + out.host + "]" : out.host;
  if (out.port != (out.tls ? 443 : 80)) out.host_header.append(1, ':').append(std::to_string(out.port));
  return out;
}

}  // namespace s3pager::aws
