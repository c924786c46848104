// Credentials are fetched once for all, renewed before they run out, and given up where they are refused.
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3pager/base/clock.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/coro/event.hpp"
#include "s3pager/coro/frame_pool.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/identity/credentials_cache.hpp"
#include "s3pager/ring/reactor.hpp"
#include "support/catch.hpp"
#include "support/drive.hpp"
#include "support/scripted_credentials.hpp"

namespace {

using namespace s3pager;
using namespace std::chrono_literals;
using identity::credentials_cache;
using test::root;
using test::scripted_credentials;

struct bench {
  bench() { cache = make_ref<credentials_cache>(loop, from, 60s); }

  [[nodiscard]] aws::credentials keys(const char* id, std::optional<duration> lifetime = {}) const {
    aws::credentials made{.access_key_id = id, .secret_access_key = "hidden"};
    if (lifetime) made.expiration = time.wall() + *lifetime;
    return made;
  }
  /// Empty: none now.
  [[nodiscard]] std::string current() {
    const identity::held_credentials* held = cache->current(time.wall());
    return held != nullptr ? held->value.access_key_id : std::string();
  }
  void turn() {
    while (loop.run_once(ring::reactor::wait::no)) {
    }
  }
  void advance(duration by) {
    time.advance(by);
    turn();
  }
  [[nodiscard]] task<> wait() {
    return cache->wait([this] { return time.wall(); });
  }
  /// What waiting for them fails of; empty: it does not.
  [[nodiscard]] std::string failure() {
    root<> waiting(loop.ready(), wait());
    turn();
    REQUIRE(waiting.done());
    try {
      waiting.result();
    } catch (const error& why) {
      return why.details().message;
    }
    return {};
  }

  manual_clock time;
  ring::reactor loop{{.clock = &time}};
  std::shared_ptr<scripted_credentials> from = std::make_shared<scripted_credentials>();
  ref<credentials_cache> cache;
};

}  // namespace

TEST_CASE("nothing is fetched before somebody waits, and then once for all who do") {
  bench in;
  in.from->will_give(in.keys("FIRST"));
  CHECK(in.current().empty());
  in.turn();
  CHECK(in.from->fetches == 0);
  in.from->open.reset();
  std::vector<std::unique_ptr<root<>>> waiting;
  for (int i = 0; i < 64; ++i) waiting.push_back(std::make_unique<root<>>(in.loop.ready(), in.wait()));
  in.turn();
  CHECK(in.from->fetches == 1);
  in.from->open.set();
  in.turn();
  for (const auto& each : waiting) {
    REQUIRE(each->done());
    each->result();
  }
  CHECK(in.current() == "FIRST");
  CHECK(in.from->fetches == 1);
}

TEST_CASE("credentials that don't expire are kept") {
  bench in;
  in.from->will_give(in.keys("FIRST"));
  CHECK(in.failure().empty());
  in.advance(1000h);
  CHECK(in.current() == "FIRST");
  CHECK(in.from->fetches == 1);
}

TEST_CASE("fixed credentials need no provider, and none replaces them") {
  bench in;
  in.cache = make_ref<credentials_cache>(in.loop, in.keys("FIXED"));
  CHECK(in.current() == "FIXED");
  CHECK_FALSE(in.cache->renounce(1));
  CHECK(in.current() == "FIXED");
}

TEST_CASE("credentials are renewed beside the requests five minutes before they run out") {
  bench in;
  in.from->will_give(in.keys("FIRST", 1h));
  CHECK(in.failure().empty());
  in.from->answers.clear();
  in.from->will_give(in.keys("SECOND", 2h));
  in.from->open.reset();
  in.advance(54min + 59s);
  CHECK(in.current() == "FIRST");
  CHECK(in.from->fetches == 1);
  in.advance(1s);
  CHECK(in.current() == "FIRST");
  in.turn();
  CHECK(in.from->fetches == 2);
  CHECK(in.current() == "FIRST");  // nobody waits
  in.from->open.set();
  in.turn();
  CHECK(in.current() == "SECOND");
  CHECK(in.cache->latest()->generation == 2);
  CHECK(in.from->fetches == 2);
}

TEST_CASE("credentials of a short life are renewed when a fifth of it is left, and waited for at a twentieth") {
  bench in;
  in.from->will_give(in.keys("FIRST", 100s));
  CHECK(in.failure().empty());
  in.from->answers.clear();
  in.from->will_give(in.keys("SECOND", 200s));
  in.from->open.reset();
  in.advance(79s);
  CHECK(in.current() == "FIRST");
  in.turn();
  CHECK(in.from->fetches == 1);
  in.advance(15s);
  CHECK(in.current() == "FIRST");
  in.turn();
  CHECK(in.from->fetches == 2);
  in.advance(1s);
  CHECK(in.current().empty());
  in.from->open.set();
  in.turn();
  CHECK(in.current() == "SECOND");
}

TEST_CASE("while the provider fails, what it gave is used until it expires") {
  bench in;
  in.from->will_give(in.keys("FIRST", 1h));
  CHECK(in.failure().empty());
  in.from->answers.clear();
  in.from->will_fail(error(errc::unavailable, "the metadata service is down"));
  in.advance(59min + 30s);
  CHECK(in.current().empty());  // it is being asked
  in.turn();
  CHECK(in.from->fetches == 2);
  CHECK(in.current() == "FIRST");
  in.turn();
  CHECK(in.from->fetches == 2);  // not again at once
  in.advance(1s);
  CHECK(in.current().empty());
  in.turn();
  CHECK(in.from->fetches == 3);
  CHECK(in.current() == "FIRST");
  in.advance(29s);
  CHECK(in.failure() == "the metadata service is down");
}

TEST_CASE("a failure is told to all who wait, and for a while to all who come") {
  bench in;
  in.from->will_fail(error(errc::access_denied, "no role"));
  in.from->open.reset();
  root<> first(in.loop.ready(), in.wait());
  root<> second(in.loop.ready(), in.wait());
  in.turn();
  in.from->open.set();
  in.turn();
  CHECK_THROWS_WITH(first.result(), Catch::Contains("no role"));
  CHECK_THROWS_WITH(second.result(), Catch::Contains("no role"));
  CHECK(in.failure() == "no role");
  CHECK(in.from->fetches == 1);
  in.advance(1s);
  CHECK(in.failure() == "no role");
  CHECK(in.from->fetches == 2);
  in.advance(1s);
  CHECK(in.failure() == "no role");
  CHECK(in.from->fetches == 2);  // twice as long
  in.advance(1s);
  in.from->answers.clear();
  in.from->will_give(in.keys("FIRST"));
  CHECK(in.failure().empty());
}

TEST_CASE("a provider that has none is an error that names it") {
  bench in;
  in.from->will_have_none();
  CHECK(in.failure() == "no credentials were found in: the script");
}

TEST_CASE("a provider that does not answer is given up at its deadline, and asked anew") {
  bench in;
  in.from->open.reset();
  in.from->will_give(in.keys("FIRST"));
  root<> waiting(in.loop.ready(), in.wait());
  in.turn();
  in.advance(60s);
  REQUIRE(waiting.done());
  try {
    waiting.result();
    FAIL("it was not given up");
  } catch (const error& why) {
    CHECK(why.code() == errc::timed_out);
    CHECK(why.details().message == "deadlines.credentials of 1 min passed: waiting for credentials from the script");
  }
  in.from->open.set();
  in.advance(1s);
  CHECK(in.failure().empty());
  CHECK(in.current() == "FIRST");
  CHECK(in.from->fetches == 2);
}

TEST_CASE("credentials that have expired when they come are used, and renewed five minutes later") {
  bench in;
  in.from->will_give(in.keys("OLD", -1h));
  CHECK(in.failure().empty());
  CHECK(in.current() == "OLD");
  in.advance(5min);
  CHECK(in.current() == "OLD");
  in.turn();
  CHECK(in.from->fetches == 2);
}

TEST_CASE("credentials that expired centuries ago are used as those of a moment ago are") {
  bench in;
  aws::credentials old = in.keys("OLD");
  old.expiration = wall_time{std::chrono::sys_days(std::chrono::year(1700) / 1 / 1)};
  in.from->will_give(old);
  CHECK(in.failure().empty());
  CHECK(in.current() == "OLD");
  CHECK(in.from->fetches == 1);
}

TEST_CASE("what the service refuses is not used any more, and fetched anew once") {
  bench in;
  in.from->will_give(in.keys("FIRST"));
  in.from->will_give(in.keys("SECOND"));
  CHECK(in.failure().empty());
  CHECK(in.cache->renounce(1));
  CHECK(in.current().empty());
  CHECK(in.cache->renounce(1));  // another request was signed with them
  CHECK(in.failure().empty());
  CHECK(in.current() == "SECOND");
  CHECK(in.cache->renounce(1));
  CHECK(in.current() == "SECOND");
  CHECK_FALSE(in.cache->renounce(2));  // others would be refused as well
  CHECK(in.current() == "SECOND");
  in.advance(5s);
  CHECK(in.cache->renounce(2));
  CHECK(in.from->fetches == 2);
}

TEST_CASE("whoever waits may go, and the cache while it is asking") {
  bench in;
  const std::size_t frames = coro::frame_pool::local().live();
  in.from->open.reset();
  in.from->will_give(in.keys("FIRST"));
  {
    root<> waiting(in.loop.ready(), in.wait());
    in.turn();
  }
  CHECK(in.from->fetches == 1);
  SECTION("the cache goes") { in.cache = {}; }
  SECTION("it gets its answer") {
    in.from->open.set();
    in.turn();
    CHECK(in.current() == "FIRST");
    in.cache = {};
  }
  in.turn();
  CHECK(coro::frame_pool::local().live() == frames);
}

namespace {

/// What it waits for refers to itself.
class self_referring final : public credentials_provider {
 public:
  explicit self_referring(int& dropped) noexcept : dropped_(&dropped) {}
  [[nodiscard]] std::string_view name() const noexcept override { return "itself"; }
  [[nodiscard]] task<std::optional<aws::credentials>> fetch(ring::reactor&) override {
    struct guard {
      explicit guard(self_referring& what) noexcept : of(what) {}
      ~guard() { ++*of.dropped_; }
      self_referring& of;
    };
    const guard here(*this);
    co_await never_.wait();
    co_return std::nullopt;
  }

 private:
  int* dropped_;
  coro::event never_;
};

}  // namespace

TEST_CASE("what a provider is doing is dropped before the provider") {
  bench in;
  int dropped = 0;
  in.cache = make_ref<credentials_cache>(in.loop, std::make_shared<self_referring>(dropped), 60s);
  {
    root<> waiting(in.loop.ready(), in.wait());
    in.turn();
  }
  in.cache = {};
  CHECK(dropped == 1);
}

TEST_CASE("a stop ends a wait, and not the asking") {
  bench in;
  in.from->open.reset();
  in.from->will_give(in.keys("FIRST"));
  root<> other(in.loop.ready(), in.wait());
  coro::stop_source stop;
  root<> waiting(in.loop.ready(), in.wait(), stop.token());
  in.turn();
  stop.request_stop();
  in.turn();
  REQUIRE(waiting.done());
  CHECK_THROWS_AS(waiting.result(), error);
  in.from->open.set();
  in.turn();
  REQUIRE(other.done());
  other.result();
  CHECK(in.current() == "FIRST");
}
