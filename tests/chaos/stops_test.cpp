// A server that is stopped or killed in the middle of a run, and comes back or does not. Everything happens after a number of
// pages or of retries; the deadlines are the client's own, of the real clock.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "chaos/separate_objects.hpp"
#include "chaos/server_process.hpp"
#include "s3pager/pager/client.hpp"
#include "s3pager/ring/reactor.hpp"
#include "support/catch.hpp"
#include "support/world.hpp"

namespace s3pager::test {
namespace {

using namespace std::chrono_literals;

/// Calls `then` at the first retry after it was armed.
class at_retry final : public observer {
 public:
  void request_retried(const request_event&, std::error_code why) noexcept override {
    ++retried;
    last = why;
    if (armed > 0 && --armed == 0) then();
  }
  std::function<void()> then = [] {};
  std::uint64_t armed = 0;  ///< retries until then; 0: it is not
  std::uint64_t retried = 0;
  std::error_code last = {};
};

/// An origin in a process of its own, and a client here that pages all it has.
struct fixture {
  explicit fixture(page_order with) : order(with) {
    start("0");
    options.anonymous = true;
    options.endpoint_url = endpoint;
    options.window_bytes = 4 << 20;
    options.concurrency = 8;
    options.observer = &watcher;
    options.jitter_seed = 1;
    options.deadlines.first_byte = options.deadlines.idle = 300ms;
  }
  /// For as long as a server may take to come back on a busy machine.
  void be_patient() { options.retry = {.max_attempts = 1000, .max_delay = 200ms, .tokens = 1'000'000}; }

  void start(const std::string& on_port) {
    server = child_process(S3PAGER_TEST_SEPARATE_ORIGIN, on_port);
    port = server.line();
    endpoint = "http://127.0.0.1:" + port;
  }
  void start_again() { start(std::string(port)); }

  task<> page_all(page_checker& into, client& s3) {
    auto pages = order == page_order::by_key ? s3.page_ordered({.bucket = "b", .max_keys = 50})
                                             : s3.page_unordered({.bucket = "b", .max_keys = 50});
    for (std::size_t count = 0;; ++count) {
      const std::optional<page> got = co_await pages.next();
      if (!got) break;
      into.take(*got);
      if (count == 100) in_the_middle();
    }
    came_to_its_end = true;
  }
  /// The failure that ended the run, if one did; what came is right in any case.
  std::optional<error> run() {
    const leftovers before;
    std::optional<error> failure;
    {
      ring::reactor loop;
      const auto objects = separate_objects();
      reader got(*objects, order);
      {
        client s3(loop, options);
        try {
          loop.run(page_all(got, s3));
        } catch (const error& failed) {
          failure.emplace(failed);
        }
        connections = s3.connections();
      }
      CHECK(got.complaint().empty());
      if (!failure) CHECK(got.all());
      CHECK(came_to_its_end != failure.has_value());
    }
    CHECK(leftovers() == before);
    return failure;
  }

  page_order order;
  child_process server;
  std::string port;
  std::string endpoint;
  client_options options;
  at_retry watcher;
  std::function<void()> in_the_middle = [] {};
  bool came_to_its_end = false;
  connection_statistics connections = {};  ///< at the end
};

}  // namespace

TEST_CASE("a server that is stopped, and goes on when requests have timed out, is paged to the end", "[.stops]") {
  fixture in(GENERATE(page_order::by_key, page_order::by_arrival));
  in.be_patient();
  bool on_timeout = false;
  in.in_the_middle = [&in] {
    in.server.stop();
    in.watcher.armed = 1;
  };
  in.watcher.then = [&] {
    on_timeout = in.watcher.last == errc::timed_out;
    in.server.go_on();
  };
  CHECK_FALSE(in.run().has_value());
  CHECK(on_timeout);
}

TEST_CASE("a server that is stopped for good ends a run with timed_out, after the attempts of the policy", "[.stops]") {
  fixture in(GENERATE(page_order::by_key, page_order::by_arrival));
  in.in_the_middle = [&in] { in.server.stop(); };
  const auto failure = in.run();
  REQUIRE(failure);
  CHECK(failure->code() == errc::timed_out);
  CHECK(failure->attempts() >= 3);
  CHECK(failure->details().elapsed >= 900ms);
  CHECK_FALSE(failure->details().tried.empty());
}

TEST_CASE("a server that is killed and is there again at once is paged to the end", "[.stops]") {
  fixture in(GENERATE(page_order::by_key, page_order::by_arrival));
  in.be_patient();
  in.in_the_middle = [&in] {
    in.server.kill();
    in.start_again();
  };
  CHECK_FALSE(in.run().has_value());
  // What had come whole before is no loss, and an idle connection that was lost is not used.
  CHECK(in.watcher.retried + in.connections.expired > 0);
}

TEST_CASE("a server that is killed and comes back after many retries is paged to the end", "[.stops]") {
  fixture in(GENERATE(page_order::by_key, page_order::by_arrival));
  in.be_patient();
  in.in_the_middle = [&in] {
    in.server.kill();
    in.watcher.armed = 50;
  };
  in.watcher.then = [&in] { in.start_again(); };
  CHECK_FALSE(in.run().has_value());
  CHECK(in.watcher.retried >= 50);
}

TEST_CASE("a server that is killed for good ends a run with the connection's error, after the attempts of the policy",
          "[.stops]") {
  fixture in(GENERATE(page_order::by_key, page_order::by_arrival));
  in.in_the_middle = [&in] { in.server.kill(); };
  const auto failure = in.run();
  REQUIRE(failure);
  CAPTURE(failure->what());
  CHECK((failure->code() == errc::unavailable || failure->code() == errc::connection_lost));
  CHECK(failure->attempts() >= 3);
}

}  // namespace s3pager::test
