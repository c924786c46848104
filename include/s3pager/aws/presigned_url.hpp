// A URL that somebody has signed: where it leads, and what is sent there, byte by byte as it is. Knows no signature's meaning.
#pragma once

#include <string.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3pager/base/authority.hpp"
#include "s3pager/base/bytes.hpp"
#include "s3pager/base/checked_setting.hpp"
#include "s3pager/base/http_url.hpp"
#include "s3pager/base/secret.hpp"
#include "s3pager/base/uri_encoding.hpp"
#include "s3pager/base/visible_text.hpp"

namespace s3pager::aws {

struct presigned_url {
  bool tls = false;
  std::string host = {};         ///< an IPv6 address without brackets
  std::uint16_t port = 0;
  std::string host_header = {};  ///< as it is in the URL, without the scheme's own port
  secret target = {};            ///< path and query
  std::string key = {};          ///< the path without its first slash, decoded, if it can be
  std::vector<secret> secrets = {};  ///< what of it authorizes: the query, and of that what signs, as it is there and decoded
};

namespace detail {

/// Whether a parameter of this name authorizes: of AWS's signatures, version 4 and 2, and of others much like them.
[[nodiscard]] inline bool is_authorizing(std::string_view name) noexcept {
  for (const std::string_view end : {"signature", "security-token", "s3session-token"})
    if (name.size() >= end.size() && equals_ignoring_case(name.substr(name.size() - end.size()), end)) return true;
  return false;
}

}  // namespace detail

/// Or what is wrong. Never repeats the text, which is a secret.
[[nodiscard]] inline checked_setting<presigned_url> parse_presigned_url(std::string_view text) {
  using result = checked_setting<presigned_url>;
  constexpr std::size_t most = 16 * 1024;
  const auto wrong = [](std::string_view what) { return result::failure(std::string("the URL ").append(what)); };
  if (text.size() > most) return wrong("has " + std::to_string(text.size()) + " characters, 16384 at most are allowed");
  if (!all_visible(text)) return wrong("holds a space, a line break or another character that has to be percent-encoded");
  presigned_url url;
  auto parsed = parse_http_url(text);
  if (!parsed) return wrong(parsed.message());
  http_url taken = std::move(parsed).value();
  url.tls = taken.tls;
  authority where = std::move(taken.where);
  const std::string_view target = taken.rest;
  text.remove_suffix(target.size());
  const std::string_view host_and_port = text.substr(text.find("://") + 3);
  const std::uint16_t usual = url.tls ? 443 : 80;
  url.port = where.port != 0 ? where.port : usual;
  url.host = std::move(where.host);
  url.host_header = host_and_port.substr(0, where.has_port ? host_and_port.rfind(':') : host_and_port.size());
  if (url.port != usual) url.host_header.append(1, ':').append(std::to_string(url.port));

  const std::size_t question = std::min(target.find('?'), target.size());
  if (question < 2) return wrong("names no object: it has no path");
  const std::string_view path = target.substr(1, question - 1);
  if (!append_uri_decoded(url.key, path)) url.key = path;
  url.target = target;
  std::string_view query = target.substr(std::min(question + 1, target.size()));
  if (!query.empty()) url.secrets.emplace_back(query);
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view one = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const std::size_t equals = std::min(one.find('='), one.size());
    if (equals == one.size() || !detail::is_authorizing(one.substr(0, equals))) continue;
    const std::string_view value = one.substr(equals + 1);
    url.secrets.emplace_back(value);
    std::string decoded;
    if (append_uri_decoded(decoded, value) && decoded != value) url.secrets.emplace_back(decoded);
    ::explicit_bzero(decoded.data(), decoded.size());
  }
  return url;
}

}  // namespace s3pager::aws
