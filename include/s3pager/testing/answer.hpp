// What an origin answers to a request: status, headers and where the body comes from. Decides it, sends nothing.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "s3pager/base/bytes.hpp"
#include "s3pager/base/clock.hpp"
#include "s3pager/base/counted.hpp"
#include "s3pager/ring/reactor.hpp"
#include "s3pager/testing/behaviour.hpp"
#include "s3pager/testing/bucket.hpp"
#include "s3pager/testing/conditions.hpp"
#include "s3pager/testing/customer_key.hpp"
#include "s3pager/testing/faulty_text.hpp"
#include "s3pager/testing/list_answer.hpp"
#include "s3pager/testing/request.hpp"
#include "s3pager/testing/s3_error.hpp"
#include "s3pager/testing/times.hpp"

namespace s3pager::testing {

/// Buckets by name.
using bucket_map = std::map<std::string, std::shared_ptr<const bucket>, std::less<>>;

struct answer {
  int status = 200;
  std::string fields = {};  ///< header lines of this answer's own, each with its CR LF
  s3_error error = {};      ///< set: the body is to be made from it
  std::string text = {};    ///< the body, unless there is an object's
  ref<object_body> object = {};
  std::uint64_t offset = 0;
  std::uint64_t length = 0;  ///< of the object's bytes that are the body
  bool list = false;         ///< may be sent in chunks
  std::uint64_t object_size = 0;
  std::string checked_as = {};  ///< not empty: a checksum is asked for; names the object's bytes, and no others
};

[[nodiscard]] constexpr std::string_view reason_phrase(int status) noexcept {
  switch (status) {
    case 200: return "OK";
    case 206: return "Partial Content";
    case 301: return "Moved Permanently";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 400: return "Bad Request";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 412: return "Precondition Failed";
    case 416: return "Requested Range Not Satisfiable";
    case 429: return "Too Many Requests";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    default: return "Status";
  }
}

/// The S3 code that a status usually comes with.
[[nodiscard]] constexpr std::string_view usual_code(int status) noexcept {
  switch (status) {
    case 301: return "PermanentRedirect";
    case 307: return "TemporaryRedirect";
    case 400: return "InvalidRequest";
    case 403: return "AccessDenied";
    case 404: return "NoSuchKey";
    case 405: return "MethodNotAllowed";
    case 412: return "PreconditionFailed";
    case 416: return "InvalidRange";
    case 429: return "TooManyRequests";
    case 501: return "NotImplemented";
    case 503: return "SlowDown";
    default: return "InternalError";
  }
}

[[nodiscard]] inline answer refuse(s3_error error) {
  answer made;
  made.status = error.status;
  made.error = std::move(error);
  return made;
}

namespace detail {

inline void append_field(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

[[nodiscard]] inline std::string content_range(std::uint64_t offset, std::uint64_t length, std::uint64_t size) {
  return "bytes " + std::to_string(offset) + '-' + std::to_string(offset + length - 1) + '/' + std::to_string(size);
}

/// The headers that an answer is to have by its request's query.
inline constexpr std::array<std::pair<std::string_view, std::string_view>, 6> overridable{{
    {"response-cache-control", "Cache-Control"},
    {"response-content-disposition", "Content-Disposition"},
    {"response-content-encoding", "Content-Encoding"},
    {"response-content-language", "Content-Language"},
    {"response-content-type", "Content-Type"},
    {"response-expires", "Expires"},
}};

[[nodiscard]] inline s3_error check_overrides(const s3_request& request) {
  for (const auto& [parameter, name] : overridable) {
    const auto value = request.parameter(parameter);
    if (!value) continue;
    if (!request.is_signed())
      return {400, "InvalidRequest", "Request specific response headers cannot be used for anonymous GET requests.", {}};
    if (std::any_of(value->begin(), value->end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }))
      return {400, "InvalidArgument", "Header value cannot hold control characters.", {{"ArgumentName", std::string(parameter)}}};
  }
  return {};
}

[[nodiscard]] inline answer answer_object(ring::reactor& loop, const bucket& from, const s3_request& request,
                                          const behaviour& how) {
  const auto version = request.parameter("versionId");
  if (version && *version != "null")
    return refuse({400, "InvalidArgument", "Invalid version id specified",
                   {{"ArgumentName", "versionId"}, {"ArgumentValue", std::string(*version)}}});
  auto range_header = request.headers.find("Range");
  if (how.ignore_range) range_header.reset();
  const auto part = request.parameter("partNumber");
  if (part && range_header)
    return refuse({400, "InvalidRequest", "Cannot specify both Range header and partNumber query parameter", {}});
  if (part && *part != "1")
    return refuse({416, "InvalidPartNumber", "The requested partnumber is not satisfiable",
                   {{"PartNumberRequested", std::string(*part)}, {"ActualPartCount", "1"}}});

  if (s3_error refused = check_overrides(request)) return refuse(std::move(refused));

  opened_object found = from.open(loop, request.key);
  if (!found.body)
    return refuse({404, "NoSuchKey", "The specified key does not exist.", {{"Key", request.key}}});
  const object_info& info = found.info;
  if (request.method == "GET" && info.archived(loop.clock().wall()))
    return refuse({403, "InvalidObjectState", "The operation is not valid for the object's storage class",
                   {{"StorageClass", info.storage_class}}});
  if (s3_error refused = check_customer_key(request, info)) return refuse(std::move(refused));
  std::string validators;
  append_field(validators, "ETag", '"' + info.etag + '"');
  append_field(validators, "Last-Modified", format_http_date(info.last_modified));

  switch (evaluate_conditions(request.headers, info.etag, info.last_modified)) {
    case condition_verdict::proceed: break;
    case condition_verdict::not_modified: {
      answer made;
      made.status = 304;
      made.fields = std::move(validators);
      return made;
    }
    case condition_verdict::precondition_failed:
      if (how.ignore_if_match) break;
      return refuse({412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold",
                     {{"Condition", request.headers.find("If-Match") ? "If-Match" : "If-Unmodified-Since"}}});
  }

  range_result range{range_verdict::whole, 0, info.size};
  if (range_header) range = parse_range(*range_header, info.size);
  else if (part && info.size > 0) range.verdict = range_verdict::part;
  if (range.verdict == range_verdict::unsatisfiable) {
    answer made = refuse({416, "InvalidRange", "The requested range is not satisfiable",
                          {{"RangeRequested", std::string(*range_header)},
                           {"ActualObjectSize", std::to_string(info.size)}}});
    append_field(made.fields, "Content-Range", "bytes */" + std::to_string(info.size));
    return made;
  }
  answer made;
  made.fields = std::move(validators);
  append_field(made.fields, "Accept-Ranges", "bytes");
  if (!request.parameter("response-content-type")) append_field(made.fields, "Content-Type", "binary/octet-stream");
  for (const auto& [parameter, name] : overridable)
    if (const auto value = request.parameter(parameter)) append_field(made.fields, name, *value);
  for (const char* name : {"x-amz-server-side-encryption-customer-algorithm", "x-amz-server-side-encryption-customer-key-MD5"})
    if (const auto value = request.headers.find(name)) append_field(made.fields, name, *value);
  if (range.verdict == range_verdict::part) {
    made.status = 206;
    const std::uint64_t said = range.offset + static_cast<std::uint64_t>(how.range_off);
    append_field(made.fields, "Content-Range", content_range(said, range.length, info.size));
  }
  made.object = std::move(found.body);
  made.offset = range.offset;
  made.length = range.length;
  made.object_size = info.size;
  if (equals_ignoring_case(request.headers.find("x-amz-checksum-mode").value_or(std::string_view()), "ENABLED"))
    made.checked_as.append(request.bucket).append("/").append(info.key).append("/").append(info.etag);
  return made;
}

[[nodiscard]] inline answer answer_bucket(const bucket& from, const s3_request& request, std::size_t most_entries,
                                          const behaviour& how) {
  if (request.method == "HEAD") return {};
  if (request.parameter("list-type").value_or("") != "2")
    return refuse({501, "NotImplemented", "Of a bucket, only ListObjectsV2 (list-type=2) is understood here.", {}});
  answer made;
  if (s3_error refused = write_list_answer(from, request, most_entries, made.text)) return refuse(std::move(refused));
  spoil_list(made.text, how.list);
  append_field(made.fields, "Content-Type", "application/xml");
  made.list = true;
  return made;
}

}  // namespace detail

/// Answers a request that was let in. `most_entries`: the largest page of a list; `how`: what is to be wrong with the
/// answer itself.
[[nodiscard]] inline answer answer_request(ring::reactor& loop, const bucket_map& buckets, const s3_request& request,
                                           std::size_t most_entries, const behaviour& how = {}) {
  if (request.method != "GET" && request.method != "HEAD") {
    answer made = refuse({405, "MethodNotAllowed", "The specified method is not allowed against this resource.",
                          {{"Method", std::string(request.method)}}});
    detail::append_field(made.fields, "Allow", "GET, HEAD");
    return made;
  }
  if (request.bucket.empty()) return refuse({501, "NotImplemented", "Listing buckets is not understood here.", {}});
  const auto found = buckets.find(request.bucket);
  if (found == buckets.end())
    return refuse({404, "NoSuchBucket", "The specified bucket does not exist", {{"BucketName", request.bucket}}});
  return request.key.empty() ? detail::answer_bucket(*found->second, request, most_entries, how)
                             : detail::answer_object(loop, *found->second, request, how);
}

}  // namespace s3pager::testing
