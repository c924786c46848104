#include "s3pager/runtime/signals.hpp"

#include <signal.h>
#include <unistd.h>

#include <atomic>

#include "s3pager/ring/await.hpp"
#include "s3pager/runtime/run.hpp"
#include "s3pager/runtime/run_per_core.hpp"
#include "support/catch.hpp"
#include "unit/runtime/service.hpp"

using namespace s3pager;
using test::service;

namespace {

volatile sig_atomic_t handled = 0;
void count_it(int) { handled = handled + 1; }

/// What SIGINT or SIGTERM does while this lives.
class disposition {
 public:
  disposition(int number, void (*handler)(int)) noexcept : number_(number) {
    struct sigaction action = {};
    action.sa_handler = handler;
    sigemptyset(&action.sa_mask);
    ::sigaction(number, &action, &before_);
    handled = 0;
  }
  disposition(const disposition&) = delete;
  disposition& operator=(const disposition&) = delete;
  ~disposition() { ::sigaction(number_, &before_, nullptr); }

  static void (*of(int number))(int) {
    struct sigaction now = {};
    ::sigaction(number, nullptr, &now);
    return now.sa_handler;
  }

 private:
  int number_;
  struct sigaction before_ = {};
};

}  // namespace

TEST_CASE("a signal is an interruption, a second one does what it did before", "[runtime][signals]") {
  const int number = GENERATE(SIGINT, SIGTERM);
  const disposition before(number, count_it);
  {
    signal_interruption signals;
    CHECK(signals.signal_number() == 0);
    CHECK(signals.exit_status(7) == 7);
    ::raise(number);
    CHECK(signals.requested());
    CHECK(signals.signal_number() == number);
    CHECK(signals.exit_status(7) == 128 + number);
    CHECK(handled == 0);
    ::raise(number);
    CHECK(handled == 1);
  }
  CHECK(disposition::of(number) == &count_it);
  ::raise(number);
  CHECK(handled == 2);
}

TEST_CASE("signals do what they did when nobody waits for them any more", "[runtime][signals]") {
  const disposition interrupt(SIGINT, count_it);
  const disposition terminate(SIGTERM, SIG_IGN);
  for (int i = 0; i < 2; ++i) {
    const signal_interruption signals;
    CHECK(disposition::of(SIGINT) != &count_it);
    CHECK(disposition::of(SIGTERM) == SIG_IGN);
    CHECK_THROWS_AS(signal_interruption(), error);
    CHECK(disposition::of(SIGINT) != &count_it);
  }
  CHECK(disposition::of(SIGINT) == &count_it);
  CHECK(disposition::of(SIGTERM) == SIG_IGN);
}

TEST_CASE("a signal ends run() and every shard", "[runtime][signals]") {
  const service on({.count = 1, .size = 10});
  const disposition before(SIGINT, count_it);
  {
    signal_interruption signals;
    const int status = run(
        [](client& s3) -> task<int> {
          ::raise(SIGINT);
          co_return co_await ring::sleep_until(s3.service().loop(), no_deadline) ? 3 : 4;
        },
        {.client = on.options(), .stop = &signals});
    CHECK(status == 3);
    CHECK(signals.exit_status(status) == 130);
  }
  signal_interruption signals;
  std::atomic<int> begun{0};
  auto results = run_per_core({.client = on.options(), .shards = 3, .pin = false, .stop = &signals},
                              [&](client& s3, shard) -> task<bool> {
                                // To the process: whichever thread it is that takes it.
                                if (++begun == 3) ::kill(::getpid(), SIGINT);
                                co_return static_cast<bool>(co_await ring::sleep_until(s3.service().loop(), no_deadline));
                              });
  for (auto& each : results) CHECK(each.value());
  CHECK(handled == 0);
}
