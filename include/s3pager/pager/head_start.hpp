// The time in which a run's first object is asked for alone. Knows nothing of objects.
#pragma once

#include <chrono>
#include <coroutine>
#include <source_location>

#include "s3pager/base/clock.hpp"
#include "s3pager/coro/promise.hpp"
#include "s3pager/ring/reactor.hpp"
#include "s3pager/ring/timer.hpp"

namespace s3pager::pager {

/// A server that is near answers within what it takes to plan some hundred objects, connect for them, and ask for more of the list: all
/// that would stand between the first answer and the consumer. For one that is not, the head start is too short to matter.
/// Where the clock stands still there is none. Waited for once, by one coroutine; not movable.
class head_start final : public coro::stoppable_waiter, private ring::timer {
 public:
  explicit head_start(ring::reactor& loop) noexcept : loop_(loop) {}
  head_start(const head_start&) = delete;
  head_start& operator=(const head_start&) = delete;

  /// The first object, or its first slice, is through, or has failed: ends the wait for it, or has there be none.
  void end() noexcept {
    over_ = true;
    if (!armed()) return;
    disarm();
    wake();
  }

  /// Awaiting it waits until end() is called, but no longer than a moment. Throws errc::cancelled on a stop.
  [[nodiscard]] bool await_ready() const noexcept { return over_ || !loop_.clock().runs(); }
  template <class Promise>
  [[nodiscard]] bool await_suspend(std::coroutine_handle<Promise> handle,
                                   std::source_location site = std::source_location::current()) {
    // First what may throw: nobody may wake whoever does not wait in the end.
    loop_.timers().arm(*this, after(loop_.now(), moment));
    if (arm(handle, site)) return true;
    disarm();
    return false;
  }
  void await_resume() const { throw_if_stopped("beginning a run"); }

 private:
  static constexpr duration moment = std::chrono::microseconds(200);

  void expired() noexcept override { wake(); }
  void on_stop() noexcept override {
    disarm();
    stoppable_waiter::on_stop();
  }

  ring::reactor& loop_;
  bool over_ = false;
};

}  // namespace s3pager::pager
