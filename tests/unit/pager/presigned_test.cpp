// URLs that objects can be had by: made, as the origin's own verification has it, and refused before they are made.
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3pager/pager/client.hpp"
#include "s3pager/testing/signature_verifier.hpp"
#include "support/catch.hpp"
#include "support/drive.hpp"
#include "support/scripted_credentials.hpp"
#include "support/world.hpp"
#include "unit/testing/parsed.hpp"

namespace {

using namespace s3pager;
using namespace std::chrono_literals;
using test::scripted_credentials;
using test::world;

task<> make(client& s3, presign_options what, std::string& into) {
  into = co_await s3.presign_get(what);
}
std::string url_of(world& in, client& s3, const presign_options& what) {
  std::string url;
  in.run(make(s3, what, url));
  return url;
}

struct url_parts {
  std::string host = {};
  std::string target = {};
};
url_parts split(const std::string& url) {
  const std::size_t begin = url.find("://") + 3;
  const std::size_t slash = url.find('/', begin);
  return {.host = url.substr(begin, slash - begin), .target = url.substr(slash)};
}

/// The code that a request by the URL is refused with, if it is signed by `key`; empty: it is let in.
std::string verdict(const std::string& url, const testing::signing_key& key, wall_time now, test::fields headers = {},
                    std::string_view region = "us-east-1") {
  const url_parts parts = split(url);
  headers.insert(headers.begin(), {"Host", parts.host});
  testing::signature_verifier verifier(region, false, 15min);
  verifier.add_key(key);
  const test::parsed asked("GET", parts.target, headers);
  REQUIRE(asked.complete());
  return std::string(verifier.verify(asked.request, now).code);
}

const testing::signing_key worlds_key{std::string(world::access_key_id), std::string(world::secret_access_key), ""};

std::string refusal(const std::function<void()>& what) {
  try {
    what();
  } catch (const error& failed) {
    CHECK(failed.code() == errc::invalid_argument);
    return failed.details().message;
  }
  return "none";
}

}  // namespace

TEST_CASE("a URL says where the object is and what is asked of it, and is good until it expires", "[pager][presigned]") {
  world in;
  client_options how = in.small();
  how.endpoint_url = "https://s3.example:8443/base";
  how.ca_file = {};
  client s3(in.loop, how);
  const wall_time now = in.time.wall();
  const std::string url = url_of(in, s3, {.bucket = "bucket", .key = "a b/../c+", .expires_in = 5min});
  CHECK(url.starts_with("https://bucket.s3.example:8443/base/a%20b/../c%2B?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKEXAMPLE%2F"));
  CHECK(url.find("&X-Amz-Expires=300&X-Amz-SignedHeaders=host&X-Amz-Signature=") != std::string::npos);
  CHECK(verdict(url, worlds_key, now) == "");
  CHECK(verdict(url, worlds_key, now + 5min) == "");
  CHECK(verdict(url, worlds_key, now + 5min + 1s) == "AccessDenied");
  CHECK(url_of(in, s3, {.bucket = "bucket", .key = "k"}).find("&X-Amz-Expires=3600&") != std::string::npos);
  CHECK(url_of(in, s3, {.bucket = "bucket", .key = "k", .expires_in = std::chrono::days(7)}).find("&X-Amz-Expires=604800&") != std::string::npos);
  CHECK(url_of(in, s3, {.bucket = "Under_Score", .key = "k"}).starts_with("https://s3.example:8443/base/Under_Score/k?"));
  CHECK(in.server->counters().connections_accepted == 0);
}

TEST_CASE("a URL has the options of its object, and the headers that it has to be fetched with", "[pager][presigned]") {
  world in;
  const request_header clients[] = {{"x-team", "storage"}};
  client_options how = in.small();
  how.headers = clients;
  client s3(in.loop, how);
  const request_header own[] = {{"X-Ticket", "7  8"}, {"accept", "*/*"}};
  const std::string url = url_of(in, s3, {.bucket = "m",
                                          .key = "k",
                                          .version_id = "v/1",
                                          .response = {.content_disposition = "attachment", .content_type = "text/plain"},
                                          .requester_pays = true,
                                          .expected_bucket_owner = "111122223333",
                                          .headers = own});
  for (const std::string_view each :
       {"&X-Amz-SignedHeaders=accept%3Bhost%3Bx-ticket&", "&response-content-disposition=attachment&", "&response-content-type=text%2Fplain&",
        "&versionId=v%2F1&", "&x-amz-expected-bucket-owner=111122223333&", "&x-amz-request-payer=requester&"})
    CHECK(url.find(each) != std::string::npos);
  const wall_time now = in.time.wall();
  CHECK(verdict(url, worlds_key, now, {{"X-Ticket", "7  8"}, {"Accept", "*/*"}, {"Range", "bytes=0-1"}}) == "");
  CHECK(verdict(url, worlds_key, now, {{"X-Ticket", "8"}, {"Accept", "*/*"}}) == "SignatureDoesNotMatch");
  CHECK(verdict(url, worlds_key, now) == "SignatureDoesNotMatch");
}

TEST_CASE("a URL waits for credentials, and carries the token of temporary ones", "[pager][presigned]") {
  world in;
  scripted_credentials from;
  from.open.reset();
  from.will_give({.access_key_id = "FIRST", .secret_access_key = "s", .session_token = "t/+=", .expiration = in.time.wall() + 1h});
  client_options how = in.small();
  how.access_key_id = how.secret_access_key = {};
  how.credentials = &from;
  client s3(in.loop, how);
  std::string one;
  std::string two;
  test::root<> first(in.loop.ready(), make(s3, {.bucket = "m", .key = "k"}, one));
  test::root<> second(in.loop.ready(), make(s3, {.bucket = "m", .key = "other"}, two));
  for (int turns = 0; turns < 10; ++turns) in.loop.run_once(ring::reactor::wait::no);
  CHECK_FALSE(first.done());
  from.open.set();
  in.until([&] { return first.done() && second.done(); });
  first.result();
  second.result();
  CHECK(from.fetches == 1);
  CHECK(one.find("&X-Amz-Security-Token=t%2F%2B%3D&") != std::string::npos);
  const testing::signing_key key{"FIRST", "s", "t/+="};
  CHECK(verdict(one, key, in.time.wall()) == "");
  CHECK(verdict(two, key, in.time.wall()) == "");
}

TEST_CASE("a wait for credentials can be dropped, and fails as they do", "[pager][presigned]") {
  world in;
  scripted_credentials from;
  from.open.reset();
  from.will_fail(error(errc::access_denied, "the role was taken away"));
  client_options how = in.small();
  how.access_key_id = how.secret_access_key = {};
  how.credentials = &from;
  client s3(in.loop, how);
  std::string url;
  {
    test::root<> dropped(in.loop.ready(), make(s3, {.bucket = "m", .key = "k"}, url));
    for (int turns = 0; turns < 10; ++turns) in.loop.run_once(ring::reactor::wait::no);
    CHECK_FALSE(dropped.done());
  }
  from.open.set();
  CHECK_THROWS_WITH(url_of(in, s3, {.bucket = "m", .key = "k"}), Catch::Matchers::StartsWith("the role was taken away"));
  CHECK(url.empty());
}

TEST_CASE("a URL is signed by the service's clock, and for the region that it named", "[pager][presigned]") {
  world in;
  in.memory->put("k", "0123456789");
  client_options how = in.small();
  how.retry = {.base_delay = duration::zero()};
  client s3(in.loop, how);
  s3.service().set_clock_offset(20min);
  in.server->set_region("eu-west-3");
  CHECK(s3.service().moved(*s3.service().bucket("m"), "eu-west-3", "us-east-1"));
  const std::string url = url_of(in, s3, {.bucket = "m", .key = "k", .expires_in = 60s});
  CHECK(verdict(url, worlds_key, in.time.wall() + 20min, {}, "eu-west-3") == "");
  CHECK(verdict(url, worlds_key, in.time.wall(), {}, "eu-west-3") == "AccessDenied");
  CHECK(verdict(url, worlds_key, in.time.wall() + 20min) == "AuthorizationQueryParametersError");
}

TEST_CASE("a URL that can't be made is refused by the call", "[pager][presigned]") {
  world in;
  client s3(in.loop, in.small());
  const std::string seconds = ", whole seconds from 1 to 604800 (7 days) are needed";
  for (const auto& [span, text] : {std::pair<duration, std::string>{0s, "0 s"}, {-1s, "-1 s"}, {999ms, "999 ms"}, {1500ms, "1500 ms"},
                                   {std::chrono::days(7) + 1s, "604801 s"}, {duration::max(), "9223372036854775807 ns"}})
    CHECK(refusal([&, given = span] { (void)s3.presign_get({.bucket = "m", .key = "k", .expires_in = given}); }) == "expires_in is " + text + seconds);
  CHECK(refusal([&] { (void)s3.presign_get({.bucket = "m"}); }) == "a key is empty");
  CHECK(refusal([&] { (void)s3.presign_get({.key = "k"}); }) == "a bucket is needed");
  CHECK(refusal([&] { (void)s3.presign_get({.bucket = "m", .key = "k", .expected_bucket_owner = "1"}); }) != "none");
  CHECK(refusal([&] { (void)s3.presign_get({.bucket = "m", .key = "k", .response = {.expires = "\n"}}); }) != "none");
  const request_header host[] = {{"host", "h"}};
  CHECK(refusal([&] { (void)s3.presign_get({.bucket = "m", .key = "k", .headers = host}); }) != "none");
  client_options nobody = in.small();
  nobody.access_key_id = nobody.secret_access_key = {};
  nobody.anonymous = true;
  client unsigned_client(in.loop, nobody);
  CHECK(refusal([&] { (void)unsigned_client.presign_get({.bucket = "m", .key = "k"}); }) == "presign_get: the client has no credentials to sign with");

  scripted_credentials from;
  from.will_give({});
  nobody.anonymous = false;
  nobody.credentials = &from;
  client turned_out(in.loop, nobody);
  CHECK(refusal([&] { url_of(in, turned_out, {.bucket = "m", .key = "k"}); }) == "there are no credentials to sign a URL with");
}
