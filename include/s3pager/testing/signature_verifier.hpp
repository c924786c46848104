// Verification of Signature Version 4, in a header or in a URL's query. Knows no buckets.
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
#pragma once

#include <openssl/crypto.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3pager/base/clock.hpp"
#include "s3pager/testing/request.hpp"
#include "s3pager/testing/s3_error.hpp"
#include "s3pager/testing/sigv4_text.hpp"
#include "s3pager/testing/times.hpp"

namespace s3pager::testing {

/// Who may sign: a pair, and the token that requests of temporary credentials must carry (empty: none).
struct signing_key {
  std::string access_key_id = {};
  std::string secret_access_key = {};
  std::string session_token = {};
  std::optional<wall_time> expiration = {};
};

/// Decides whether a request is let in.
class signature_verifier {
 public:
  /// Without keys, or with `anonymous`, unsigned requests are let in.
  signature_verifier(std::string_view region, bool anonymous, duration allowed_skew)
      : region_(region), anonymous_(anonymous), allowed_skew_(allowed_skew) {}

  void add_key(signing_key key) { keys_.push_back(std::move(key)); }
  /// Nobody may sign with it any more.
  void remove_key(std::string_view access_key_id) {
    std::erase_if(keys_, [&](const signing_key& each) { return each.access_key_id == access_key_id; });
  }
  void set_region(std::string_view region) { region_ = region; }

  /// No error: let it in.
  [[nodiscard]] s3_error verify(const s3_request& request, wall_time now) const {
    const http::header_fields& headers = request.headers;
    const bool by_query = request.parameter("X-Amz-Algorithm") || request.parameter("X-Amz-Signature");
    const bool by_header = headers.count("Authorization") > 0;
    if (request.parameter("Signature")) return {501, "NotImplemented", "Signatures of version 2 are not understood here.", {}};
    if (by_query && by_header)
      return {400, "InvalidArgument",
              "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the "
              "Authorization header should be specified",
              {}};
    if (by_query) return verify_query(request, now);
    if (by_header) return verify_header(request, now);
    if (anonymous_ || keys_.empty()) return {};
    return {403, "AccessDenied", "Access Denied", {}};
  }

 private:
  [[nodiscard]] s3_error verify_header(const s3_request& request, wall_time now) const {
    const http::header_fields& headers = request.headers;
    const auto sent = detail::sigv4::authorization::read(*headers.find("Authorization"));
    if (!sent || headers.count("Authorization") != 1)
      return {400, "AuthorizationHeaderMalformed", "The authorization header is malformed.", {}};
    const signing_key* const key = key_of(*sent);
    if (key == nullptr) return unknown_key(*sent);
    if (s3_error refused = check_scope(*sent, headers, now)) return refused;
    if (s3_error refused = check_headers(*sent, headers, "AuthorizationHeaderMalformed")) return refused;
    if (s3_error refused = check_payload_hash(headers)) return refused;
    if (s3_error refused = check_token(*key, headers.find("x-amz-security-token").value_or(""), now)) return refused;
    return check_signature(*sent, *key, request, *headers.find("x-amz-date"), *headers.find("x-amz-content-sha256"));
  }

  [[nodiscard]] s3_error verify_query(const s3_request& request, wall_time now) const {
    static constexpr std::string_view malformed = "AuthorizationQueryParametersError";
    const auto of = [&](std::string_view name) { return request.parameter(name).value_or(std::string_view()); };
    for (const char* each : {"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-Date", "X-Amz-SignedHeaders", "X-Amz-Expires"})
      if (of(each).empty())
        return {400, malformed,
                "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, "
                "X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
                {}};
    if (of("X-Amz-Algorithm") != "AWS4-HMAC-SHA256")
      return {400, malformed, "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"", {}};
    detail::sigv4::authorization sent;
    sent.signed_headers = of("X-Amz-SignedHeaders");
    sent.signature = of("X-Amz-Signature");
    if (!sent.read_credential(of("X-Amz-Credential")))
      return {400, malformed, "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed", {}};
    const std::string_view date = of("X-Amz-Date");
    const auto signed_at = parse_amz_time(date);
    if (!signed_at) return {400, malformed, "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"", {}};
    std::int64_t seconds = 0;
    const std::string_view expires = of("X-Amz-Expires");
    const auto [end, wrong] = std::from_chars(expires.data(), expires.data() + expires.size(), seconds);
    if (wrong != std::errc() || end != expires.data() + expires.size()) return {400, malformed, "X-Amz-Expires should be a number", {}};
    if (seconds < 0) return {400, malformed, "X-Amz-Expires must be non-negative", {}};
    if (seconds > 604'800)
      return {400, malformed, "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds", {}};
    if (sent.region != region_)
      return {400, malformed,
              "Error parsing the X-Amz-Credential parameter; the region '" + sent.region + "' is wrong; expecting '" + region_ + "'",
              {{"Region", region_}}};
    if (sent.service != "s3" || sent.day != date.substr(0, 8))
      return {400, malformed, "Error parsing the X-Amz-Credential parameter; it is not of this service and date", {}};
    const signing_key* const key = key_of(sent);
    if (key == nullptr) return unknown_key(sent);
    if (*signed_at > now + allowed_skew_) return {403, "AccessDenied", "Request is not yet valid", {{"ServerTime", format_iso_time(now)}}};
    if (now > *signed_at + std::chrono::seconds(seconds))
      return {403, "AccessDenied", "Request has expired",
              {{"X-Amz-Expires", std::string(expires)},
               {"Expires", format_iso_time(*signed_at + std::chrono::seconds(seconds))},
               {"ServerTime", format_iso_time(now)}}};
    if (s3_error refused = check_headers(sent, request.headers, malformed)) return refused;
    if (s3_error refused = check_token(*key, of("X-Amz-Security-Token"), now)) return refused;
    return check_signature(sent, *key, request, date, request.headers.find("x-amz-content-sha256").value_or("UNSIGNED-PAYLOAD"));
  }

  [[nodiscard]] const signing_key* key_of(const detail::sigv4::authorization& sent) const {
    const auto found = std::find_if(keys_.begin(), keys_.end(),
                                    [&](const signing_key& each) { return each.access_key_id == sent.access_key_id; });
    return found == keys_.end() ? nullptr : &*found;
  }
  [[nodiscard]] static s3_error unknown_key(const detail::sigv4::authorization& sent) {
    return {403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.",
            {{"AWSAccessKeyId", sent.access_key_id}}};
  }
  [[nodiscard]] static s3_error check_token(const signing_key& key, std::string_view token, wall_time now) {
    if (token != key.session_token) return {400, "InvalidToken", "The provided token is malformed or otherwise invalid.", {}};
    if (key.expiration && *key.expiration <= now) return {400, "ExpiredToken", "The provided token has expired.", {}};
    return {};
  }

  [[nodiscard]] s3_error check_scope(const detail::sigv4::authorization& sent, const http::header_fields& headers,
                                     wall_time now) const {
    const std::string date(headers.find("x-amz-date").value_or(""));
    const auto signed_at = parse_amz_time(date);
    if (!signed_at || headers.count("x-amz-date") != 1)
      return {403, "AccessDenied", "AWS authentication requires a valid Date or x-amz-date header", {}};
    if (sent.region != region_)
      return {400, "AuthorizationHeaderMalformed",
              "The authorization header is malformed; the region '" + sent.region + "' is wrong; expecting '" +
                  region_ + "'",
              {{"Region", region_}}};
    if (sent.service != "s3" || sent.day != date.substr(0, 8))
      return {400, "AuthorizationHeaderMalformed",
              "The authorization header is malformed; the credential's scope is not of this service and date", {}};
    const duration skew = now > *signed_at ? now - *signed_at : *signed_at - now;
    if (skew > allowed_skew_)
      return {403, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large.",
              {{"RequestTime", date},
               {"ServerTime", format_iso_time(now)},
               {"MaxAllowedSkewMilliseconds",
                std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(allowed_skew_).count())}}};
    return {};
  }

  /// The host and every x-amz-* header must be signed, and the list of what is signed be in order.
  [[nodiscard]] static s3_error check_headers(const detail::sigv4::authorization& sent, const http::header_fields& headers,
                                              std::string_view malformed) {
    const auto names = detail::sigv4::split(sent.signed_headers, ';');
    for (std::size_t i = 0; i < names.size(); ++i)
      if ((i > 0 && !(names[i - 1] < names[i])) || detail::sigv4::lower_case(names[i]) != names[i])
        return {400, malformed, "SignedHeaders is not sorted and in lower case.", {}};
    std::string missing;
    if (!std::count(names.begin(), names.end(), "host")) missing = "host";
    for (const http::field field : headers) {
      const std::string name = detail::sigv4::lower_case(field.name);
      if (name.rfind("x-amz-", 0) == 0 && !std::count(names.begin(), names.end(), name)) missing = name;
    }
    if (missing.empty()) return {};
    return {403, "AccessDenied", "There were headers present in the request which were not signed",
            {{"HeadersNotSigned", missing}}};
  }

  /// Only requests without a body are served.
  [[nodiscard]] static s3_error check_payload_hash(const http::header_fields& headers) {
    const auto hash = headers.find("x-amz-content-sha256");
    if (!hash) return {400, "InvalidRequest", "Missing required header for this request: x-amz-content-sha256", {}};
    if (*hash == "UNSIGNED-PAYLOAD" || *hash == detail::sigv4::hex(detail::sigv4::sha256(""))) return {};
    if (hash->size() == 64 && hash->find_first_not_of("0123456789abcdef") == std::string_view::npos)
      return {400, "XAmzContentSHA256Mismatch",
              "The provided 'x-amz-content-sha256' header does not match what was computed.", {}};
    return {400, "InvalidArgument",
            "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, or a valid sha256 value.", {}};
  }

  [[nodiscard]] static s3_error check_signature(const detail::sigv4::authorization& sent, const signing_key& key,
                                                const s3_request& request, std::string_view date, std::string_view payload_hash) {
    namespace sigv4 = detail::sigv4;
    std::string canonical(request.method);
    canonical += '\n' + sigv4::uri_encode(sigv4::uri_decode(request.path), false);
    canonical += '\n' + sigv4::canonical_query(request.query) + '\n';
    for (const std::string_view name : sigv4::split(sent.signed_headers, ';'))
      canonical.append(name).append(":").append(sigv4::canonical_value(request.headers, name)).append("\n");
    canonical += '\n' + sent.signed_headers + '\n' + std::string(payload_hash);

    const std::string scope = sent.day + '/' + sent.region + '/' + sent.service + "/aws4_request";
    const std::string to_sign = "AWS4-HMAC-SHA256\n" + std::string(date) + '\n' + scope +
                                '\n' + sigv4::hex(sigv4::sha256(canonical));
    std::string signing = sigv4::hmac("AWS4" + key.secret_access_key, sent.day);
    for (const std::string_view step : {std::string_view(sent.region), std::string_view(sent.service),
                                        std::string_view("aws4_request")})
      signing = sigv4::hmac(signing, step);
    const std::string expected = sigv4::hex(sigv4::hmac(signing, to_sign));
    if (expected.size() == sent.signature.size() &&
        CRYPTO_memcmp(expected.data(), sent.signature.data(), expected.size()) == 0)
      return {};
    return {403, "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. Check your key and "
            "signing method.",
            {{"AWSAccessKeyId", key.access_key_id}, {"StringToSign", to_sign}, {"CanonicalRequest", canonical}}};
  }

  std::string region_;
  bool anonymous_;
  duration allowed_skew_;
  std::vector<signing_key> keys_;
};

}  // namespace s3pager::testing
