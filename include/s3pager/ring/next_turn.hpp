// Awaiting the reactor's next turn: the kernel is asked for what has come before the coroutine goes on. For work that takes long.
#pragma once

#include <coroutine>
#include <source_location>

#include "s3pager/base/clock.hpp"
#include "s3pager/coro/promise.hpp"
#include "s3pager/ring/reactor.hpp"
#include "s3pager/ring/timer.hpp"

namespace s3pager::ring {

/// `co_await next_turn(loop)`: the clock may stand still. Throws errc::cancelled on a stop.
class next_turn final : public coro::stoppable_waiter, private timer {
 public:
  explicit next_turn(reactor& loop) noexcept : loop_(loop) {}
  next_turn(const next_turn&) = delete;
  next_turn& operator=(const next_turn&) = delete;

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <class Promise>
  [[nodiscard]] bool await_suspend(std::coroutine_handle<Promise> handle,
                                   std::source_location site = std::source_location::current()) {
    if (!arm(handle, site)) return false;
    // Timers fire when all that was ready has run: not so the ready queue, which goes on until it is empty.
    loop_.timers().arm(*this, time_point::min());
    return true;
  }
  void await_resume() const { throw_if_stopped("waiting for a turn"); }

 private:
  void expired() noexcept override { wake(); }
  void on_stop() noexcept override {
    disarm();
    stoppable_waiter::on_stop();
  }

  reactor& loop_;
};

}  // namespace s3pager::ring
