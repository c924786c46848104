// Verification of Signature Version 4, written from its specification and sharing nothing with the client's signer, so
// that the one tests the other. Knows no buckets.
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
#pragma once

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3pager/base/bytes.hpp"
#include "s3pager/base/clock.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/testing/request.hpp"
#include "s3pager/testing/s3_error.hpp"
#include "s3pager/testing/times.hpp"

namespace s3pager::testing {

namespace detail::sigv4 {

[[nodiscard]] inline std::string hex(std::string_view bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    out += digits[static_cast<unsigned char>(c) >> 4];
    out += digits[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

[[nodiscard]] inline std::string sha256(std::string_view text) {
  unsigned char digest[32];
  if (EVP_Digest(text.data(), text.size(), digest, nullptr, EVP_sha256(), nullptr) != 1)
    throw error(errc::unavailable, "OpenSSL has no SHA-256");
  return {reinterpret_cast<const char*>(digest), sizeof digest};
}

[[nodiscard]] inline std::string hmac(std::string_view key, std::string_view text) {
  unsigned char digest[32];
  if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
           reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest, nullptr) == nullptr)
    throw error(errc::unavailable, "OpenSSL has no HMAC of SHA-256");
  return {reinterpret_cast<const char*>(digest), sizeof digest};
}

/// "URI-encode every byte except the unreserved characters": its UriEncode().
[[nodiscard]] inline std::string uri_encode(std::string_view text, bool encode_slash) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') ||
                       byte == '_' || byte == '-' || byte == '~' || byte == '.' || (byte == '/' && !encode_slash);
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += digits[byte >> 4];
      out += digits[byte & 15];
    }
  }
  return out;
}

/// What was sent, decoded as far as it can be.
[[nodiscard]] inline std::string uri_decode(std::string_view text) {
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
  };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 && digit(text[i + 2]) >= 0) {
      out += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

[[nodiscard]] inline std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = ascii_lower(c);
  return out;
}

[[nodiscard]] inline std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find(at);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

[[nodiscard]] inline std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

[[nodiscard]] inline std::string canonical_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> parameters;
  for (const std::string_view one : split(query, '&')) {
    if (one.empty()) continue;
    const std::size_t equals = std::min(one.find('='), one.size());
    const std::string_view value = equals < one.size() ? one.substr(equals + 1) : std::string_view();
    parameters.emplace_back(uri_encode(uri_decode(one.substr(0, equals)), true), uri_encode(uri_decode(value), true));
  }
  std::sort(parameters.begin(), parameters.end());
  std::string out;
  for (const auto& [name, value] : parameters) {
    if (!out.empty()) out += '&';
    out.append(name).append("=").append(value);
  }
  return out;
}

/// The values of all headers of a name, runs of spaces made one, joined by commas.
[[nodiscard]] inline std::string canonical_value(const http::header_fields& headers, std::string_view name) {
  std::string out;
  bool first = true;
  for (const http::field field : headers) {
    if (lower_case(field.name) != name) continue;
    if (!std::exchange(first, false)) out += ',';
    bool after_space = false;
    for (const char c : trim(field.value)) {
      if (c != ' ' || !after_space) out += c;
      after_space = c == ' ';
    }
  }
  return out;
}

/// The parts of an Authorization header, as it came.
struct authorization {
  std::string access_key_id = {};
  std::string day = {};
  std::string region = {};
  std::string service = {};
  std::string signed_headers = {};
  std::string signature = {};

  [[nodiscard]] static std::optional<authorization> read(std::string_view text) {
    constexpr std::string_view algorithm = "AWS4-HMAC-SHA256 ";
    if (text.substr(0, algorithm.size()) != algorithm) return std::nullopt;
    authorization out;
    std::string_view credential;
    for (std::string_view part : split(text.substr(algorithm.size()), ',')) {
      part = trim(part);
      const std::size_t equals = part.find('=');
      if (equals == std::string_view::npos) return std::nullopt;
      const std::string_view name = part.substr(0, equals);
      const std::string_view value = part.substr(equals + 1);
      if (name == "Credential") credential = value;
      else if (name == "SignedHeaders") out.signed_headers = value;
      else if (name == "Signature") out.signature = value;
      else return std::nullopt;
    }
    const auto scope = split(credential, '/');
    if (scope.size() != 5 || scope[4] != "aws4_request" || out.signed_headers.empty() || out.signature.empty())
      return std::nullopt;
    out.access_key_id = scope[0];
    out.day = scope[1];
    out.region = scope[2];
    out.service = scope[3];
    return out;
  }
};

}  // namespace detail::sigv4

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
    if (request.parameter("X-Amz-Signature") || request.parameter("Signature"))
      return {501, "NotImplemented", "Signatures in the query are not understood here.", {}};
    if (headers.count("Authorization") == 0) {
      if (anonymous_ || keys_.empty()) return {};
      return {403, "AccessDenied", "Access Denied", {}};
    }
    const auto sent = detail::sigv4::authorization::read(*headers.find("Authorization"));
    if (!sent || headers.count("Authorization") != 1)
      return {400, "AuthorizationHeaderMalformed", "The authorization header is malformed.", {}};
    const auto key = std::find_if(keys_.begin(), keys_.end(),
                                  [&](const signing_key& each) { return each.access_key_id == sent->access_key_id; });
    if (key == keys_.end())
      return {403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.",
              {{"AWSAccessKeyId", sent->access_key_id}}};
    if (s3_error refused = check_scope(*sent, headers, now)) return refused;
    if (s3_error refused = check_headers(*sent, headers)) return refused;
    if (s3_error refused = check_payload_hash(headers)) return refused;
    if (headers.find("x-amz-security-token").value_or("") != key->session_token)
      return {400, "InvalidToken", "The provided token is malformed or otherwise invalid.", {}};
    if (key->expiration && *key->expiration <= now) return {400, "ExpiredToken", "The provided token has expired.", {}};
    return check_signature(*sent, *key, request);
  }

 private:
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
  [[nodiscard]] static s3_error check_headers(const detail::sigv4::authorization& sent,
                                              const http::header_fields& headers) {
    const auto names = detail::sigv4::split(sent.signed_headers, ';');
    for (std::size_t i = 0; i < names.size(); ++i)
      if ((i > 0 && !(names[i - 1] < names[i])) || detail::sigv4::lower_case(names[i]) != names[i])
        return {400, "AuthorizationHeaderMalformed", "SignedHeaders is not sorted and in lower case.", {}};
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
                                                const s3_request& request) {
    namespace sigv4 = detail::sigv4;
    std::string canonical(request.method);
    canonical += '\n' + sigv4::uri_encode(sigv4::uri_decode(request.path), false);
    canonical += '\n' + sigv4::canonical_query(request.query) + '\n';
    for (const std::string_view name : sigv4::split(sent.signed_headers, ';'))
      canonical.append(name).append(":").append(sigv4::canonical_value(request.headers, name)).append("\n");
    canonical += '\n' + sent.signed_headers + '\n' + std::string(*request.headers.find("x-amz-content-sha256"));

    const std::string scope = sent.day + '/' + sent.region + '/' + sent.service + "/aws4_request";
    const std::string to_sign = "AWS4-HMAC-SHA256\n" + std::string(*request.headers.find("x-amz-date")) + '\n' + scope +
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
