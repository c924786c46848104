// A client that nobody has told its region: it asks, once, before the first request, and goes where the answer says.
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "s3pager/base/error.hpp"
#include "s3pager/coro/frame_pool.hpp"
#include "s3pager/identity/provider.hpp"
#include "s3pager/ring/descriptor.hpp"
#include "s3pager/s3/get_object.hpp"
#include "s3pager/s3/list_objects.hpp"
#include "s3pager/s3/service.hpp"
#include "support/catch.hpp"
#include "support/drive.hpp"
#include "support/scripted_server.hpp"
#include "support/tls_front.hpp"
#include "support/world.hpp"

namespace {

using namespace s3pager;
using namespace s3pager::s3;
using s3pager::test::root;
using s3pager::test::scripted_server;

class scripted_region final : public region_provider {
 public:
  explicit scripted_region(std::optional<std::string> says, bool fails = false) : says_(std::move(says)), fails_(fails) {}
  [[nodiscard]] task<std::optional<std::string>> fetch_region(ring::reactor&) override {
    ++asked;
    for (int turns = 0; turns < 3; ++turns) co_await s3pager::test::turn();
    if (fails_) throw error(errc::unavailable, "nobody is there");
    co_return says_;
  }
  int asked = 0;

 private:
  std::optional<std::string> says_;
  bool fails_;
};

struct bench {
  explicit bench(std::shared_ptr<scripted_region> from) {
    service_settings how;
    how.region.clear();
    how.region_from = std::move(from);
    how.connect_host = "127.0.0.1";
    how.connect_port = front.port();
    how.tls.insecure_skip_verification = true;
    how.retry = {.max_attempts = 1};
    with = make_ref<service>(loop, std::move(how));
    pool = loop.make_buffer_pool({.window_bytes = 1 << 20, .slot_bytes = 32768, .lead_bytes = with->lead_bytes()});
  }
  /// The object's bytes, by a lane's way: a place is taken before the request.
  [[nodiscard]] task<> get(std::string& into) {
    const get_object_request what{.key = "k"};
    get_object one(with, with->bucket("bucket"), what, make_ref<request_tally>());
    if (!one.try_place(false)) {
      task<> waiting = one.wait_for_place(false);
      co_await std::move(waiting);
    }
    ring::grant slots = pool->try_grant(1);
    task<get_object::progress> beginning = one.begin(std::move(slots), false);
    const get_object::progress came = co_await std::move(beginning);
    if (came != get_object::progress::opened) throw error(errc::unavailable, "it was not opened");
    for (ring::slot_span piece = one.take(); piece.size() > 0; piece = one.take()) into += as_chars(piece.bytes());
  }
  [[nodiscard]] std::string run() {
    std::string got;
    root<> started(loop.ready(), get(got));
    while (!started.done()) loop.run_once();
    started.result();
    return got;
  }

  manual_clock time;
  ring::reactor loop{{.clock = &time}};
  // Two answers on each of two connections.
  const s3pager::test::scripted_answer hello{{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"}};
  scripted_server server{loop, {{hello, hello}, {hello, hello}}};
  s3pager::test::tls_front front{loop, s3pager::test::local_tls().server_context, server.port()};
  root<> standing{loop.ready(), front.serve()};
  ref<service> with;
  ref<ring::buffer_pool> pool;
};

}  // namespace

TEST_CASE("the region is asked for once, and says where a bucket is", "[s3][region]") {
  const auto from = std::make_shared<scripted_region>("eu-central-1");
  bench in(from);
  CHECK(in.run() == "hello");
  CHECK(in.run() == "hello");
  CHECK(from->asked == 1);
  REQUIRE(in.server.requests().size() == 2);
  CHECK_THAT(in.server.requests()[0], Catch::Contains("\r\nhost: bucket.s3.eu-central-1.amazonaws.com\r\n"));
  CHECK(in.with->bucket("bucket")->where().signing_region == "eu-central-1");
}

TEST_CASE("without an answer the region is us-east-1", "[s3][region]") {
  const bool fails = GENERATE(false, true);
  const auto from = std::make_shared<scripted_region>(std::nullopt, fails);
  bench in(from);
  CHECK(in.run() == "hello");
  CHECK_THAT(in.server.requests()[0], Catch::Contains("\r\nhost: bucket.s3.us-east-1.amazonaws.com\r\n"));
}

TEST_CASE("a region that is no name is an error before anything is sent", "[s3][region]") {
  bench in(std::make_shared<scripted_region>("eu central"));
  CHECK_THROWS_AS(in.run(), error);
  CHECK(in.server.requests().empty());
}

TEST_CASE("a request that is connecting as its bucket turns out to be elsewhere goes there", "[s3][region]") {
  bench in(std::make_shared<scripted_region>("us-east-1"));
  std::string got;
  root<> started(in.loop.ready(), in.get(got));
  while (in.front.accepted == 0) in.loop.run_once();
  CHECK(in.with->moved(*in.with->bucket("bucket"), "eu-central-1", "us-east-1"));
  while (!started.done()) in.loop.run_once();
  started.result();
  CHECK(got == "hello");
  CHECK(in.front.accepted == 2);
  REQUIRE(in.server.requests().size() == 1);
  CHECK_THAT(in.server.requests()[0], Catch::Contains("\r\nhost: bucket.s3.eu-central-1.amazonaws.com\r\n"));
}

TEST_CASE("a wait for the region can be dropped after every resumption", "[s3][region]") {
  bool ended = false;
  for (std::uint64_t limit = 0; !ended; ++limit) {
    CAPTURE(limit);
    const std::size_t frames = coro::frame_pool::local().live();
    const std::size_t descriptors = ring::descriptor::live();
    {
      bench in(std::make_shared<scripted_region>("eu-central-1"));
      std::string got;
      {
        root<> started(in.loop.ready(), in.get(got));
        const std::uint64_t first = in.loop.ready().resumptions();
        while (in.loop.ready().resumptions() - first < limit && !started.done()) in.loop.run_once(ring::reactor::wait::yes, 1);
        ended = started.done();
        if (ended) started.result();
      }
      in.with = {};
      // What was being received is the kernel's until it has let go of it.
      while (in.pool->granted() > 0) in.loop.run_once(ring::reactor::wait::no);
    }
    CHECK(coro::frame_pool::local().live() == frames);
    CHECK(ring::descriptor::live() == descriptors);
  }
}
