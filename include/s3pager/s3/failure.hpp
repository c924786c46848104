// From what a service says of a failure to what a caller branches on. Knows no connection.
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "s3pager/base/clock.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/xml/error_body.hpp"

namespace s3pager::s3 {

namespace detail {

inline constexpr std::array<std::pair<std::string_view, errc>, 48> known_codes{{
    {"AccessDenied", errc::access_denied},
    {"AccountProblem", errc::access_denied},
    {"AllAccessDisabled", errc::access_denied},
    {"AuthorizationHeaderMalformed", errc::access_denied},
    {"BadDigest", errc::corrupted},
    {"BandwidthLimitExceeded", errc::throttled},
    {"ExpiredToken", errc::access_denied},
    {"ExpiredTokenException", errc::access_denied},
    {"InternalError", errc::unavailable},
    {"InvalidAccessKeyId", errc::access_denied},
    {"InvalidArgument", errc::invalid_argument},
    {"InvalidBucketName", errc::invalid_argument},
    {"InvalidObjectState", errc::archived},
    {"InvalidPartNumber", errc::invalid_argument},
    {"InvalidRange", errc::invalid_argument},
    {"InvalidRequest", errc::invalid_argument},
    {"InvalidSecurity", errc::access_denied},
    {"InvalidToken", errc::access_denied},
    {"KeyTooLongError", errc::invalid_argument},
    {"MissingSecurityHeader", errc::access_denied},
    {"NoSuchBucket", errc::not_found},
    {"NoSuchKey", errc::not_found},
    {"NoSuchVersion", errc::not_found},
    {"NotModified", errc::not_modified},
    {"NotSignedUp", errc::access_denied},
    {"OperationAborted", errc::unavailable},
    {"PermanentRedirect", errc::unavailable},
    {"PreconditionFailed", errc::precondition_failed},
    {"PriorRequestNotComplete", errc::throttled},
    {"RequestExpired", errc::access_denied},
    {"RequestInTheFuture", errc::access_denied},
    {"RequestLimitExceeded", errc::throttled},
    {"RequestThrottled", errc::throttled},
    {"RequestThrottledException", errc::throttled},
    {"RequestTimeTooSkewed", errc::access_denied},
    {"RequestTimeout", errc::timed_out},
    {"ServiceUnavailable", errc::unavailable},
    {"SignatureDoesNotMatch", errc::access_denied},
    {"SlowDown", errc::throttled},
    {"SlowDownRead", errc::throttled},   // MinIO's, and the next
    {"SlowDownWrite", errc::throttled},
    {"ThrottledException", errc::throttled},
    {"Throttling", errc::throttled},
    {"ThrottlingException", errc::throttled},
    {"TokenRefreshRequired", errc::access_denied},
    {"TooManyRequests", errc::throttled},
    {"TooManyRequestsException", errc::throttled},
    {"XAdminUserNotFound", errc::access_denied},
}};

}  // namespace detail

/// What an answer with this status and error code (empty: none was given) means to a caller.
[[nodiscard]] inline errc classify(int http_status, std::string_view s3_code) noexcept {
  for (const auto& [code, meaning] : detail::known_codes)
    if (code == s3_code) return meaning;
  switch (http_status) {
    case 304: return errc::not_modified;
    case 400:
    case 405:
    case 416: return errc::invalid_argument;
    case 401:
    case 403:
    case 407: return errc::access_denied;
    case 404:
    case 410: return errc::not_found;
    case 408: return errc::timed_out;
    case 412: return errc::precondition_failed;
    case 429: return errc::throttled;
    default: break;
  }
  return http_status >= 300 ? errc::unavailable : errc::protocol_violation;
}

/// From what difference of the clocks on a refusal with this code is one of the time that was signed. Nothing: never.
[[nodiscard]] inline std::optional<duration> skew_refused(std::string_view s3_code) noexcept {
  // A date has whole seconds, and its answer was a moment on its way.
  if (s3_code == "RequestTimeTooSkewed" || s3_code == "RequestInTheFuture") return std::chrono::seconds(2);
  // These have other reasons too; no service allows for so little.
  if (s3_code == "RequestExpired" || s3_code == "SignatureDoesNotMatch") return std::chrono::minutes(4);
  return std::nullopt;
}

/// Whether a refusal with this code may be of credentials that have run out or were replaced, where others can be had.
[[nodiscard]] inline bool credentials_refused(std::string_view s3_code) noexcept {
  for (const std::string_view each : {"ExpiredToken", "ExpiredTokenException", "InvalidToken", "TokenRefreshRequired", "InvalidAccessKeyId"})
    if (s3_code == each) return true;
  return false;
}

/// What a failure's message is where the service gives none.
inline constexpr std::string_view no_words = "the service refused the request";

/// The exception for an answer that is a failure. `ids` holds what the head said; the body wins where it says more. `secrets` are
/// not shown, though a service or what stands before it echoes what was sent.
[[nodiscard]] inline error answer_failure(int http_status, std::string_view body, error_details ids,
                                          std::span<const std::string_view> secrets = {}) {
  ids.http_status = http_status;
  if (auto parsed = xml::parse_error_body(body)) {
    ids.s3_code = std::move(parsed->code);
    if (ids.bucket_region.empty()) ids.bucket_region = std::move(parsed->region);
    if (!parsed->message.empty()) ids.message = std::move(parsed->message);
    if (ids.request_id.empty()) ids.request_id = std::move(parsed->request_id);
    if (ids.host_id.empty()) ids.host_id = std::move(parsed->host_id);
  }
  for (const std::string_view secret : secrets)
    for (std::size_t at = 0; !secret.empty() && (at = ids.message.find(secret, at)) != std::string::npos;)
      ids.message.replace(at, secret.size(), "****");
  if (http_status == 407) ids.message = "the proxy wants a user name and password, or others";
  if (ids.message.empty()) ids.message = no_words;
  if (!ids.bucket_region.empty()) ids.message.append("; the bucket is in region ").append(ids.bucket_region);
  const errc meaning = classify(http_status, ids.s3_code);
  return error(meaning, std::move(ids));
}

}  // namespace s3pager::s3
