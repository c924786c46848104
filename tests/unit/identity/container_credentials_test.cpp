// Credentials from a container's endpoint, as ECS and EKS have it: where it may be, what is sent to it, and all that it can answer.
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <fstream>
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
#include "s3pager/identity/container_credentials.hpp"
#include "s3pager/net/control_driver.hpp"
#include "s3pager/ring/descriptor.hpp"
#include "s3pager/ring/reactor.hpp"
#include "support/addresses.hpp"
#include "support/catch.hpp"
#include "support/drive.hpp"
#include "support/metadata_service.hpp"
#include "support/scratch_directory.hpp"

namespace {

using namespace s3pager;
using namespace std::chrono_literals;
using identity::container_credentials;
using identity::container_settings;
using test::metadata_service;
using test::root;

const std::string relative_name = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
const std::string full_name = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const std::string token_name = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
const std::string file_name = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
const std::string line = std::string("GET ") + metadata_service::container_path;

std::map<std::string, std::string> variables;
const char* lookup(const char* name) {
  const auto at = variables.find(name);
  return at == variables.end() ? nullptr : at->second.c_str();
}
container_settings settings(std::map<std::string, std::string> set) {
  variables = std::move(set);
  auto made = identity::container_settings_from(lookup);
  INFO(made.message());
  REQUIRE(made.ok());
  return std::move(made).value();
}
std::string wrong(std::map<std::string, std::string> set) {
  variables = std::move(set);
  return identity::container_settings_from(lookup).message();
}

struct bench {
  bench() { use({}); }
  /// With further variables.
  void use(std::map<std::string, std::string> more) {
    more.emplace(full_name, service.endpoint() + metadata_service::container_path);
    from = std::make_unique<container_credentials>(driver, settings(std::move(more)));
  }
  template <class T>
  void settle(const root<T>& asking) {
    for (int still = 0; still < 200 && !asking.done(); ++still) loop.run_once(ring::reactor::wait::no);
  }
  /// Time goes on from one attempt to the next, and where the service has come to a halt.
  void turn(std::size_t budget) {
    const time_point next = loop.timers().next();
    if (next > time.now() && next <= time.now() + 200ms) time.advance(next - time.now());
    if (service.stalled() != stalls) time.advance(2s);
    stalls = service.stalled();
    loop.run_once(loop.timers().next() <= time.now() ? ring::reactor::wait::no : ring::reactor::wait::yes, budget);
  }
  [[nodiscard]] std::optional<aws::credentials> fetch() {
    root<std::optional<aws::credentials>> asking(loop.ready(), from->fetch(loop));
    while (!asking.done()) turn(1000);
    return asking.result();
  }
  [[nodiscard]] std::string fetched() {
    const std::optional<aws::credentials> got = fetch();
    return got ? got->access_key_id : "none";
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
  std::unique_ptr<container_credentials> from;
  std::size_t stalls = 0;
};

}  // namespace

TEST_CASE("a container's endpoint is asked once, without a token where there is none", "[identity][container]") {
  bench in;
  const wall_time until = in.time.wall() + 6h;
  in.service.keys = [until] {
    return aws::credentials{.access_key_id = "AKTASK", .secret_access_key = "hidden", .session_token = "session", .expiration = until};
  };
  const std::optional<aws::credentials> got = in.fetch();
  REQUIRE(got);
  CHECK(got->access_key_id == "AKTASK");
  CHECK(got->secret_access_key.view() == "hidden");
  CHECK(got->session_token.view() == "session");
  CHECK(got->expiration == until);
  REQUIRE(in.service.requests().size() == 1);
  CHECK(in.service.requests()[0].line() == "GET /v2/credentials/ab12?x=y");
  CHECK(in.service.requests()[0].header("Authorization") == "none");
  CHECK(in.from->name() == "container endpoint");
}

TEST_CASE("without an endpoint there are no credentials", "[identity][container]") {
  bench in;
  in.from = std::make_unique<container_credentials>(in.driver, settings({{token_name, "token"}}));
  CHECK(in.fetched() == "none");
  CHECK(in.service.requests().empty());
}

TEST_CASE("a token is sent as it is", "[identity][container]") {
  bench in;
  in.service.authorization = "Basic abc def==";
  in.use({{token_name, in.service.authorization}});
  CHECK(in.fetched() == "AKSERVICE");
}

TEST_CASE("a token is read from its file each time, and comes before the other", "[identity][container]") {
  bench in;
  const test::scratch_directory files;
  in.service.authorization = "first.token";
  in.use({{file_name, files.file("token", "first.token\n")}, {token_name, "no line\nbreaks are looked for"}});
  CHECK(in.fetched() == "AKSERVICE");
  in.service.authorization = "second.token";
  CHECK(in.failure().code() == errc::access_denied);
  static_cast<void>(files.file("token", "second.token\r\n"));
  CHECK(in.fetched() == "AKSERVICE");
}

TEST_CASE("a token file that can't be used is an error that names it, and nothing is asked", "[identity][container]") {
  bench in;
  const test::scratch_directory files;
  const std::string path = files.path() + "/token";
  in.use({{file_name, path}});
  const std::string begin = "the token file of AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE, " + path + ',';
  const auto fails_with = [&in](const std::string& message) {
    const error why = in.failure();
    CHECK(why.code() == errc::invalid_argument);
    CHECK(why.details().message == message);
  };
  fails_with(begin + " is not there");
  for (const char* const empty : {"", "\n", "\r\n"}) {
    static_cast<void>(files.file("token", empty));
    fails_with(begin + " is empty");
  }
  for (const std::string& text : {std::string("hidden\nX-A: b"), std::string("hid\0en", 6), std::string("hidden\n\n"),
                                  std::string("hid\rden"), std::string("hid\xc3\xa9n")}) {
    static_cast<void>(files.file("token", text));
    fails_with(begin + " holds a line break or another character that can't be in a header");
  }
  static_cast<void>(files.file("token", std::string(16 * 1024 + 1, 't')));
  fails_with(begin + " is longer than 16384 bytes");
  CHECK(in.service.requests().empty());
}

TEST_CASE("wrong settings are an error of who asks, and not before", "[identity][container]") {
  bench in;
  variables = {{full_name, "http://example.com/credentials"}};
  in.from = std::make_unique<container_credentials>(in.driver, identity::container_settings_from(lookup));
  CHECK(in.failure().code() == errc::invalid_argument);
}

TEST_CASE("what fails for a moment is asked up to three times", "[identity][container]") {
  const test::metadata_answer how = GENERATE(test::metadata_answer{.status = 500}, test::metadata_answer{.status = 429},
                                             test::metadata_answer{.body = "12345678", .cut = true},
                                             test::metadata_answer{.body = "12345678", .stall = true});
  bench in;
  for (int i = 0; i < 2; ++i) in.service.next(line, how);
  CHECK(in.fetched() == "AKSERVICE");
  CHECK(in.service.requests().size() == 3);
  for (int i = 0; i < 3; ++i) in.service.next(line, how);
  const error why = in.failure();
  const bool kind = why.code() == errc::unavailable || why.code() == errc::throttled || why.code() == errc::connection_lost ||
                    why.code() == errc::timed_out;
  CHECK(kind);
  CHECK(in.service.requests().size() == 6);
}

TEST_CASE("an endpoint that can't be reached is an error, for it was named", "[identity][container]") {
  bench in;
  const test::refusing_address refuses(ring::socket_address::loopback(0));
  in.use({{full_name, "http://localhost:" + std::to_string(refuses.address().port()) + "/x"}});
  const error why = in.failure();
  CHECK(why.code() == errc::unavailable);
  CHECK_THAT(why.what(), Catch::StartsWith("the container credentials endpoint: calling localhost port "));
}

TEST_CASE("each attempt has two seconds", "[identity][container]") {
  bench in;
  in.service.open.reset();
  root<std::optional<aws::credentials>> asking(in.loop.ready(), in.from->fetch(in.loop));
  for (std::size_t attempt = 1; attempt <= 3; ++attempt) {
    while (in.service.requests().size() < attempt) in.loop.run_once(ring::reactor::wait::no);
    in.time.advance(1999ms);
    in.settle(asking);
    CHECK(in.service.requests().size() == attempt);
    in.time.advance(1ms);
    in.settle(asking);
    CHECK(asking.done() == (attempt == 3));
    in.time.advance(200ms);
  }
  try {
    static_cast<void>(asking.result());
    FAIL("it has not failed");
  } catch (const error& why) {
    CHECK(why.code() == errc::timed_out);
    CHECK_THAT(why.what(), Catch::Contains("the answer took longer than the limit of 2 s"));
  }
}

TEST_CASE("an endpoint's refusal and its garbage are errors in its words, without its path and what is secret", "[identity][container]") {
  struct example {
    test::metadata_answer answer;
    errc code;
    const char* says;
  };
  const std::string json = R"({"AccessKeyId": "AKX", "SecretAccessKey": "hidden", "Token": "hidden"})";
  const std::vector<example> examples{
      {{.status = 400, .body = R"({"code": "InvalidId", "message": "no such id"})"}, errc::access_denied,
       "the container credentials endpoint answered the request with status 400, where 200 was expected: InvalidId: no such id"},
      {{.status = 403}, errc::access_denied, "answered the request with status 403, where 200 was expected"},
      {{.status = 404, .body = "<html>"}, errc::access_denied, "answered the request with status 404, where 200 was expected"},
      {{.status = 302, .fields = "Location: http://127.0.0.1/hidden\r\n"}, errc::protocol_violation, "(redirections are not followed)"},
      {{.body = ""}, errc::protocol_violation, "no JSON object"},
      {{.body = "<html></html>"}, errc::protocol_violation, "no JSON object"},
      {{.body = json.substr(0, json.size() - 1)}, errc::protocol_violation, "no JSON object"},
      {{.body = R"({"SecretAccessKey": "hidden"})"}, errc::protocol_violation, "AccessKeyId is missing"},
      {{.body = R"({"code": "AccessDenied", "message": "no role"})"}, errc::access_denied, "has no credentials: AccessDenied: no role"},
      {{.body = std::string(70'000, ' ')}, errc::protocol_violation, "longer than 65536 bytes"},
      {{.raw = "garbage\r\n\r\n"}, errc::protocol_violation, "not HTTP/1"},
  };
  for (const example& each : examples) {
    CAPTURE(each.says, each.answer.body.substr(0, 40));
    bench in;
    in.service.authorization = "hidden";
    in.use({{token_name, "hidden"}});
    in.service.next(line, each.answer);
    const error why = in.failure();
    CHECK(why.code() == each.code);
    CHECK_THAT(why.what(), Catch::Contains("the container credentials endpoint") && Catch::Contains(each.says));
    CHECK_THAT(why.what(), !Catch::Contains("hidden") && !Catch::Contains("v2/credentials"));
    CHECK(in.service.requests().size() == 1);
    CHECK(in.fetched() == "AKSERVICE");
  }
}

TEST_CASE("a fetch with a token file can be dropped after every resumption", "[identity][container]") {
  const std::size_t frames = coro::frame_pool::local().live();
  const std::size_t descriptors = ring::descriptor::live();
  const test::scratch_directory files;
  const std::string path = files.file("token", "token");
  bool ended = false;
  std::uint64_t drops = 0;
  for (; !ended; ++drops) {
    CAPTURE(drops);
    {
      bench in;
      in.service.authorization = "token";
      in.use({{file_name, path}});
      in.service.next(line, {.status = 500});
      {
        root<std::optional<aws::credentials>> asking(in.loop.ready(), in.from->fetch(in.loop));
        const std::uint64_t first = in.loop.ready().resumptions();
        while (in.loop.ready().resumptions() - first < drops && !asking.done()) in.turn(1);
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
  CHECK(drops > 8);
}

TEST_CASE("a container's endpoint is found in the environment", "[identity][container]") {
  CHECK(settings({}).url.empty());
  CHECK(settings({{relative_name, "/v2/credentials/ab12"}}).url == "http://169.254.170.2/v2/credentials/ab12");
  CHECK(settings({{relative_name, "/a"}, {full_name, "ftp://not looked at"}}).url == "http://169.254.170.2/a");
  CHECK(settings({{relative_name, "/a"}, {token_name, "t"}}).authorization.view() == "t");
  CHECK(settings({{relative_name, "/a"}, {token_name, "t"}, {file_name, "/f"}}).authorization.empty());
  CHECK(settings({{relative_name, "/a"}, {token_name, "t"}, {file_name, "/f"}}).authorization_file == "/f");
}

TEST_CASE("credentials come in the clear only from where nobody else listens", "[identity][container]") {
  for (const char* const url :
       {"https://example.com/a?b=c", "HTTPS://10.0.0.1:8443", "http://localhost/a", "http://LocalHost:80/a", "http://127.0.0.1:1234",
        "http://127.255.0.9/", "http://[::1]:99/a", "http://[0:0:0:0:0:0:0:1]/", "http://169.254.170.2/x",
        "http://169.254.170.23/v1/credentials", "http://[fd00:ec2::23]/v1/credentials", "http://[FD00:0EC2:0:0:0:0:0:23]/"}) {
    CAPTURE(url);
    CHECK(settings({{full_name, url}}).url == url);
  }
  for (const char* const url :
       {"http://example.com/a", "http://169.254.169.254/", "http://169.254.170.3/", "http://128.0.0.1/", "http://10.0.0.1/",
        "http://localhost.example.com/", "http://127.0.0.1.example.com/", "http://0.0.0.0/", "http://[::]/", "http://[::ffff:127.0.0.1]/",
        "http://[fd00:ec2::24]/", "http://127.1/", "http://2130706433/"}) {
    CAPTURE(url);
    CHECK(wrong({{full_name, url}}) ==
          full_name + " must begin with https://, or be of localhost, a loopback address, 169.254.170.2, 169.254.170.23 or [fd00:ec2::23]");
  }
}

TEST_CASE("a wrong variable is named, and not shown", "[identity][container]") {
  CHECK(wrong({{relative_name, "v2"}}) == relative_name + " must begin with a slash");
  CHECK(wrong({{relative_name, "@example.com/"}}) == relative_name + " must begin with a slash");
  CHECK(wrong({{relative_name, "/a b"}}) == relative_name + " holds a space, a line break or another character that can't be in it");
  CHECK(wrong({{relative_name, "/a#b"}}) == relative_name + " must have no fragment");
  CHECK(wrong({{full_name, "/v2"}}) == full_name + " must begin with http:// or https://");
  CHECK(wrong({{full_name, "file:///etc/passwd"}}) == full_name + " must begin with http:// or https://");
  CHECK(wrong({{full_name, "http://localhost@example.com/"}}) == full_name + " must have no user name or password");
  CHECK(wrong({{full_name, "https:///x"}}) == full_name + " has no valid host name (an IPv6 address needs brackets)");
  CHECK(wrong({{full_name, "http://localhost\r\nX: y"}}) ==
        full_name + " holds a space, a line break or another character that can't be in it");
  CHECK(wrong({{relative_name, "/a"}, {token_name, "a\nb"}}) ==
        token_name + " holds a line break or another character that can't be in a header");
}
