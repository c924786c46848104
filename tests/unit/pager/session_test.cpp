// Directory buckets (S3 Express One Zone): sessions that their requests are signed by, and lists without order. The service is a script,
// as AWS's documentation has it.
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "s3pager/base/timestamp.hpp"
#include "s3pager/http/date.hpp"
#include "s3pager/pager/client.hpp"
#include "s3pager/ring/descriptor.hpp"
#include "support/catch.hpp"
#include "support/drive.hpp"
#include "support/scripted_credentials.hpp"
#include "support/scripted_server.hpp"

namespace {

using namespace s3pager;
using namespace std::chrono_literals;
using test::scripted_answer;

constexpr const char* bucket = "logs--usw2-az1--x-s3";

scripted_answer answer(const std::string& status, const std::string& body, const std::string& fields = {}) {
  return {{"HTTP/1.1 " + status + "\r\n" + fields + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body}};
}

struct bench {
  bench() {
    options = {.access_key_id = "AKID",
               .secret_access_key = "secret",
               .session_token = "own-token",
               .region = "us-west-2",
               .endpoint_url = endpoint,
               .hedge = {.enabled = false}};
    options.jitter_seed = 1;
  }
  [[nodiscard]] scripted_answer respond(const std::string& request) {
    if (request.find("?session=") != std::string::npos) {
      if (!refusals.empty()) {
        const std::string code = refusals.back();
        refusals.pop_back();
        return answer("403 Forbidden", "<Error><Code>" + code + "</Code><Message>no</Message></Error>",
                      "Date: " + http::format_date(time.wall() + ahead) + "\r\n");
      }
      const std::string n = std::to_string(++sessions);
      return answer("200 OK", "<CreateSessionResult><Credentials><SessionToken>session-" + n + "</SessionToken><SecretAccessKey>S" + n +
                                  "</SecretAccessKey><AccessKeyId>SESSION" + n + "</AccessKeyId><Expiration>" +
                                  format_timestamp(time.wall() + 5min) + "</Expiration></Credentials></CreateSessionResult>");
    }
    if (elsewhere && request.find("list-type=2") == std::string::npos)
      return answer("403 Forbidden", "<Error><Code>AccessDenied</Code><Message>no</Message></Error>", "x-amz-bucket-region: eu-west-1\r\n");
    if (!invalid.empty()) return answer("400 Bad Request", invalid);
    if (!expired.empty() && request.find("x-amz-s3session-token: " + expired + "\r\n") != std::string::npos)
      return answer("400 Bad Request", "<Error><Code>ExpiredToken</Code><Message>no</Message></Error>");
    if (request.find("list-type=2") != std::string::npos)
      return answer("200 OK",
                    "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>z</Key><Size>1</Size><ETag>\"e\"</ETag></Contents>"
                    "<Contents><Key>a</Key><Size>1</Size><ETag>\"e\"</ETag></Contents></ListBucketResult>");
    return answer("200 OK", "x", "ETag: \"e\"\r\n");
  }
  template <class T = void>
  T run(task<T> work) {
    test::root<T> running(loop.ready(), std::move(work));
    for (int idle = 0; !running.done(); ++idle) {
      loop.run_once(ring::reactor::wait::no);
      if (idle % 200 == 199) time.advance(20ms);
    }
    return running.result();
  }
  [[nodiscard]] task<std::string> keys(client& s3) {
    std::string made;
    auto pages = s3.page_ordered({.bucket = bucket});
    for (;;) {
      auto next = pages.next();
      auto page = co_await next;
      if (!page) co_return made;
      made += page->object().key;
    }
  }
  [[nodiscard]] std::string read(client& s3) { return run(keys(s3)); }
  [[nodiscard]] std::size_t count(const std::string& part) const {
    std::size_t made = 0;
    for (const std::string& each : server.requests()) made += each.find(part) != std::string::npos ? 1U : 0U;
    return made;
  }

  manual_clock time;
  ring::reactor loop{{.clock = &time}};
  test::scripted_server server{loop, [this](const std::string& request) { return respond(request); }};
  const std::string endpoint = server.endpoint();
  client_options options;
  int sessions = 0;
  std::string expired;
  bool elsewhere = false;
  std::string invalid;
  std::vector<std::string> refusals;
  duration ahead{0};
};

}  // namespace

TEST_CASE("a directory bucket's requests are signed by one session, and its list is taken as it comes", "[pager][session]") {
  bench in;
  client s3(in.loop, in.options);
  CHECK(in.read(s3) == "za");
  CHECK(in.sessions == 1);
  const std::string& session = in.server.requests().front();
  CHECK_THAT(session, Catch::StartsWith("GET /" + std::string(bucket) + "/?session= HTTP/1.1\r\n") &&
                          Catch::Contains("\r\nx-amz-create-session-mode: ReadOnly\r\n") &&
                          Catch::Contains("\r\nx-amz-security-token: own-token\r\n") &&
                          Catch::Contains("Credential=AKID/20231114/us-west-2/s3express/aws4_request, "
                                          "SignedHeaders=host;x-amz-content-sha256;x-amz-create-session-mode;x-amz-date;x-amz-security-token"));
  REQUIRE(in.server.requests().size() == 4);
  for (std::size_t i = 1; i < 4; ++i)
    CHECK_THAT(in.server.requests()[i], Catch::Contains("\r\nx-amz-s3session-token: session-1\r\n") &&
                                            !Catch::Contains("x-amz-security-token") &&
                                            Catch::Contains("Credential=SESSION1/20231114/us-west-2/s3express/aws4_request"));
  CHECK(in.count("optional-object-attributes") == 0);
}

TEST_CASE("a presigned URL of a directory bucket is signed by the session", "[pager][session]") {
  bench in;
  client s3(in.loop, in.options);
  const std::string url = in.run(s3.presign_get({.bucket = bucket, .key = "k", .expires_in = 60s}));
  CHECK_THAT(url, Catch::StartsWith(in.endpoint + "/" + bucket + "/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=SESSION1%2F") &&
                      Catch::Contains("%2Fs3express%2Faws4_request&") && Catch::Contains("&X-Amz-S3session-Token=session-1&") &&
                      !Catch::Contains("X-Amz-Security-Token"));
}

TEST_CASE("a session is renewed before it runs out, and when it is refused", "[pager][session]") {
  bench in;
  client s3(in.loop, in.options);
  CHECK(in.read(s3) == "za");
  in.time.advance(4min + 50s);
  CHECK(in.read(s3) == "za");
  CHECK(in.sessions == 2);
  in.expired = "session-2";
  CHECK(in.read(s3) == "za");
  CHECK(in.sessions == 3);
}

TEST_CASE("a session that is refused for the time or the credentials is asked for again, once each", "[pager][session]") {
  bench in;
  in.ahead = 20min;
  in.refusals = {"RequestTimeTooSkewed"};
  client s3(in.loop, in.options);
  CHECK(in.read(s3) == "za");
  CHECK(in.sessions == 1);

  bench other;
  test::scripted_credentials from;
  from.will_give({.access_key_id = "FIRST", .secret_access_key = "s", .session_token = "t"});
  from.will_give({.access_key_id = "SECOND", .secret_access_key = "s", .session_token = "t"});
  other.options.access_key_id = other.options.secret_access_key = other.options.session_token = {};
  other.options.credentials = &from;
  other.refusals = {"ExpiredToken"};
  client again(other.loop, other.options);
  CHECK(other.read(again) == "za");
  CHECK(from.fetches == 2);
  CHECK(other.count("Credential=SECOND/") == 1);
}

TEST_CASE("a session that is denied is access_denied, with the service's words", "[pager][session]") {
  bench in;
  in.refusals = {"AccessDenied"};
  client s3(in.loop, in.options);
  CHECK_THROWS_WITH(in.read(s3), Catch::Contains("the bucket answered CreateSession with status 403, where 200 was expected: AccessDenied: no") &&
                                     Catch::Contains("access denied"));
}

TEST_CASE("a directory bucket is where its name says, whatever a service says", "[pager][session]") {
  bench in;
  in.elsewhere = true;
  client s3(in.loop, in.options);
  CHECK_THROWS_WITH(in.read(s3), Catch::Contains("access denied") && Catch::Contains("the bucket is in region eu-west-1"));
  in.elsewhere = false;
  CHECK(in.read(s3) == "za");
  CHECK(in.sessions == 1);
}

TEST_CASE("a session that would go another way than the requests is refused", "[pager][session]") {
  bench in;
  in.options.connect_host = "127.0.0.1";
  client s3(in.loop, in.options);
  CHECK_THROWS_WITH(in.read(s3), Catch::Contains("this bucket needs sessions, which are asked for without connect_host"));
}

TEST_CASE("an argument that is refused without a word, with a session token, is the token", "[pager][session]") {
  bench in;
  client s3(in.loop, in.options);
  in.invalid = "<Error><Code>InvalidArgument</Code><Message></Message></Error>";
  CHECK_THROWS_WITH(in.read(s3), Catch::Contains("the service can't read the session token, or refuses an argument that it does not name") &&
                                     Catch::Contains("access denied"));
  in.invalid = "<Error><Code>InvalidArgument</Code><Message>max-keys</Message></Error>";
  CHECK_THROWS_WITH(in.read(s3), Catch::Contains("max-keys") && Catch::Contains("invalid argument"));
}

TEST_CASE("without sessions, or credentials, a directory bucket's requests are as others'", "[pager][session]") {
  bench in;
  in.options.disable_s3_express_session_auth = true;
  client s3(in.loop, in.options);
  CHECK(in.read(s3) == "za");
  CHECK(in.sessions == 0);
  CHECK(in.count("x-amz-security-token: own-token") == 3);
  in.options.disable_s3_express_session_auth = {};
  in.options.access_key_id = in.options.secret_access_key = in.options.session_token = {};
  in.options.anonymous = true;
  client anonymous(in.loop, in.options);
  CHECK(in.read(anonymous) == "za");
  CHECK(in.sessions == 0);
}

TEST_CASE("a directory bucket's list can't begin behind a key", "[pager][session]") {
  bench in;
  client s3(in.loop, in.options);
  CHECK_THROWS_WITH(s3.page_ordered({.bucket = bucket, .start_after = "a"}),
                    Catch::Contains("start_after is given, and the list of a directory bucket has no order"));
  CHECK_THROWS_WITH(s3.list({.bucket = bucket, .start_after = "a"}), Catch::Contains("has no order"));
}

TEST_CASE("a stream that waits for a session may be dropped after any resumption", "[pager][session]") {
  std::size_t drops = 0;
  for (bool ended = false; !ended; ++drops) {
    bench in;
    {
      client s3(in.loop, in.options);
      test::root<std::string> running(in.loop.ready(), in.keys(s3));
      for (std::size_t steps = 0; steps < drops && !running.done(); ++steps) in.loop.run_once(ring::reactor::wait::yes, 1);
      ended = running.done();
      if (ended) CHECK(running.result() == "za");
    }
  }
  CHECK(drops > 20);
  CHECK(ring::descriptor::live() == 0);
}
