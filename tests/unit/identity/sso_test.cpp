// SSO: what is asked of portal and token service, renewal of tokens and what is kept of it, failures, drops.
#include "s3pager/identity/sso.hpp"

#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "s3pager/base/timestamp.hpp"
#include "s3pager/ring/descriptor.hpp"
#include "support/catch.hpp"
#include "support/drive.hpp"
#include "support/scratch_directory.hpp"
#include "support/scripted_server.hpp"

namespace {

using namespace s3pager;
using namespace std::chrono_literals;
using test::scripted_answer;

const wall_time now{std::chrono::sys_days(std::chrono::year(2026) / 11 / 26)};

scripted_answer answer(int status, const std::string& body) {
  return {{"HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body}};
}
const std::string role =
    R"({"roleCredentials":{"accessKeyId":"ASIA","secretAccessKey":"hidden","sessionToken":"T","expiration":1893456000000}})";
const std::string renewal = R"({"accessToken":"new-token","expiresIn":3600,"refreshToken":"next"})";

struct bench {
  explicit bench(std::vector<scripted_answer> answers) : server(loop, {std::move(answers)}) {
    std::filesystem::create_directories(at.path() + "/cache");
  }
  explicit bench(test::scripted_server::responder respond) : server(loop, std::move(respond)) {
    std::filesystem::create_directories(at.path() + "/cache");
  }
  [[nodiscard]] std::string path() const { return at.path() + "/cache/" + aws::sso_cache_name("corp"); }
  void cached(duration left, const std::string& more = R"(,"refreshToken":"again","clientId":"id","clientSecret":"hush")") {
    std::ofstream(path()) << R"({"accessToken":"old-token","expiresAt":")" + format_timestamp(now + left) + "\"" + more + "}";
  }
  [[nodiscard]] std::string kept() const {
    std::ifstream in(path());
    return {std::istreambuf_iterator<char>(in), {}};
  }
  [[nodiscard]] identity::sso_settings settings(const std::string& session = "corp") const {
    return {.account_id = "1111",
            .role_name = "ad/min",
            .session = session,
            .start_url = "https://x.awsapps.com/start",
            .cache = at.path() + "/cache",
            .portal_url = server.endpoint(),
            .oidc_url = server.endpoint()};
  }
  [[nodiscard]] std::optional<aws::credentials> fetch(identity::sso_credentials& provider) {
    test::root<std::optional<aws::credentials>> running(loop.ready(), provider.fetch(loop));
    for (int idle = 0; !running.done(); ++idle) {
      loop.run_once(ring::reactor::wait::no);
      if (idle % 50 == 49) time.advance(1ms);
    }
    return running.result();
  }
  [[nodiscard]] std::string failure() {
    identity::sso_credentials provider(http, settings());
    try {
      static_cast<void>(fetch(provider));
    } catch (const error& why) {
      return why.what();
    }
    return "it has not failed";
  }

  manual_clock time{now};
  ring::reactor loop{{.clock = &time}};
  test::scripted_server server;
  test::scratch_directory at;
  ref<net::control_driver> http = make_ref<net::control_driver>(loop, net::control_options{.no_proxy = true});
};

}  // namespace

TEST_CASE("a token that is good is shown to the portal, and stays as it is") {
  bench in({answer(200, role)});
  in.cached(16min);
  identity::sso_credentials provider(in.http, in.settings());
  const auto given = in.fetch(provider);
  REQUIRE(given);
  CHECK(given->access_key_id == "ASIA");
  CHECK(given->expiration == wall_time{std::chrono::sys_days(std::chrono::year(2030) / 1 / 1)});
  REQUIRE(in.server.requests().size() == 1);
  CHECK_THAT(in.server.requests()[0], Catch::StartsWith("GET /federation/credentials?role_name=ad%2Fmin&account_id=1111 HTTP/1.1\r\n") &&
                                          Catch::Contains("x-amz-sso_bearer_token: old-token\r\n"));
  CHECK_THAT(in.kept(), Catch::Contains("old-token"));
}

TEST_CASE("a token that soon runs out, or has, is renewed and kept for the other tools") {
  for (const duration left : {duration(14min), duration(-1h)}) {
    bench in({answer(200, renewal), answer(200, role)});
    in.cached(left);
    identity::sso_credentials provider(in.http, in.settings());
    CHECK(in.fetch(provider)->access_key_id == "ASIA");
    REQUIRE(in.server.requests().size() == 2);
    CHECK_THAT(in.server.requests()[0],
               Catch::StartsWith("POST /token HTTP/1.1\r\n") && Catch::Contains("content-type: application/json\r\n") &&
                   Catch::EndsWith(R"({"clientId":"id","clientSecret":"hush","grantType":"refresh_token","refreshToken":"again"})"));
    CHECK_THAT(in.server.requests()[1], Catch::Contains("x-amz-sso_bearer_token: new-token\r\n"));
    CHECK(in.kept() == R"({"accessToken":"new-token","expiresAt":"2026-11-26T01:00:00Z","refreshToken":"next","clientId":"id","clientSecret":"hush"})");
    struct stat status {};
    REQUIRE(::stat(in.path().c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
    CHECK(std::distance(std::filesystem::directory_iterator(in.at.path() + "/cache"), {}) == 1);
  }
}

TEST_CASE("a token that can't be renewed is used as long as it is good") {
  bench in({answer(400, R"({"error":"invalid_grant","error_description":"Invalid refresh token"})"), answer(200, role)});
  in.cached(14min);
  identity::sso_credentials provider(in.http, in.settings());
  CHECK(in.fetch(provider)->access_key_id == "ASIA");
  CHECK_THAT(in.server.requests()[1], Catch::Contains("x-amz-sso_bearer_token: old-token\r\n"));

  bench late({answer(400, R"({"error":"invalid_grant","error_description":"Invalid refresh token"})")});
  late.cached(-1s);
  CHECK_THAT(late.failure(), Catch::Contains("is no good any more (the SSO's token service answered CreateToken with status 400, where 200 was expected: invalid_grant: Invalid refresh token): run `aws sso login --sso-session corp`"));
}

TEST_CASE("a token that another one has renewed meanwhile is taken", "[sso]") {
  bench* here = nullptr;
  bench in([&](const std::string& request) {
    if (request.starts_with("GET ")) return answer(200, role);
    std::ofstream(here->path()) << R"({"accessToken":"their-token","expiresAt":")" + format_timestamp(now + 8h) + "\"}";
    return answer(400, R"({"error":"invalid_grant","error_description":"again was used before"})");
  });
  here = &in;
  in.cached(-1s);
  identity::sso_credentials provider(in.http, in.settings());
  CHECK(in.fetch(provider)->access_key_id == "ASIA");
  CHECK_THAT(in.server.requests()[1], Catch::Contains("x-amz-sso_bearer_token: their-token\r\n"));
}

TEST_CASE("a token without what renews it, or whose registration has run out, is not renewed") {
  for (const char* const more :
       {"", R"(,"refreshToken":"again")",
        R"(,"refreshToken":"again","clientId":"id","clientSecret":"hush","registrationExpiresAt":"2026-11-25T00:00:00Z")"}) {
    bench in(std::vector<scripted_answer>{});
    in.cached(-1s, more);
    CHECK_THAT(in.failure(), Catch::Contains("is no good any more (it has expired): run `aws sso login --sso-session corp`"));
    CHECK(in.server.requests().empty());
  }
}

TEST_CASE("a token file that is not there or is none says what to do") {
  bench in(std::vector<scripted_answer>{});
  CHECK_THAT(in.failure(), Catch::Contains("there is no SSO token (" + in.path() + "): run `aws sso login --sso-session corp`"));
  std::ofstream(in.path()) << "hidden";
  CHECK_THAT(in.failure(), Catch::Contains("is no JSON object") && Catch::Contains("run `aws sso login") && !Catch::Contains("hidden"));
}

TEST_CASE("a portal that refuses is access_denied, and one that sends garbage breaks the protocol") {
  bench in({answer(401, R"({"message":"Session token not found or invalid"})"), answer(200, "hidden")});
  in.cached(1h);
  CHECK_THAT(in.failure(), Catch::Contains("the SSO portal answered GetRoleCredentials with status 401, where 200 was expected: Session token not found or invalid: run `aws sso login --sso-session corp`: access denied"));
  CHECK_THAT(in.failure(), Catch::Contains("the answer of the SSO portal is no JSON object") && !Catch::Contains("hidden"));
}

TEST_CASE("a token service that never answers costs no token that is good, and a portal is given up", "[sso]") {
  bench in(std::vector<scripted_answer>{});
  in.cached(14min);
  identity::sso_credentials provider(in.http, in.settings());
  test::root<std::optional<aws::credentials>> running(in.loop.ready(), provider.fetch(in.loop));
  for (int idle = 0; !running.done(); ++idle) {
    in.loop.run_once(ring::reactor::wait::no);
    if (idle % 50 == 49) in.time.advance(50ms);
  }
  try {
    static_cast<void>(running.result());
    FAIL("nobody has answered");
  } catch (const error& why) {
    CHECK(why.code() == errc::timed_out);
    CHECK_THAT(why.what(), Catch::Contains("the SSO portal: calling") && !Catch::Contains("old-token"));
  }
  REQUIRE(in.server.requests().size() == 5);
  CHECK_THAT(in.server.requests()[1], Catch::StartsWith("POST /token "));
  CHECK_THAT(in.server.requests()[2], Catch::StartsWith("GET /federation/credentials?"));
}

TEST_CASE("SSO may be dropped wherever it waits") {
  std::size_t drops = 0;
  for (bool ended = false; !ended; ++drops) {
    bench in({answer(200, renewal), answer(200, role)});
    in.cached(14min);
    identity::sso_credentials provider(in.http, in.settings());
    {
      test::root<std::optional<aws::credentials>> running(in.loop.ready(), provider.fetch(in.loop));
      for (std::size_t steps = 0; steps < drops && !running.done(); ++steps) in.loop.run_once();
      ended = running.done();
      if (ended) CHECK(running.result()->access_key_id == "ASIA");
    }
  }
  CHECK(drops > 10);
  CHECK(ring::descriptor::live() == 0);
}
