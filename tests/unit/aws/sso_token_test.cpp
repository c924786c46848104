// The token of `aws sso login` in its cache, its renewal, and what is written back.
#include "s3pager/aws/sso_token.hpp"

#include <chrono>
#include <string>
#include <string_view>

#include "support/catch.hpp"

namespace {

using namespace s3pager;
using namespace std::chrono_literals;

const wall_time new_year{std::chrono::sys_days(std::chrono::year(2030) / 1 / 1)};

}  // namespace

TEST_CASE("the token of aws sso login is read from its cache, in both of its forms") {
  const auto session = aws::parse_sso_token(
      R"({"startUrl":"https://x.awsapps.com/start","region":"eu-west-1","accessToken":"hidden","expiresAt":"2030-01-01T00:00:00Z",
          "clientId":"id","clientSecret":"hidden-secret","registrationExpiresAt":"2030-01-01T00:00:00Z","refreshToken":"hidden-refresh"})",
      "x.json");
  REQUIRE(session);
  CHECK(session.value().access_token.view() == "hidden");
  CHECK(session.value().expires_at == new_year);
  CHECK(session.value().refresh_token.view() == "hidden-refresh");
  CHECK(session.value().client_id == "id");
  CHECK(session.value().client_secret.view() == "hidden-secret");
  CHECK(session.value().registration_expires_at == new_year);
  const auto legacy = aws::parse_sso_token(R"({"accessToken":"hidden","expiresAt":"2030-01-01T00:00:00UTC"})", "x.json");
  REQUIRE(legacy);
  CHECK(legacy.value().expires_at == new_year);
  CHECK(legacy.value().refresh_token.empty());
  CHECK(aws::parse_sso_token(R"({"accessToken":"hidden"})", "x.json").message() == "x.json: expiresAt is missing");
  CHECK(aws::parse_sso_token(R"({"expiresAt":"2030-01-01T00:00:00Z"})", "x.json").message() ==
        "x.json: accessToken is missing, empty or no text");
}

TEST_CASE("a new SSO token lives for some seconds") {
  const auto read = aws::parse_sso_new_token(R"({"accessToken":"hidden","expiresIn":28800,"refreshToken":"r","tokenType":"Bearer"})");
  REQUIRE(read);
  CHECK(read.value().access_token.view() == "hidden");
  CHECK(read.value().expires_in == 8h);
  CHECK(read.value().refresh_token.view() == "r");
  CHECK(aws::parse_sso_new_token(R"({"accessToken":"hidden","expiresIn":-1})").message() ==
        "the answer of the SSO's token service: expiresIn is missing, or no number of seconds of a year at most");
}

TEST_CASE("the cached file of a token is found by the SHA-1 of its session or start URL") {
  CHECK(aws::sso_cache_name("my-sso") == "0ad374308c5a4e22f723adf10145eafad7c4031c.json");
  CHECK(aws::sso_cache_name("https://x.awsapps.com/start").size() == 45);
}

TEST_CASE("a renewal is asked for in JSON, and changes the token alone in the cached file") {
  const aws::sso_token token{.access_token = "new\"token",
                             .expires_at = new_year,
                             .refresh_token = "again",
                             .client_id = "id",
                             .client_secret = "hidden"};
  CHECK(aws::sso_renewal_request(token)->view() ==
        R"({"clientId":"id","clientSecret":"hidden","grantType":"refresh_token","refreshToken":"again"})");
  CHECK(aws::renewed_sso_cache(R"({"startUrl":"u","accessToken":"old","expiresAt":"x"})", token)->view() ==
        R"({"startUrl":"u","accessToken":"new\"token","expiresAt":"2030-01-01T00:00:00Z","refreshToken":"again"})");
  CHECK_FALSE(aws::renewed_sso_cache("[]", token));
  CHECK_FALSE(aws::renewed_sso_cache("{", token));
}
