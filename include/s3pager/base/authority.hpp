// `host[:port]`, as it stands in a URL. Knows no scheme, and no user names.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "s3pager/base/bytes.hpp"
#include "s3pager/base/checked_setting.hpp"

namespace s3pager {

struct authority {
  std::string host = {};       ///< an IPv6 address without brackets
  bool ip_literal = false;
  bool ipv6 = false;
  bool has_port = false;       ///< a colon is there
  std::uint16_t port = 0;      ///< 0: none is given, or an empty one (RFC 3986 3.2.3)
};

/// Of a-z, 0-9, '-', '_' and dots between labels of 1 to 63; one dot at the end is a name from the root.
[[nodiscard]] inline bool is_host_name(std::string_view host) noexcept {
  if (host.empty() || host.size() > 253) return false;
  std::size_t label = 0;
  for (const char c : host) {
    if (c == '.') {
      if (label == 0) return false;
      label = 0;
      continue;
    }
    const char lower = ascii_lower(c);
    if (!(lower >= 'a' && lower <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '_') return false;
    if (++label > 63) return false;
  }
  return true;
}

/// Or what is wrong, as the end of a sentence that says of what: "has no valid host name ...". Never repeats the text.
[[nodiscard]] inline checked_setting<authority> parse_authority(std::string_view text) {
  using result = checked_setting<authority>;
  authority made;
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return result::failure("has a '[' without a ']'");
    made.host = text.substr(1, end - 1);
    in6_addr address{};
    if (made.host.find('\0') != std::string::npos || ::inet_pton(AF_INET6, made.host.c_str(), &address) != 1)
      return result::failure("has brackets around no IPv6 address");
    made.ipv6 = made.ip_literal = true;
    port = text.substr(end + 1);
    if (!port.empty() && port.front() != ':') return result::failure("has something other than a port after its IPv6 address");
  } else {
    const std::size_t colon = std::min(text.find(':'), text.size());
    made.host = text.substr(0, colon);
    port = text.substr(colon);
    if (!is_host_name(made.host)) return result::failure("has no valid host name (an IPv6 address needs brackets)");
    in_addr address{};
    made.ip_literal = ::inet_pton(AF_INET, made.host.c_str(), &address) == 1;
  }
  if (port.empty()) return made;
  made.has_port = true;
  if (port.size() == 1) return made;
  unsigned value = 0;
  for (const char c : port.substr(1)) {
    if (c < '0' || c > '9' || value > 65'535) return result::failure("has a port that is no number from 1 to 65535");
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  if (value == 0 || value > 65'535) return result::failure("has a port that is no number from 1 to 65535");
  made.port = static_cast<std::uint16_t>(value);
  return made;
}

}  // namespace s3pager
