// Rare calls by libcurl on a reactor: what is sent and what comes back, limits by the reactor's clock, stops and drops.
#include <sys/resource.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "s3pager/base/error.hpp"
#include "s3pager/coro/frame_pool.hpp"
#include "s3pager/net/control_driver.hpp"
#include "s3pager/ring/descriptor.hpp"
#include "s3pager/ring/reactor.hpp"
#include "support/addresses.hpp"
#include "support/catch.hpp"
#include "support/drive.hpp"
#include "support/scripted_server.hpp"

namespace {

using namespace s3pager;
using namespace std::chrono_literals;
using test::afterwards;
using test::root;
using test::scripted_answer;
using test::scripted_server;

struct bench {
  explicit bench(std::vector<std::vector<scripted_answer>> answers) : server(loop, std::move(answers)) {
    driver = make_ref<net::control_driver>(loop, net::control_options{.no_proxy = true});
  }
  [[nodiscard]] net::control_request get(const char* path = "/latest?x=y") const {
    net::control_request made;
    made.url = server.endpoint() + path;
    return made;
  }
  [[nodiscard]] net::control_answer run(net::control_request what) {
    root<net::control_answer> calling(loop.ready(), driver->call(std::move(what)));
    while (!calling.done()) loop.run_once();
    return calling.result();
  }
  [[nodiscard]] error failure(net::control_request what) {
    try {
      static_cast<void>(run(std::move(what)));
    } catch (const error& why) {
      return why;
    }
    FAIL("it has not failed");
    throw std::logic_error("not reached");
  }

  manual_clock time;
  ring::reactor loop{{.clock = &time}};
  scripted_server server;
  ref<net::control_driver> driver;
};

scripted_answer answer(const std::string& body, const std::string& fields = {}) {
  return {{"HTTP/1.1 200 OK\r\n" + fields + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body}};
}

/// One connection, on which nothing is answered.
std::vector<std::vector<scripted_answer>> silence() { return {std::vector<scripted_answer>()}; }

}  // namespace

TEST_CASE("a call sends its method, headers and body, and gives status, headers and body", "[net][control]") {
  bench in({{answer("hello", "X-A: b\r\n"), {{"HTTP/1.1 404 No\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"}},
             answer("")}});
  net::control_request put = in.get();
  put.method = "PUT";
  put.headers.push_back({"X-Secret", "abc"});
  const net::control_answer first = in.run(std::move(put));
  CHECK(first.status == 200);
  CHECK(first.body.view() == "hello");
  CHECK(first.header("x-a") == "b");
  const net::control_answer second = in.run(in.get("/second"));
  CHECK(second.status == 404);
  CHECK(second.body.view() == "abcde");
  const net::control_answer third = in.run(in.get("/third"));
  CHECK(third.status == 200);
  CHECK(third.body.empty());
  REQUIRE(in.server.requests().size() == 3);
  CHECK(in.server.requests()[0] ==
        "PUT /latest?x=y HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(in.server.port()) + "\r\nX-Secret: abc\r\nContent-Length: 0\r\n\r\n");
  CHECK(in.server.requests()[1] == "GET /second HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(in.server.port()) + "\r\n\r\n");
  CHECK(in.server.connections() == 1);
}

TEST_CASE("a body that is too long is an error", "[net][control]") {
  bench in({{answer("hello")}});
  net::control_request what = in.get();
  what.most_bytes = 4;
  CHECK(in.failure(std::move(what)).code() == errc::protocol_violation);
}

TEST_CASE("an answer that is none is an error of its kind, without path or query", "[net][control]") {
  struct example {
    scripted_answer sent;
    errc code;
  };
  const std::vector<example> examples{
      {{{"garbage\r\n\r\n"}, afterwards::close}, errc::protocol_violation},
      {{{"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel"}, afterwards::close}, errc::connection_lost},
      {{{"HTTP/1.1 200 OK\r\n"}, afterwards::reset}, errc::connection_lost},
  };
  for (const example& each : examples) {
    bench in({{each.sent}});
    const error why = in.failure(in.get("/secret/path?token=1"));
    CHECK(why.code() == each.code);
    CHECK_THAT(why.what(), Catch::Contains("127.0.0.1") && !Catch::Contains("secret/path") && !Catch::Contains("token"));
  }
}

TEST_CASE("a server that is not there, and a request that can't be made, are errors", "[net][control]") {
  bench in({});
  net::control_request what;
  what.url = "http://127.0.0.1:1/";
  CHECK(in.failure(what).code() == errc::unavailable);
  what.url = "ftp://127.0.0.1/";
  CHECK(in.failure(what).code() == errc::invalid_argument);
  what.url = "http://127.0.0.1/";
  what.headers.push_back({"X-A", "a\r\nb: c"});
  CHECK(in.failure(what).code() == errc::invalid_argument);
}

namespace {

/// Whether it failed because there is no way to the host; `advance` is how far the clock goes meanwhile.
bool unreachable(bench& in, const std::string& url, duration advance = {}) {
  net::control_request what;
  what.url = url;
  what.connect_limit = 3s;
  root<net::control_answer> calling(in.loop.ready(), in.driver->call(std::move(what)));
  for (int turns = 0; turns < 20 && !calling.done(); ++turns) in.loop.run_once(ring::reactor::wait::no);
  in.time.advance(advance);
  while (!calling.done()) in.loop.run_once(advance == duration::zero() ? ring::reactor::wait::yes : ring::reactor::wait::no);
  try {
    static_cast<void>(calling.result());
  } catch (const net::unreachable_host& why) {
    CHECK(why.code() == (advance == duration::zero() ? errc::unavailable : errc::timed_out));
    return true;
  } catch (const error&) {
    return false;
  }
  FAIL("it has not failed");
  return false;
}

}  // namespace

TEST_CASE("a host to which there is no way is told from one that fails, and from a want of descriptors", "[net][control]") {
  bench in({{{{}, afterwards::reset}}});
  const auto url = [](std::uint16_t port) { return "http://127.0.0.1:" + std::to_string(port) + "/"; };
  const test::refusing_address refuses(ring::socket_address::loopback(0));
  CHECK(unreachable(in, url(refuses.address().port())));
  const test::hanging_listener hangs(ring::socket_address::loopback(0));
  CHECK(unreachable(in, url(hangs.address().port()), 3s));
  CHECK_FALSE(unreachable(in, in.server.endpoint()));
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  rlimit none = before;
  none.rlim_cur = 0;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  const bool without = unreachable(in, url(refuses.address().port()));
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK_FALSE(without);
}

TEST_CASE("a server that never answers is given up at the limit of the reactor's clock", "[net][control]") {
  bench in(silence());
  net::control_request what = in.get();
  what.limit = 3s;
  root<net::control_answer> calling(in.loop.ready(), in.driver->call(std::move(what)));
  while (in.server.requests().empty() && in.server.connections() == 0) in.loop.run_once();
  in.time.advance(2999ms);
  for (int turns = 0; turns < 20; ++turns) in.loop.run_once(ring::reactor::wait::no);
  CHECK_FALSE(calling.done());
  in.time.advance(1ms);
  while (!calling.done()) in.loop.run_once(ring::reactor::wait::no);
  try {
    static_cast<void>(calling.result());
    FAIL("it has not failed");
  } catch (const error& why) {
    CHECK(why.code() == errc::timed_out);
  }
}

TEST_CASE("a connection that is never made is given up at its limit, and the next call has a socket of its own", "[net][control]") {
  bench in({{answer("hello")}});
  const test::hanging_listener hangs(ring::socket_address::loopback(0));
  net::control_request what;
  what.url = "http://127.0.0.1:" + std::to_string(hangs.address().port()) + "/";
  what.connect_limit = 3s;
  root<net::control_answer> calling(in.loop.ready(), in.driver->call(std::move(what)));
  for (int turns = 0; turns < 20; ++turns) in.loop.run_once(ring::reactor::wait::no);
  CHECK_FALSE(calling.done());
  in.time.advance(3s);
  while (!calling.done()) in.loop.run_once(ring::reactor::wait::no);
  CHECK_THROWS_WITH(calling.result(), Catch::Contains("connecting took longer than the connect limit of 3 s"));
  CHECK(in.run(in.get()).body.view() == "hello");
}

TEST_CASE("a stop ends a call", "[net][control]") {
  bench in(silence());
  coro::stop_source stop;
  root<net::control_answer> calling(in.loop.ready(), in.driver->call(in.get()), stop.token());
  while (in.server.connections() == 0) in.loop.run_once();
  stop.request_stop();
  while (!calling.done()) in.loop.run_once(ring::reactor::wait::no);
  try {
    static_cast<void>(calling.result());
    FAIL("it has not failed");
  } catch (const error& why) {
    CHECK(why.code() == errc::cancelled);
  }
}

TEST_CASE("many calls go on side by side", "[net][control]") {
  bench in({{answer("a")}, {answer("b")}, {answer("c")}, {answer("d")}, {answer("e")}, {answer("f")}});
  std::vector<std::unique_ptr<root<net::control_answer>>> calls;
  for (int i = 0; i < 6; ++i) calls.push_back(std::make_unique<root<net::control_answer>>(in.loop.ready(), in.driver->call(in.get())));
  for (const auto& each : calls) {
    while (!each->done()) in.loop.run_once();
    CHECK(each->result().body.view().size() == 1);
  }
}

TEST_CASE("a call can be dropped after every resumption", "[net][control]") {
  const std::size_t frames = coro::frame_pool::local().live();
  const std::size_t descriptors = ring::descriptor::live();
  bool ended = false;
  for (std::uint64_t limit = 0; !ended; ++limit) {
    CAPTURE(limit);
    {
      const scripted_answer hello{{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", "lo"}};
      bench in(std::vector<std::vector<scripted_answer>>{{hello}});
      {
        root<net::control_answer> calling(in.loop.ready(), in.driver->call(in.get()));
        const std::uint64_t first = in.loop.ready().resumptions();
        while (in.loop.ready().resumptions() - first < limit && !calling.done()) in.loop.run_once(ring::reactor::wait::yes, 1);
        ended = calling.done();
        if (ended) CHECK(calling.result().body.view() == "hello");
      }
      in.driver = {};
    }
    CHECK(coro::frame_pool::local().live() == frames);
    CHECK(ring::descriptor::live() == descriptors);
  }
}
