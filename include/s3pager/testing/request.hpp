// What an HTTP request asks of S3: bucket, key and parameters, from either form of addressing. Judges no signature.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3pager/base/bytes.hpp"
#include "s3pager/base/uri_encoding.hpp"
#include "s3pager/http/header_fields.hpp"
#include "s3pager/http/request_parser.hpp"
#include "s3pager/testing/s3_error.hpp"

namespace s3pager::testing {

/// Views live as long as the parser's head.
struct s3_request {
  std::string_view method = {};
  std::string_view path = {};   ///< as sent
  std::string_view query = {};  ///< as sent
  http::header_fields headers = {};

  // Decoded.
  std::string bucket = {};
  std::string key = {};
  std::vector<std::pair<std::string, std::string>> parameters = {};

  [[nodiscard]] std::optional<std::string_view> parameter(std::string_view name) const noexcept {
    for (const auto& [each, value] : parameters)
      if (each == name) return value;
    return std::nullopt;
  }
  /// In either way; whether that is good is for others to say.
  [[nodiscard]] bool is_signed() const noexcept { return headers.count("Authorization") > 0 || parameter("X-Amz-Signature"); }
};

namespace detail {

/// The bucket that the host names in front of `.domain`; empty: none, so the path does.
[[nodiscard]] inline std::string_view bucket_of_host(std::string_view host, std::string_view domain) noexcept {
  if (const std::size_t colon = host.rfind(':'); colon != std::string_view::npos) host = host.substr(0, colon);
  if (domain.empty() || host.size() < domain.size() + 2) return {};
  const std::size_t dot = host.size() - domain.size() - 1;
  if (host[dot] != '.' || !equals_ignoring_case(host.substr(dot + 1), domain)) return {};
  return host.substr(0, dot);
}

}  // namespace detail

/// Reads a request whose head has come. `domain`: what virtual-hosted buckets are in front of.
[[nodiscard]] inline s3_error read_request(const http::request_parser& parser, std::string_view domain,
                                           s3_request& out) {
  out.method = parser.method();
  out.headers = parser.headers();
  const std::string_view target = parser.target();
  const std::size_t question = target.find('?');
  out.path = target.substr(0, question);
  out.query = question == std::string_view::npos ? std::string_view() : target.substr(question + 1);
  const s3_error bad_uri{400, "InvalidURI", "Couldn't parse the specified URI.", {{"URI", std::string(target)}}};
  if (out.path.empty() || out.path.front() != '/') return bad_uri;
  if (out.headers.count("Host") != 1)
    return {400, "InvalidRequest", "Exactly one Host header is needed.", {}};

  std::string_view rest = out.path.substr(1);
  out.bucket = detail::bucket_of_host(*out.headers.find("Host"), domain);
  if (out.bucket.empty()) {
    const std::size_t slash = std::min(rest.find('/'), rest.size());
    if (!append_uri_decoded(out.bucket, rest.substr(0, slash))) return bad_uri;
    rest.remove_prefix(std::min(slash + 1, rest.size()));
  }
  if (!append_uri_decoded(out.key, rest)) return bad_uri;

  for (std::string_view query = out.query; !query.empty();) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view one = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (one.empty()) continue;
    const std::size_t equals = std::min(one.find('='), one.size());
    auto& [name, value] = out.parameters.emplace_back();
    if (!append_uri_decoded(name, one.substr(0, equals), plus::space) ||
        !append_uri_decoded(value, one.substr(std::min(equals + 1, one.size())), plus::space))
      return bad_uri;
  }
  return {};
}

}  // namespace s3pager::testing
