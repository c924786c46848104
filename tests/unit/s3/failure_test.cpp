#include "s3pager/s3/failure.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "support/catch.hpp"

using namespace s3pager;
using namespace s3pager::s3;

TEST_CASE("codes mean what callers branch on, whatever the status", "[s3][failure]") {
  CHECK(std::is_sorted(s3::detail::known_codes.begin(), s3::detail::known_codes.end(),
                       [](const auto& a, const auto& b) { return a.first < b.first; }));
  for (const auto& [code, meaning] : s3::detail::known_codes)
    for (const int status : {0, 200, 400, 404, 503}) CHECK(classify(status, code) == meaning);
}

TEST_CASE("the codes of S3's table have their meanings", "[s3][failure]") {
  CHECK(classify(404, "NoSuchKey") == errc::not_found);
  CHECK(classify(404, "NoSuchBucket") == errc::not_found);
  CHECK(classify(403, "AccessDenied") == errc::access_denied);
  CHECK(classify(403, "SignatureDoesNotMatch") == errc::access_denied);
  CHECK(classify(403, "InvalidObjectState") == errc::archived);
  CHECK(classify(503, "SlowDown") == errc::throttled);
  CHECK(classify(200, "SlowDown") == errc::throttled);
  CHECK(classify(200, "InternalError") == errc::unavailable);
  CHECK(classify(400, "RequestTimeout") == errc::timed_out);
  CHECK(classify(400, "ExpiredToken") == errc::access_denied);
  CHECK(classify(412, "PreconditionFailed") == errc::precondition_failed);
}

TEST_CASE("without a code that is known, the status speaks", "[s3][failure]") {
  for (const std::string_view code : {"", "XNever", "nosuchkey"}) {
    CHECK(classify(301, code) == errc::unavailable);
    CHECK(classify(304, code) == errc::not_modified);
    CHECK(classify(400, code) == errc::invalid_argument);
    CHECK(classify(401, code) == errc::access_denied);
    CHECK(classify(403, code) == errc::access_denied);
    CHECK(classify(404, code) == errc::not_found);
    CHECK(classify(405, code) == errc::invalid_argument);
    CHECK(classify(408, code) == errc::timed_out);
    CHECK(classify(410, code) == errc::not_found);
    CHECK(classify(412, code) == errc::precondition_failed);
    CHECK(classify(416, code) == errc::invalid_argument);
    CHECK(classify(429, code) == errc::throttled);
    CHECK(classify(500, code) == errc::unavailable);
    CHECK(classify(503, code) == errc::unavailable);
    CHECK(classify(599, code) == errc::unavailable);
    CHECK(classify(200, code) == errc::protocol_violation);
  }
}

TEST_CASE("an error has what its body says, and the ids of its head before those of its body", "[s3][failure]") {
  const std::string body =
      "<Error><Code>NoSuchKey</Code><Message>It is gone.</Message><RequestId>BR</RequestId><HostId>BH</HostId></Error>";
  const error with_head = answer_failure(404, body, {.request_id = "HR", .host_id = "HH", .bucket = "b", .key = "k"});
  CHECK(with_head.code() == errc::not_found);
  CHECK(with_head.http_status() == 404);
  CHECK(with_head.s3_code() == "NoSuchKey");
  CHECK(with_head.details().message == "It is gone.");
  CHECK(with_head.request_id() == "HR");
  CHECK(with_head.details().host_id == "HH");
  const error without = answer_failure(404, body, {});
  CHECK(without.request_id() == "BR");
  CHECK(without.details().host_id == "BH");
}

TEST_CASE("an answer without a body that can be read is still an error with words", "[s3][failure]") {
  for (const std::string_view body : {"", "<html>busy</html>", "<Error><Code>No", "<Error/>", "\xff\xfe"}) {
    CAPTURE(body);
    const error made = answer_failure(503, body, {.bucket = "b"});
    CHECK(made.code() == errc::unavailable);
    CHECK(made.s3_code().empty());
    CHECK(made.details().message == "the service refused the request");
    CHECK(std::string(made.what()).find("bucket b") != std::string::npos);
  }
}

TEST_CASE("what a service says reaches no terminal as it is", "[s3][failure]") {
  const error made = answer_failure(
      403, "<Error><Code>Access&#10;Denied</Code><Message>a&#13;b&#127;</Message><RequestId>x&#9;y</RequestId></Error>",
      {.key = "k\x1b[31m\n"});
  const std::string what = made.what();
  CHECK(std::none_of(what.begin(), what.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }));
  CHECK(what.find("k\\x1b[31m\\x0a") != std::string::npos);
  CHECK(made.key() == "k\x1b[31m\n");
}

TEST_CASE("what a refusal of a signature echoes is not handed on", "[s3][failure]") {
  const error made = answer_failure(403,
                                    "<Error><Code>SignatureDoesNotMatch</Code><Message>m</Message><AWSAccessKeyId>AKID"
                                    "</AWSAccessKeyId><SignatureProvided>c0ffee</SignatureProvided><StringToSign>AWS4</StringToSign>"
                                    "</Error>",
                                    {});
  const std::string what = made.what();
  for (const std::string_view secret : {"AKID", "c0ffee", "AWS4"}) CHECK(what.find(secret) == std::string::npos);
}
