// Credentials and the region from a metadata service as EC2's, in all the ways that it can answer.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "s3pager/base/clock.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/coro/frame_pool.hpp"
#include "s3pager/coro/stop.hpp"
#include "s3pager/identity/instance_metadata.hpp"
#include "s3pager/net/control_driver.hpp"
#include "s3pager/ring/descriptor.hpp"
#include "s3pager/ring/reactor.hpp"
#include "support/addresses.hpp"
#include "support/catch.hpp"
#include "support/drive.hpp"
#include "support/metadata_service.hpp"

namespace {

using namespace s3pager;
using namespace std::chrono_literals;
using identity::instance_metadata;
using identity::instance_metadata_profile;
using identity::instance_metadata_settings;
using test::metadata_service;
using test::root;

constexpr const char* reader_line = "GET /latest/meta-data/iam/security-credentials/reader";

struct bench {
  explicit bench(std::uint32_t attempts = 1) { use(service.endpoint(), attempts); }
  void use(const std::string& endpoint, std::uint32_t attempts = 1) {
    from = std::make_unique<instance_metadata>(driver, instance_metadata_settings{.endpoint = endpoint, .attempts = attempts});
  }
  /// Turns until it is done, or nothing moves any more but the clock.
  template <class T>
  void settle(const root<T>& asking) {
    for (int still = 0; still < 200 && !asking.done(); ++still) loop.run_once(ring::reactor::wait::no);
  }
  template <class T>
  void finish(const root<T>& asking) {
    while (!asking.done()) loop.run_once(loop.timers().next() <= time.now() ? ring::reactor::wait::no : ring::reactor::wait::yes);
  }
  [[nodiscard]] std::optional<aws::credentials> fetch() {
    root<std::optional<aws::credentials>> asking(loop.ready(), from->fetch(loop));
    finish(asking);
    return asking.result();
  }
  /// `none`, or the id of the key.
  [[nodiscard]] std::string fetched() {
    const std::optional<aws::credentials> got = fetch();
    return got ? got->access_key_id : "none";
  }
  [[nodiscard]] std::string region() {
    root<std::optional<std::string>> asking(loop.ready(), from->fetch_region(loop));
    finish(asking);
    return asking.result().value_or("none");
  }
  [[nodiscard]] error failure() {
    try {
      static_cast<void>(fetch());
    } catch (const error& why) {
      return why;
    }
    FAIL("it has not failed");
    throw std::logic_error("not reached");
  }

  manual_clock time;
  ring::reactor loop{{.clock = &time}};
  metadata_service service{loop};
  ref<net::control_driver> driver = make_ref<net::control_driver>(loop, net::control_options{});
  std::unique_ptr<instance_metadata> from;
};

std::map<std::string, std::string> variables;
const char* lookup(const char* name) {
  const auto at = variables.find(name);
  return at == variables.end() ? nullptr : at->second.c_str();
}
instance_metadata_settings settings(std::map<std::string, std::string> set, const instance_metadata_profile& profile = {}) {
  variables = std::move(set);
  auto made = identity::instance_metadata_settings_from(lookup, profile);
  INFO(made.message());
  REQUIRE(made.ok());
  return std::move(made).value();
}
std::string wrong(std::map<std::string, std::string> set, const instance_metadata_profile& profile = {}) {
  variables = std::move(set);
  return identity::instance_metadata_settings_from(lookup, profile).message();
}

}  // namespace

TEST_CASE("a token is asked for, then the role, then its credentials", "[identity][imds]") {
  bench in;
  in.service.keys = [&] {
    return aws::credentials{
        .access_key_id = "AKROLE", .secret_access_key = "hidden", .session_token = "session", .expiration = in.time.wall() + 6h};
  };
  const std::optional<aws::credentials> got = in.fetch();
  REQUIRE(got);
  CHECK(got->access_key_id == "AKROLE");
  CHECK(got->secret_access_key.view() == "hidden");
  CHECK(got->session_token.view() == "session");
  CHECK(got->expiration == in.time.wall() + 6h);
  const auto& asked = in.service.requests();
  REQUIRE(asked.size() == 3);
  CHECK(asked[0].line() == metadata_service::token_line);
  CHECK(asked[0].header("X-aws-ec2-metadata-token-ttl-seconds") == "21600");
  CHECK(asked[0].header("Content-Length") == "0");
  CHECK(asked[0].header("X-aws-ec2-metadata-token") == "none");
  CHECK(asked[1].line() == metadata_service::role_line);
  CHECK(asked[2].line() == reader_line);
  for (const std::size_t i : {1U, 2U}) CHECK(asked[i].header("X-aws-ec2-metadata-token") == "TOKEN-1==");
  CHECK(in.from->name() == "instance metadata");
}

TEST_CASE("a token is kept until it runs out, for the region too", "[identity][imds]") {
  bench in;
  in.service.token_life = 100s;
  CHECK(in.fetched() == "AKSERVICE");
  CHECK(in.region() == "eu-north-1");
  in.time.advance(99s);
  CHECK(in.fetched() == "AKSERVICE");
  CHECK(in.service.count(metadata_service::token_line) == 1);
  in.time.advance(1s);
  CHECK(in.fetched() == "AKSERVICE");
  CHECK(in.service.count(metadata_service::token_line) == 2);
  for (const test::metadata_request& each : in.service.requests()) CHECK(each.header("X-aws-ec2-metadata-token") != "TOKEN-3==");
}

TEST_CASE("a token that is refused is replaced once", "[identity][imds]") {
  bench in;
  CHECK(in.fetched() == "AKSERVICE");
  in.service.forget_tokens();
  CHECK(in.fetched() == "AKSERVICE");
  CHECK(in.service.count(metadata_service::token_line) == 2);
  for (int i = 0; i < 2; ++i) in.service.next(metadata_service::role_line, {.status = 401});
  const error why = in.failure();
  CHECK(why.code() == errc::access_denied);
  CHECK(why.details().message ==
        "the instance metadata service answered GET /latest/meta-data/iam/security-credentials/ with status 401, where 200 was expected");
  CHECK(in.service.count(metadata_service::token_line) == 3);
  CHECK(in.fetched() == "AKSERVICE");
}

TEST_CASE("blanks and line breaks around a token, a role and a region are not theirs", "[identity][imds]") {
  bench in;
  in.service.role = "reader";
  in.service.next(metadata_service::role_line, {.body = "reader\n"});
  in.service.next(metadata_service::region_line, {.body = "\tus-gov-west-1\r\n"});
  CHECK(in.fetched() == "AKSERVICE");
  CHECK(in.region() == "us-gov-west-1");
}

TEST_CASE("where there is no metadata service, there are no credentials and no region", "[identity][imds]") {
  bench in;
  const test::refusing_address refuses(ring::socket_address::loopback(0));
  in.use("http://127.0.0.1:" + std::to_string(refuses.address().port()));
  CHECK(in.fetched() == "none");
  CHECK(in.region() == "none");
}

TEST_CASE("a host that does not take connections is given up after a second", "[identity][imds]") {
  bench in;
  const test::hanging_listener hangs(ring::socket_address::loopback(0));
  in.use("http://127.0.0.1:" + std::to_string(hangs.address().port()));
  root<std::optional<aws::credentials>> asking(in.loop.ready(), in.from->fetch(in.loop));
  root<std::optional<std::string>> region(in.loop.ready(), in.from->fetch_region(in.loop));
  in.settle(asking);
  in.time.advance(999ms);
  in.settle(asking);
  CHECK_FALSE(asking.done());
  in.time.advance(1ms);
  in.finish(asking);
  in.finish(region);
  CHECK_FALSE(asking.result().has_value());
  CHECK_FALSE(region.result().has_value());
}

TEST_CASE("a service that gives no token is none, or turned off", "[identity][imds]") {
  const int status = GENERATE(400, 403, 404, 405);
  bench in;
  in.service.next(metadata_service::token_line, {.status = status});
  in.service.next(metadata_service::token_line, {.status = status});
  CHECK(in.fetched() == "none");
  CHECK(in.region() == "none");
  CHECK(in.service.requests().size() == 2);  // and nothing is asked for without a token
}

TEST_CASE("an instance without a role has no credentials, but a region; and the other way round", "[identity][imds]") {
  bench in;
  in.service.role.clear();
  CHECK(in.fetched() == "none");
  CHECK(in.region() == "eu-north-1");
  in.service.role = "reader";
  in.service.region.clear();
  CHECK(in.fetched() == "AKSERVICE");
  CHECK(in.region() == "none");
}

TEST_CASE("once there were credentials, their absence is an error that says so", "[identity][imds]") {
  bench in;
  CHECK(in.fetched() == "AKSERVICE");
  in.service.role.clear();
  CHECK(in.failure().details().message == "the instance metadata service has no role for this instance");
  in.service.forget_tokens();
  in.service.next(metadata_service::token_line, {.status = 403});
  const error why = in.failure();
  CHECK(why.code() == errc::access_denied);
  CHECK(why.details().message ==
        "the instance metadata service answered PUT /latest/api/token with status 403, where 200 was expected");
}

TEST_CASE("what is disabled asks nothing", "[identity][imds]") {
  bench in;
  in.from = std::make_unique<instance_metadata>(in.driver, instance_metadata_settings{.disabled = true, .endpoint = in.service.endpoint()});
  CHECK(in.fetched() == "none");
  CHECK(in.region() == "none");
  CHECK(in.service.requests().empty());
}

TEST_CASE("wrong settings are an error of whoever asks, and not before", "[identity][imds]") {
  bench in;
  variables = {{"AWS_EC2_METADATA_DISABLED", "perhaps"}};
  in.from = std::make_unique<instance_metadata>(in.driver, identity::instance_metadata_settings_from(lookup));
  const error why = in.failure();
  CHECK(why.code() == errc::invalid_argument);
  CHECK(why.details().message == "AWS_EC2_METADATA_DISABLED is neither true nor false");
}

TEST_CASE("an answer that is wrong is an error that names the service and what was wrong", "[identity][imds]") {
  struct example {
    const char* line;
    test::metadata_answer answer;
    errc code;
    const char* says;
  };
  const std::string json = R"({"Code": "Success", "AccessKeyId": "AKX", "SecretAccessKey": "hidden", "Token": "hidden"})";
  const std::vector<example> examples{
      {metadata_service::token_line, {.status = 500}, errc::unavailable, "PUT /latest/api/token with status 500"},
      {metadata_service::token_line, {.status = 429}, errc::throttled, "PUT /latest/api/token with status 429"},
      {metadata_service::token_line, {.status = 204}, errc::protocol_violation, "status 204, where 200 was expected"},
      {metadata_service::token_line, {.status = 307, .fields = "Location: /elsewhere\r\n"}, errc::protocol_violation,
       "(redirections are not followed)"},
      {metadata_service::token_line, {.body = ""}, errc::protocol_violation, "a token that can't be one"},
      {metadata_service::token_line, {.body = "two words"}, errc::protocol_violation, "a token that can't be one"},
      {metadata_service::token_line, {.body = "a\r\nb: c"}, errc::protocol_violation, "a token that can't be one"},
      {metadata_service::token_line, {.body = std::string(4097, 't')}, errc::protocol_violation, "a token that can't be one"},
      {metadata_service::token_line, {.body = std::string(70'000, 't')}, errc::protocol_violation, "longer than 65536 bytes"},
      {metadata_service::token_line, {.body = "TOKEN", .cut = true}, errc::connection_lost, "calling 127.0.0.1 port "},
      {metadata_service::token_line, {.raw = "garbage\r\n\r\n"}, errc::protocol_violation, "not HTTP/1"},
      {metadata_service::role_line, {.status = 403}, errc::access_denied, "security-credentials/ with status 403"},
      {metadata_service::role_line, {.body = ""}, errc::protocol_violation, "a role that can't be one"},
      {metadata_service::role_line, {.body = "a/b"}, errc::protocol_violation, "a role that can't be one"},
      {metadata_service::role_line, {.body = ".."}, errc::protocol_violation, "a role that can't be one"},
      {metadata_service::role_line, {.body = "a\nb"}, errc::protocol_violation, "a role that can't be one"},
      {metadata_service::role_line, {.body = "a?b"}, errc::protocol_violation, "a role that can't be one"},
      {metadata_service::role_line, {.body = std::string(129, 'r')}, errc::protocol_violation, "a role that can't be one"},
      {metadata_service::role_line, {.body = "<html></html>"}, errc::protocol_violation, "a role that can't be one"},
      {reader_line, {.status = 404}, errc::access_denied, "no credentials of the role that it named"},
      {reader_line, {.status = 503, .body = R"({"Code": "Busy", "Message": "try later"})"}, errc::unavailable, "Busy: try later"},
      {reader_line, {.body = "<html></html>"}, errc::protocol_violation, "no JSON object"},
      {reader_line, {.body = json.substr(0, json.size() - 1)}, errc::protocol_violation, "no JSON object"},
      {reader_line, {.body = json, .cut = true}, errc::connection_lost, "calling 127.0.0.1 port "},
      {reader_line, {.body = R"({"Code": "AssumeRoleUnauthorizedAccess", "Message": "EC2 cannot assume the role"})"}, errc::access_denied,
       "no credentials: AssumeRoleUnauthorizedAccess: EC2 cannot assume the role"},
      {reader_line, {.body = R"({"Code": "Success"})"}, errc::protocol_violation, "AccessKeyId is missing"},
      {reader_line, {.body = std::string(70'000, ' ')}, errc::protocol_violation, "longer than 65536 bytes"},
  };
  for (const example& each : examples) {
    CAPTURE(each.line, each.says, each.answer.body.substr(0, 40));
    bench in;
    in.service.next(each.line, each.answer);
    const error why = in.failure();
    CHECK(why.code() == each.code);
    CHECK_THAT(why.what(), Catch::Contains("the instance metadata service") && Catch::Contains(each.says));
    CHECK_THAT(why.what(), !Catch::Contains("hidden") && !Catch::Contains("TOKEN"));
    CHECK(in.fetched() == "AKSERVICE");  // the next time
  }
}

TEST_CASE("a region that can't be one is an error", "[identity][imds]") {
  const char* const said = GENERATE("", "EU", "a b", "../x", "<html>");
  bench in;
  in.service.next(metadata_service::region_line, {.body = said});
  CHECK_THROWS_WITH(in.region(), Catch::StartsWith("the instance metadata service named a region that can't be one"));
  CHECK(in.region() == "eu-north-1");
}

TEST_CASE("every way to cut an answer of credentials is an error", "[identity][imds]") {
  const std::string json = test::metadata_json({.access_key_id = "AKX", .secret_access_key = "hidden", .session_token = "hidden"});
  bench in;
  for (std::size_t size = 0; size < json.size(); ++size) {
    CAPTURE(size);
    in.service.next(reader_line, {.body = json.substr(0, size)});
    const error why = in.failure();
    CHECK_THAT(why.what(),
               Catch::StartsWith("the answer of the instance metadata service is no JSON object") && !Catch::Contains("hidden"));
  }
  CHECK(in.fetched() == "AKSERVICE");
}

TEST_CASE("an answer is given up after a second, and so is one that stops in its midst", "[identity][imds]") {
  bench in;
  SECTION("none comes") { in.service.open.reset(); }
  SECTION("it stops") { in.service.next(metadata_service::token_line, {.body = "TOKEN", .stall = true}); }
  root<std::optional<aws::credentials>> asking(in.loop.ready(), in.from->fetch(in.loop));
  while (in.service.requests().empty()) in.loop.run_once();
  in.settle(asking);
  in.time.advance(999ms);
  in.settle(asking);
  CHECK_FALSE(asking.done());
  in.time.advance(1ms);
  in.finish(asking);
  try {
    static_cast<void>(asking.result());
    FAIL("it has not failed");
  } catch (const error& why) {
    CHECK(why.code() == errc::timed_out);
    CHECK_THAT(why.what(), Catch::StartsWith("the instance metadata service: calling 127.0.0.1 port ") &&
                               Catch::Contains("the answer took longer than the limit of 1 s") && Catch::Contains("hop limit"));
  }
  in.service.open.set();
  CHECK(in.fetched() == "AKSERVICE");
}

TEST_CASE("a slow answer that comes in time is taken", "[identity][imds]") {
  bench in;
  in.service.open.reset();
  root<std::optional<aws::credentials>> asking(in.loop.ready(), in.from->fetch(in.loop));
  for (std::size_t answers = 1; answers <= 3; ++answers) {
    while (in.service.requests().size() < answers) in.loop.run_once();
    in.time.advance(900ms);
    in.settle(asking);
    REQUIRE_FALSE(asking.done());
    in.service.open.set();
    in.service.open.reset();
  }
  in.finish(asking);
  CHECK(asking.result()->access_key_id == "AKSERVICE");
}

TEST_CASE("as many attempts are made as are allowed, a moment apart", "[identity][imds]") {
  bench in(3);
  in.service.next(metadata_service::token_line, {.status = 500});
  in.service.next(metadata_service::token_line, {.body = "TOKEN", .cut = true});
  root<std::optional<aws::credentials>> asking(in.loop.ready(), in.from->fetch(in.loop));
  std::size_t attempts = 0;
  for (const duration pause : {100ms, 200ms}) {
    ++attempts;
    while (in.service.requests().size() < attempts || in.loop.timers().next() > in.time.now() + pause) in.loop.run_once();
    in.settle(asking);
    in.time.advance(pause - 1ms);
    in.settle(asking);
    CHECK_FALSE(asking.done());
    in.time.advance(1ms);
  }
  in.finish(asking);
  CHECK(asking.result()->access_key_id == "AKSERVICE");
  CHECK(in.service.count(metadata_service::token_line) == 3);
}

TEST_CASE("a stop ends what is asked", "[identity][imds]") {
  bench in(2);
  const bool paused = GENERATE(false, true);
  if (paused) in.service.next(metadata_service::token_line, {.status = 500});
  else in.service.open.reset();
  coro::stop_source stop;
  root<std::optional<aws::credentials>> asking(in.loop.ready(), in.from->fetch(in.loop), stop.token());
  while (in.service.requests().empty()) in.loop.run_once();
  in.settle(asking);
  CHECK_FALSE(asking.done());
  stop.request_stop();
  in.finish(asking);
  try {
    static_cast<void>(asking.result());
    FAIL("it has not failed");
  } catch (const error& why) {
    CHECK(why.code() == errc::cancelled);
  }
}

TEST_CASE("credentials that have expired are given all the same", "[identity][imds]") {
  bench in;
  in.service.keys = [&] {
    return aws::credentials{.access_key_id = "AKOLD", .secret_access_key = "x", .session_token = "y", .expiration = in.time.wall() - 1h};
  };
  const std::optional<aws::credentials> got = in.fetch();
  REQUIRE(got);
  CHECK(got->expired(in.time.wall()));
}

TEST_CASE("a fetch can be dropped after every resumption", "[identity][imds]") {
  const std::size_t frames = coro::frame_pool::local().live();
  const std::size_t descriptors = ring::descriptor::live();
  bool ended = false;
  std::uint64_t drops = 0;
  for (; !ended; ++drops) {
    CAPTURE(drops);
    {
      bench in(2);
      in.service.next(metadata_service::role_line, {.status = 401});
      {
        root<std::optional<aws::credentials>> asking(in.loop.ready(), in.from->fetch(in.loop));
        const std::uint64_t first = in.loop.ready().resumptions();
        while (in.loop.ready().resumptions() - first < drops && !asking.done()) in.loop.run_once(ring::reactor::wait::yes, 1);
        ended = asking.done();
        if (ended) CHECK(asking.result()->access_key_id == "AKSERVICE");
      }
      CHECK(in.fetched() == "AKSERVICE");
      in.from.reset();
      in.driver = {};
    }
    CHECK(coro::frame_pool::local().live() == frames);
    CHECK(ring::descriptor::live() == descriptors);
  }
  CHECK(drops > 10);
}

TEST_CASE("settings are Amazon's where nothing is set", "[identity][imds]") {
  const instance_metadata_settings made = settings({});
  CHECK_FALSE(made.disabled);
  CHECK(made.endpoint == "http://169.254.169.254");
  CHECK(made.timeout == 1s);
  CHECK(made.attempts == 1);
}

TEST_CASE("settings come from the environment, then from the profile", "[identity][imds]") {
  CHECK(settings({{"AWS_EC2_METADATA_DISABLED", "TRUE"}}).disabled);
  CHECK_FALSE(settings({{"AWS_EC2_METADATA_DISABLED", "false"}}).disabled);
  CHECK(settings({{"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "ipv6"}}).endpoint == "http://[fd00:ec2::254]");
  CHECK(settings({{"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv4"}}).endpoint == "http://169.254.169.254");
  CHECK(settings({{"AWS_EC2_METADATA_SERVICE_ENDPOINT", "https://imds:8443//"}}).endpoint == "https://imds:8443");
  CHECK(settings({{"AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://[::1]:1338/a"}, {"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "none"}})
            .endpoint == "http://[::1]:1338/a");
  CHECK(settings({{"AWS_METADATA_SERVICE_TIMEOUT", "3600"}}).timeout == 1h);
  CHECK(settings({{"AWS_METADATA_SERVICE_NUM_ATTEMPTS", "100"}}).attempts == 100);
  const instance_metadata_profile profile{.ec2_metadata_service_endpoint_mode = "IPv6",
                                          .metadata_service_timeout = "5",
                                          .metadata_service_num_attempts = "2"};
  CHECK(settings({}, profile).endpoint == "http://[fd00:ec2::254]");
  CHECK(settings({}, profile).timeout == 5s);
  CHECK(settings({}, profile).attempts == 2);
  CHECK(settings({{"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv4"}}, profile).endpoint == "http://169.254.169.254");
  CHECK(settings({{"AWS_METADATA_SERVICE_TIMEOUT", "6"}, {"AWS_METADATA_SERVICE_NUM_ATTEMPTS", "7"}}, profile).timeout == 6s);
  const instance_metadata_profile with_endpoint{.ec2_metadata_service_endpoint = "http://x"};
  CHECK(settings({{"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv4"}}, with_endpoint).endpoint == "http://x");
  CHECK(settings({{"AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://y"}}, with_endpoint).endpoint == "http://y");
}

TEST_CASE("a wrong setting is named", "[identity][imds]") {
  const std::string endpoint = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
  CHECK(wrong({{"AWS_EC2_METADATA_DISABLED", "1"}}) == "AWS_EC2_METADATA_DISABLED is neither true nor false");
  CHECK(wrong({{endpoint, "169.254.169.254"}}) == endpoint + " must begin with http:// or https://");
  CHECK(wrong({{endpoint, "ftp://x"}}) == endpoint + " must begin with http:// or https://");
  CHECK(wrong({{endpoint, "http://user:pass@x"}}) == endpoint + " must have no user name or password");
  CHECK(wrong({{endpoint, "http://x/?y"}}) == endpoint + " must have no query");
  CHECK(wrong({{endpoint, "http://x?y"}}) == endpoint + " must have no query");
  CHECK(wrong({{endpoint, "http://x#y"}}) == endpoint + " must have no fragment");
  CHECK(wrong({{endpoint, "http://"}}) == endpoint + " has no valid host name (an IPv6 address needs brackets)");
  CHECK(wrong({{endpoint, "http://x:0"}}) == endpoint + " has a port that is no number from 1 to 65535");
  CHECK(wrong({{endpoint, "http://x y"}}) == endpoint + " holds a space, a line break or another character that can't be in it");
  CHECK(wrong({}, {.ec2_metadata_service_endpoint = "x"}) == "ec2_metadata_service_endpoint must begin with http:// or https://");
  CHECK(wrong({{endpoint + "_MODE", "IPv5"}}) == endpoint + "_MODE is neither IPv4 nor IPv6");
  CHECK(wrong({}, {.ec2_metadata_service_endpoint_mode = "6"}) == "ec2_metadata_service_endpoint_mode is neither IPv4 nor IPv6");
  for (const char* const each : {"0", "3601", "1.5", "-1", "1 ", "x", "99999999999999999999"})
    CHECK(wrong({{"AWS_METADATA_SERVICE_TIMEOUT", each}}) == "AWS_METADATA_SERVICE_TIMEOUT is no whole number of seconds from 1 to 3600");
  for (const char* const each : {"0", "101", "many"})
    CHECK(wrong({{"AWS_METADATA_SERVICE_NUM_ATTEMPTS", each}}) == "AWS_METADATA_SERVICE_NUM_ATTEMPTS is no whole number from 1 to 100");
  CHECK(wrong({}, {.metadata_service_timeout = "0"}) == "metadata_service_timeout is no whole number of seconds from 1 to 3600");
  CHECK(wrong({}, {.metadata_service_num_attempts = "0"}) == "metadata_service_num_attempts is no whole number from 1 to 100");
}
