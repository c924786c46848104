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
class head_start {
 public:
  explicit head_start(ring::reactor& loop) noexcept : loop_(loop) {}
  head_start(const head_start&) = delete;
  head_start& operator=(const head_start&) = delete;

  /// In the frame that waits, and gone from here with it.
  class wait_awaiter final : public coro::stoppable_waiter, private ring::timer {
   public:
    explicit wait_awaiter(head_start& owner) noexcept : owner_(owner) {}
    wait_awaiter(const wait_awaiter&) = delete;
    wait_awaiter& operator=(const wait_awaiter&) = delete;
    ~wait_awaiter() { owner_.waiting_ = nullptr; }

    [[nodiscard]] bool await_ready() const noexcept { return owner_.over_ || !owner_.loop_.clock().runs(); }
    template <class Promise>
    [[nodiscard]] bool await_suspend(std::coroutine_handle<Promise> handle,
                                     std::source_location site = std::source_location::current()) {
      if (!arm(handle, site)) return false;
      owner_.loop_.timers().arm(*this, after(owner_.loop_.now(), moment));
      owner_.waiting_ = this;
      return true;
    }
    void await_resume() const { throw_if_stopped("beginning a run"); }

   private:
    friend class head_start;
    void end() noexcept {
      if (!armed()) return;
      disarm();
      wake();
    }
    void expired() noexcept override { wake(); }
    void on_stop() noexcept override {
      disarm();
      stoppable_waiter::on_stop();
    }

    head_start& owner_;
  };

  /// Waits until end() is called, but no longer than a moment. Throws errc::cancelled on a stop.
  [[nodiscard]] wait_awaiter wait() noexcept { return wait_awaiter(*this); }
  /// The first object, or its first slice, is through, or has failed: ends the wait for it, or has there be none.
  void end() noexcept {
    over_ = true;
    if (waiting_ != nullptr) waiting_->end();
  }

 private:
  static constexpr duration moment = std::chrono::microseconds(200);

  ring::reactor& loop_;
  wait_awaiter* waiting_ = nullptr;
  bool over_ = false;
};

}  // namespace s3pager::pager
