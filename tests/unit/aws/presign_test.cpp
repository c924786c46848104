#include "s3pager/aws/presign.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "support/catch.hpp"
#include "unit/aws/sigv4_suite.hpp"

using namespace s3pager;
using namespace s3pager::aws;
using namespace s3pager::aws::test;
using namespace std::chrono_literals;

namespace {

/// The suite has the token and the payload's hash in headers, which a URL has no need of.
std::string presigned(const plain_request& request, credentials keys, std::string_view region, std::string_view service, wall_time now,
                      std::chrono::seconds expires) {
  std::vector<std::string> encoded;
  for (const auto& [name, value] : request.query) {
    append_uri_encoded(encoded.emplace_back(), name, slash::encode);
    append_uri_encoded(encoded.emplace_back(), value, slash::encode);
  }
  std::vector<query_parameter> query;
  for (std::size_t i = 0; i < encoded.size(); i += 2) query.push_back({encoded[i], encoded[i + 1]});
  std::vector<signed_header> headers;
  for (const auto& [name, value] : request.headers) {
    if (name == "x-amz-security-token") keys.session_token = value;
    else if (name != "x-amz-content-sha256") headers.push_back({name, value});
  }
  std::stable_sort(headers.begin(), headers.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  const std::string path = request.encoded_path();
  return presigned_query({.method = request.method,
                          .path = path,
                          .query = query,
                          .headers = headers,
                          .expires_in = expires,
                          .payload_hash = request.payload_hash},
                         keys, region, service, now);
}

std::string signature_of(const std::string& query) { return query.substr(query.rfind("&X-Amz-Signature=") + 17); }

}  // namespace

TEST_CASE("a URL has the signatures of the public SigV4 suite", "[aws][presign]") {
  for (const vector_case& each : suite) {
    INFO(each.name);
    CHECK(signature_of(presigned(each.request, suite_keys, "us-east-1", "service", suite_time, 3600s)) == each.query_signature);
  }
}

TEST_CASE("the query of a URL is in canonical order, and ends with the signature", "[aws][presign]") {
  const plain_request request{.path = "/a b",
                              .query = {{"versionId", "v/1"}, {"response-content-type", "text/plain"}, {"partNumber", "1"}},
                              .headers = {{"host", "h"}, {"x-a", "1"}, {"x-a", "2"}, {"x-b", "3"}}};
  const std::string query = presigned(request, suite_keys, "eu-west-1", "s3", suite_time, 604800s);
  CHECK(query.substr(0, query.size() - 64) ==
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20150830%2Feu-west-1%2Fs3%2Faws4_request"
        "&X-Amz-Date=20150830T123600Z&X-Amz-Expires=604800&X-Amz-SignedHeaders=host%3Bx-a%3Bx-b&partNumber=1"
        "&response-content-type=text%2Fplain&versionId=v%2F1&X-Amz-Signature=");
  CHECK(query.find_first_not_of("0123456789abcdef", query.size() - 64) == std::string::npos);
}

// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html, its example of a presigned URL
TEST_CASE("a URL has the signature of the example on Amazon S3's page", "[aws][presign]") {
  const plain_request request{
      .path = "/test.txt", .headers = {{"host", "examplebucket.s3.amazonaws.com"}}, .payload_hash = std::string(unsigned_payload)};
  CHECK(presigned(request, example_keys, "us-east-1", "s3", example_time, 86400s) ==
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
        "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
        "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
}

TEST_CASE("a token is part of what a URL is signed for", "[aws][presign]") {
  credentials keys = suite_keys;
  const plain_request request{.path = "/k", .headers = {{"host", "h"}}};
  const auto of = [&](std::string_view token) {
    keys.session_token = token;
    return presigned(request, keys, "us-east-1", "s3", suite_time, 60s);
  };
  const std::string plain = of("");
  const std::string with = of("a/+=");
  CHECK(plain.find("Token") == std::string::npos);
  CHECK(with.find("&X-Amz-Expires=60&X-Amz-Security-Token=a%2F%2B%3D&X-Amz-SignedHeaders=host&X-Amz-Signature=") != std::string::npos);
  CHECK(signature_of(plain) != signature_of(with));
}
