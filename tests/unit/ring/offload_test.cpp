#include "s3pager/ring/offload.hpp"

#include <signal.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>

#include "fixture.hpp"
#include "s3pager/coro/scope.hpp"
#include "support/catch.hpp"
#include "support/drive.hpp"

namespace s3pager::ring {
namespace {

using namespace test;
using namespace std::chrono_literals;

int forty_two() { return 42; }

task<int> plain(reactor& loop) { co_return *(co_await offload(loop, no_deadline, forty_two)).value; }

task<std::string> with_data(reactor& loop) {
  const std::string owned = "a string that is too long to be kept in place";
  const auto call = [owned] { return owned + "!"; };
  offload_result<std::string> got = co_await offload(loop, no_deadline, call);
  co_return std::move(*got.value);
}

task<> throwing(reactor& loop) {
  const auto call = []() -> int { throw std::runtime_error("on the other thread"); };
  static_cast<void>(co_await offload(loop, no_deadline, call));
}

TEST_CASE("a blocking call gives its result to who awaits it, or throws there") {
  reactor loop;
  CHECK_FALSE(loop.threads());
  CHECK(loop.run(plain(loop)) == 42);
  CHECK(loop.run(with_data(loop)) == "a string that is too long to be kept in place!");
  CHECK_THROWS_WITH(loop.run(throwing(loop)), "on the other thread");
}

/// A gate that calls wait at, and what is to be seen of them.
struct gate {
  void pass() {
    begun.fetch_add(1);
    const std::lock_guard lock(closed);
    passed.fetch_add(1);
  }
  void wait_for_begun(int count) const {
    while (begun.load() < count) std::this_thread::yield();
  }
  std::mutex closed;
  std::atomic<int> begun{0};
  std::atomic<int> passed{0};
};

task<std::error_code> through(reactor& loop, std::shared_ptr<gate> by, time_point deadline) {
  const auto call = [by] { by->pass(); };
  co_return (co_await offload(loop, deadline, call)).error;
}

TEST_CASE("at most two calls are made at once, and all in the end") {
  reactor loop;
  const auto by = std::make_shared<gate>();
  struct tree {
    static task<> one(reactor& loop, std::shared_ptr<gate> by) {
      if (const auto failed = co_await through(loop, by, no_deadline)) throw error(failed, "offload");
    }
    static task<> grow(reactor& loop, std::shared_ptr<gate> by) {
      coro::scope many(co_await coro::this_context());
      for (int i = 0; i < 50; ++i) many.spawn(one(loop, by));
      co_await many.join();
    }
  };
  std::unique_lock lock(by->closed);
  s3pager::test::root<> run(loop.ready(), tree::grow(loop, by));
  loop.run_once(reactor::wait::no);
  by->wait_for_begun(2);
  CHECK(by->begun.load() == 2);
  lock.unlock();
  while (!run.done()) loop.run_once(reactor::wait::yes);
  run.result();
  CHECK(by->passed.load() == 50);
}

TEST_CASE("a deadline and a stop end the wait, not the call") {
  manual_clock clock;
  reactor loop({.clock = &clock});
  const auto by = std::make_shared<gate>();
  std::unique_lock lock(by->closed);
  const coro::stop_source stop;
  s3pager::test::root<std::error_code> late(loop.ready(), through(loop, by, after(clock.now(), 1s)));
  s3pager::test::root<std::error_code> stopped(loop.ready(), through(loop, by, no_deadline), stop.token());
  s3pager::test::root<std::error_code> queued(loop.ready(), through(loop, by, no_deadline), stop.token());
  loop.run_once(reactor::wait::no);
  by->wait_for_begun(2);
  clock.advance(1s);
  stop.request_stop();
  while (!late.done() || !stopped.done() || !queued.done()) loop.run_once(reactor::wait::no);
  CHECK(late.result() == errc::timed_out);
  CHECK(stopped.result() == errc::cancelled);
  CHECK(queued.result() == errc::cancelled);
  CHECK(by->passed.load() == 0);
  lock.unlock();
  CHECK(loop.run(plain(loop)) == 42);
}

TEST_CASE("calls that nobody waits for are not begun, and those that are under way are waited for at the reactor's end") {
  const auto by = std::make_shared<gate>();
  std::unique_lock lock(by->closed);
  std::thread opener;
  {
    reactor loop;
    {
      s3pager::test::root<std::error_code> one(loop.ready(), through(loop, by, no_deadline));
      s3pager::test::root<std::error_code> two(loop.ready(), through(loop, by, no_deadline));
      s3pager::test::root<std::error_code> three(loop.ready(), through(loop, by, no_deadline));
      loop.run_once(reactor::wait::no);
      by->wait_for_begun(2);
    }
    CHECK(by->passed.load() == 0);
    lock.unlock();
  }
  CHECK(by->passed.load() == 2);
  CHECK(by->begun.load() == 2);
  CHECK(by.use_count() == 1);
}

TEST_CASE("the drop of a call at any moment leaves nothing behind") {
  for (int turns = 0; turns < 6; ++turns) {
    reactor loop;
    const auto data = std::make_shared<int>(1);
    struct work {
      static task<> go(reactor& loop, std::shared_ptr<int> data) {
        const auto call = [data] { return *data; };
        static_cast<void>(co_await offload(loop, no_deadline, call));
        static_cast<void>(co_await offload(loop, no_deadline, call));
      }
    };
    {
      s3pager::test::root<> run(loop.ready(), work::go(loop, data));
      for (int i = 0; i < turns; ++i) loop.run_once(reactor::wait::no);
    }
    loop.threads().reset();
    loop.run_once(reactor::wait::no);
    CHECK(data.use_count() == 1);
  }
}

bool usr1_blocked() {
  sigset_t mask;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  return ::sigismember(&mask, SIGUSR1) == 1;
}

task<bool> blocked_there(reactor& loop) { co_return *(co_await offload(loop, no_deadline, usr1_blocked)).value; }

TEST_CASE("signals are blocked on the threads, and only there") {
  reactor loop;
  CHECK(loop.run(blocked_there(loop)));
  CHECK_FALSE(usr1_blocked());
}

}  // namespace
}  // namespace s3pager::ring
