// Roles by STS: what is asked, what is made of answers and refusals, when it is asked again, and drops wherever a call waits.
#include "s3pager/identity/sts.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3pager/http/date.hpp"
#include "s3pager/ring/descriptor.hpp"
#include "support/catch.hpp"
#include "support/drive.hpp"
#include "support/scratch_directory.hpp"
#include "support/scripted_server.hpp"

namespace {

using namespace s3pager;
using namespace std::chrono_literals;
using test::scripted_answer;

scripted_answer answer(int status, const std::string& body, const std::string& fields = {}) {
  return {{"HTTP/1.1 " + std::to_string(status) + " X\r\n" + fields + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body}};
}
std::string granted(const std::string& action) {
  return "<" + action + "Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><" + action +
         "Result><Credentials><AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>hidden</SecretAccessKey><SessionToken>token</SessionToken>"
         "<Expiration>2030-01-01T00:00:00Z</Expiration></Credentials></" +
         action + "Result></" + action + "Response>";
}
std::string refused(const std::string& code, const std::string& message) {
  return "<ErrorResponse><Error><Type>Sender</Type><Code>" + code + "</Code><Message>" + message +
         "</Message></Error><RequestId>id-1</RequestId></ErrorResponse>";
}

struct bench {
  explicit bench(std::vector<std::vector<scripted_answer>> answers) : server(loop, std::move(answers)) {}

  /// Time goes on whenever there is nothing else to do.
  template <class T>
  T run(task<T> work) {
    test::root<T> running(loop.ready(), std::move(work));
    for (int idle = 0; !running.done(); ++idle) {
      loop.run_once(ring::reactor::wait::no);
      if (idle % 50 == 49) time.advance(50ms);
    }
    return running.result();
  }
  template <class T>
  error failure(task<T> work) {
    try {
      static_cast<void>(run(std::move(work)));
    } catch (const error& why) {
      return why;
    }
    FAIL("it has not failed");
    throw std::logic_error("not reached");
  }
  [[nodiscard]] task<aws::credentials> role() {
    return sts.assume_role(loop, {.role_arn = "arn:aws:iam::123456789012:role/demo", .session_name = "s", .external_id = "a b"},
                           {.access_key_id = "AKID", .secret_access_key = "secret", .session_token = "source-token"});
  }

  manual_clock time{wall_time{std::chrono::sys_days(std::chrono::year(2026) / 11 / 26)}};
  ring::reactor loop{{.clock = &time}};
  test::scripted_server server;
  test::scratch_directory at;
  ref<net::control_driver> http = make_ref<net::control_driver>(loop, net::control_options{.no_proxy = true});
  identity::sts_client sts{http, identity::sts_place{.url = server.endpoint(), .region = "eu-west-1"}};
};

}  // namespace

TEST_CASE("a role is asked for with signed credentials, and is had until it expires") {
  bench in({{answer(200, granted("AssumeRole"))}});
  const aws::credentials given = in.run(in.role());
  CHECK(given.access_key_id == "ASIA");
  CHECK(given.secret_access_key.view() == "hidden");
  CHECK(given.session_token.view() == "token");
  CHECK(given.expiration == wall_time{std::chrono::sys_days(std::chrono::year(2030) / 1 / 1)});
  REQUIRE(in.server.requests().size() == 1);
  const std::string& request = in.server.requests().front();
  CHECK_THAT(request, Catch::StartsWith("POST / HTTP/1.1\r\n"));
  CHECK_THAT(request, Catch::Contains("\r\nx-amz-date: 20261126T000000Z\r\n") && Catch::Contains("\r\nx-amz-security-token: source-token\r\n") &&
                          Catch::Contains("\r\nauthorization: AWS4-HMAC-SHA256 Credential=AKID/20261126/eu-west-1/sts/aws4_request, "
                                          "SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date;x-amz-security-token, Signature="));
  CHECK_THAT(request, Catch::EndsWith("\r\n\r\nAction=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fdemo&"
                                      "RoleSessionName=s&ExternalId=a%20b"));
}

TEST_CASE("a web identity's token is read from its file at each fetch and sent unsigned") {
  bench in({{answer(200, granted("AssumeRoleWithWebIdentity")), answer(200, granted("AssumeRoleWithWebIdentity"))}});
  const std::string file = in.at.file("token", "first.token\n");
  identity::web_identity_credentials provider(in.http, identity::sts_place{.url = in.server.endpoint()}, {.role_arn = "r", .duration_seconds = "900"}, file);
  CHECK(in.run(provider.fetch(in.loop))->access_key_id == "ASIA");
  static_cast<void>(in.at.file("token", "second.token"));
  CHECK(in.run(provider.fetch(in.loop))->access_key_id == "ASIA");
  REQUIRE(in.server.requests().size() == 2);
  CHECK_THAT(in.server.requests()[0], !Catch::Contains("uthorization") &&
                                          Catch::EndsWith("\r\n\r\nAction=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=r&RoleSessionName="
                                                          "s3pager-1795651200&DurationSeconds=900&WebIdentityToken=first.token"));
  CHECK_THAT(in.server.requests()[1], Catch::EndsWith("&WebIdentityToken=second.token"));
}

TEST_CASE("a token file that is missing or empty is named") {
  bench in({});
  identity::web_identity_credentials missing(in.http, identity::sts_place{}, {.role_arn = "r"}, in.at.path() + "/none");
  CHECK_THAT(in.failure(missing.fetch(in.loop)).what(), Catch::Contains("the web identity token file, " + in.at.path() + "/none, is not there"));
  identity::web_identity_credentials empty(in.http, identity::sts_place{}, {.role_arn = "r"}, in.at.file("empty", " \n"));
  CHECK_THAT(in.failure(empty.fetch(in.loop)).what(), Catch::Contains("/empty, is empty"));
}

TEST_CASE("a refusal of STS is told in its words, and not asked about again") {
  bench in({{answer(403, refused("AccessDenied", "User: x is not authorized to perform: sts:AssumeRole"))}});
  const error why = in.failure(in.role());
  CHECK(why.code() == errc::access_denied);
  CHECK(why.http_status() == 403);
  CHECK(why.s3_code() == "AccessDenied");
  CHECK(why.request_id() == "id-1");
  CHECK_THAT(why.what(), Catch::Contains("STS answered AssumeRole with status 403, where 200 was expected: AccessDenied: User: x is not authorized to perform: sts:AssumeRole; status 403"));
  CHECK(in.server.requests().size() == 1);
}

TEST_CASE("a token that STS echoes is not shown", "[sts]") {
  bench in({{answer(403, refused("InvalidClientTokenId", "source-token is none"))}});
  const error why = in.failure(in.role());
  CHECK_THAT(why.what(), Catch::Contains("InvalidClientTokenId: **** is none") && !Catch::Contains("source-token"));
}

TEST_CASE("a busy STS is asked three times") {
  bench good({{answer(503, ""), answer(429, ""), answer(200, granted("AssumeRole"))}});
  CHECK(good.run(good.role()).access_key_id == "ASIA");
  CHECK(good.server.requests().size() == 3);
  bench bad({{answer(503, ""), answer(500, "<html>"), answer(503, refused("SlowDown", "wait"))}});
  const error why = bad.failure(bad.role());
  CHECK(why.code() == errc::unavailable);
  CHECK_THAT(why.what(), Catch::Contains("STS answered AssumeRole with status 503, where 200 was expected: SlowDown: wait; status 503"));
  CHECK(bad.server.requests().size() == 3);
}

TEST_CASE("a provider of identities that STS can't reach is asked again, a token that has expired is not") {
  bench in({{answer(400, refused("IDPCommunicationError", "x")), answer(400, refused("ExpiredTokenException", "Token expired"))}});
  identity::web_identity_credentials provider(in.http, identity::sts_place{.url = in.server.endpoint()}, {.role_arn = "r"}, in.at.file("t", "x"));
  CHECK(in.failure(provider.fetch(in.loop)).s3_code() == "ExpiredTokenException");
  CHECK(in.server.requests().size() == 2);
}

TEST_CASE("a clock that is wrong is set right by that of STS, once") {
  const std::string date = "Date: " + http::format_date(wall_time{std::chrono::sys_days(std::chrono::year(2026) / 11 / 26)} + 20min) + "\r\n";
  bench in({{answer(403, refused("SignatureDoesNotMatch", "Signature expired"), date), answer(200, granted("AssumeRole"), date)}});
  CHECK(in.run(in.role()).access_key_id == "ASIA");
  CHECK_THAT(in.server.requests()[1], Catch::Contains("x-amz-date: 20261126T002000Z\r\n") || Catch::Contains("x-amz-date: 20261126T001959Z\r\n"));
  bench again({{answer(403, refused("SignatureDoesNotMatch", "x"), date), answer(403, refused("SignatureDoesNotMatch", "x"), date)}});
  CHECK(again.failure(again.role()).s3_code() == "SignatureDoesNotMatch");
  CHECK(again.server.requests().size() == 2);
}

TEST_CASE("an answer of STS that is none is an error that repeats nothing of it") {
  for (const std::string& body : {std::string("hidden"), std::string(), granted("AssumeRole").substr(0, 200), granted("GetSessionToken")}) {
    bench in({{answer(200, body)}});
    const error why = in.failure(in.role());
    CHECK(why.code() == errc::protocol_violation);
    CHECK_THAT(why.what(), Catch::Contains("the answer of STS") && !Catch::Contains("hidden"));
  }
}

TEST_CASE("an STS that never answers is given up after three limits", "[sts]") {
  bench in({{}, {}, {}});
  const time_point begun = in.time.now();
  const error why = in.failure(in.role());
  CHECK(why.code() == errc::timed_out);
  CHECK_THAT(why.what(), Catch::Contains("STS: calling 127.0.0.1 port ") && !Catch::Contains("Action="));
  CHECK(in.server.requests().size() == 3);
  CHECK(in.time.now() - begun >= 30s);
  CHECK(in.time.now() - begun < 32s);
}

TEST_CASE("a call to STS may be dropped wherever it waits") {
  std::unique_ptr<bench> in;
  const auto begin = [&]() -> task<> {
    task<aws::credentials> asking = in->role();
    const aws::credentials given = co_await std::move(asking);
    CHECK(given.access_key_id == "ASIA");
  };
  std::size_t drops = 0;
  for (bool ended = false; !ended; ++drops) {
    in = std::make_unique<bench>(std::vector<std::vector<scripted_answer>>{{answer(503, ""), answer(200, granted("AssumeRole"))}});
    {
      test::root<> running(in->loop.ready(), begin());
      for (std::size_t steps = 0; steps < drops * 3 && !running.done(); ++steps) {
        in->loop.run_once(ring::reactor::wait::no);
        if (steps % 50 == 49) in->time.advance(50ms);
      }
      ended = running.done();
      if (ended) running.result();
    }
    in.reset();
    REQUIRE(ring::descriptor::live() == 0);
  }
  CHECK(drops > 10);
}
