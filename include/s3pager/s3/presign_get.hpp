// A URL that an object can be had by, for a time: signed with what the bucket's requests are signed with. Knows no fetching of it.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3pager/aws/canonical_query.hpp"
#include "s3pager/aws/presign.hpp"
#include "s3pager/aws/signer.hpp"
#include "s3pager/base/counted.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/base/uri_encoding.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/identity/credentials_cache.hpp"
#include "s3pager/s3/common_headers.hpp"
#include "s3pager/s3/service.hpp"

namespace s3pager::s3 {

/// Owns its text: the task outlives the call that makes it.
struct presign_request {
  std::string key = {};
  std::string query = {};  ///< `name=value` joined by '&', encoded, in any order
  std::chrono::seconds expires_in{0};
  ref<common_headers> headers = {};  ///< that have to be sent with it; null: none
};

namespace detail {

[[nodiscard]] inline std::vector<aws::query_parameter> split_query(std::string_view query) {
  std::vector<aws::query_parameter> made;
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view one = query.substr(0, end);
    const std::size_t equals = one.find('=');
    made.push_back({one.substr(0, equals), one.substr(equals + 1)});
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return made;
}

}  // namespace detail

/// Waits for the bucket's region and for credentials, where they are not there yet; sends nothing. Throws error: invalid_argument where there
/// are none, and what their provider throws.
[[nodiscard]] inline task<std::string> presign_get(ref<service> with, ref<bucket_target> target, presign_request what) {
  if (!with->ready(*target)) {
    task<> found = with->prepare(target);
    co_await std::move(found);
  }
  const auto refused = [&](const char* why) {
    return error(errc::invalid_argument, error_details{.message = why, .bucket = target->name(), .key = what.key});
  };
  if (target->credentials() == nullptr || target->credentials()->latest()->value.anonymous())
    throw refused("there are no credentials to sign a URL with");
  const aws::endpoint& where = target->where();
  std::string url(where.tls ? "https://" : "http://");
  url += where.host_header;
  const std::size_t path_begins = url.size();
  (url += where.path_prefix) += '/';
  append_uri_encoded(url, what.key, slash::keep);

  std::vector<aws::signed_header> headers{{"host", where.host_header}};
  if (what.headers) headers.insert(headers.end(), what.headers->sorted().begin(), what.headers->sorted().end());
  std::sort(headers.begin(), headers.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  const std::vector<aws::query_parameter> query = detail::split_query(what.query);
  const aws::request_to_presign request{.path = std::string_view(url).substr(path_begins),
                                        .query = query,
                                        .headers = headers,
                                        .expires_in = what.expires_in,
                                        .token_name = target->token_parameter()};
  const std::string is_signed = aws::presigned_query(request, target->credentials()->latest()->value, where.signing_region,
                                                     where.signing_name, with->service_time());
  (url += '?') += is_signed;
  co_return url;
}

}  // namespace s3pager::s3
