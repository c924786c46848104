// AWS Signature Version 4 in a request's query: a URL that carries its own authorization. Knows nothing of who fetches it, or how.
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
#pragma once

#include <array>
#include <cassert>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "s3pager/aws/canonical_query.hpp"
#include "s3pager/aws/credentials.hpp"
#include "s3pager/aws/signer.hpp"
#include "s3pager/base/clock.hpp"
#include "s3pager/base/uri_encoding.hpp"

namespace s3pager::aws {

/// How long a presigned URL may be good for.
inline constexpr std::chrono::seconds most_presigned = std::chrono::days(7);

/// What a URL is to be good for. The views need to live only as long as the call.
struct request_to_presign {
  std::string_view method = "GET";
  std::string_view path = {};                       ///< absolute and encoded, as it is to be sent
  std::span<const query_parameter> query = {};      ///< in any order
  std::span<const signed_header> headers = {};      ///< sorted by name: host, and all that has to be sent with it
  std::chrono::seconds expires_in{0};               ///< 1 to most_presigned
  std::string_view payload_hash = unsigned_payload;
  std::string_view token_name = "X-Amz-Security-Token";  ///< what the token of temporary credentials is called
};

/// The query of the URL, encoded, which ends with the signature. With temporary credentials it carries their token, and is good no
/// longer than they are. The keys must not be anonymous.
[[nodiscard]] inline std::string presigned_query(const request_to_presign& request, const credentials& keys, std::string_view region,
                                                 std::string_view service, wall_time now) {
  assert(!keys.anonymous());
  std::array<char, 16> stamp;
  format_amz_date(now, stamp);
  const std::string_view date(stamp.data(), stamp.size());
  const std::string_view day = date.substr(0, 8);
  std::string scope(day);
  scope.append("/").append(region).append("/").append(service).append("/aws4_request");

  std::string names;
  for (std::size_t i = 0; i < request.headers.size(); ++i) {
    if (i > 0 && request.headers[i - 1].name == request.headers[i].name) continue;
    if (i > 0) names += ';';
    names += request.headers[i].name;
  }

  const auto encoded = [](std::string_view text) {
    std::string made;
    append_uri_encoded(made, text, slash::encode);
    return made;
  };
  const std::string credential = encoded(keys.access_key_id + '/' + scope);
  const std::string expires = std::to_string(request.expires_in.count());
  const std::string signed_headers = encoded(names);
  const std::string token = encoded(keys.session_token.view());
  std::vector<query_parameter> parameters(request.query.begin(), request.query.end());
  parameters.push_back({"X-Amz-Algorithm", "AWS4-HMAC-SHA256"});
  parameters.push_back({"X-Amz-Credential", credential});
  parameters.push_back({"X-Amz-Date", date});
  parameters.push_back({"X-Amz-Expires", expires});
  if (!token.empty()) parameters.push_back({request.token_name, token});
  parameters.push_back({"X-Amz-SignedHeaders", signed_headers});
  std::string query;
  append_canonical_query(query, parameters);

  detail::hash_stream canonical;
  for (const std::string_view each : {request.method, std::string_view("\n"), request.path, std::string_view("\n"), std::string_view(query)})
    canonical.put(each);
  static_cast<void>(detail::put_headers(canonical, request.headers, names.data()));  // the same names
  for (const std::string_view each : {std::string_view("\n\n"), std::string_view(names), std::string_view("\n"), request.payload_hash})
    canonical.put(each);
  std::array<char, 2 * std::tuple_size_v<sha256_digest>> hex;
  write_hex(canonical.finish(), hex.data());
  const hmac_sha256 key = derive_signing_key(keys.secret_access_key.view(), day, region, service);
  sha256 to_sign = key.begin();
  for (const std::string_view each : {std::string_view("AWS4-HMAC-SHA256\n"), date, std::string_view("\n"), std::string_view(scope),
                                      std::string_view("\n"), std::string_view(hex.data(), hex.size())})
    to_sign.update(each);
  write_hex(key.finish(to_sign), hex.data());
  return query.append("&X-Amz-Signature=").append(hex.data(), hex.size());
}

}  // namespace s3pager::aws
