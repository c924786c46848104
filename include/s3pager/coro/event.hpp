// A flag that coroutines wait for. Knows nothing of reactors.
#pragma once

#include <coroutine>
#include <source_location>

#include "s3pager/base/intrusive_list.hpp"
#include "s3pager/coro/promise.hpp"

namespace s3pager::coro {

/// Set or not, by hand in both directions; any number of coroutines wait until it is set. One thread's. It must live until
/// nobody waits for it any more, or those who do wait forever.
class event {
 public:
  explicit event(bool set = false) noexcept : set_(set) {}
  event(const event&) = delete;
  event& operator=(const event&) = delete;

  [[nodiscard]] bool is_set() const noexcept { return set_; }
  /// Sets it, and makes everyone who waits ready, in the order in which they came. They go on even if it is reset before
  /// their turn. Resumes nothing.
  inline void set() noexcept;
  void reset() noexcept { set_ = false; }

  class wait_awaiter final : private stoppable_waiter {
   public:
    explicit wait_awaiter(event& owner) noexcept : owner_(owner) {}

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    [[nodiscard]] bool await_suspend(std::coroutine_handle<Promise> handle,
                                     std::source_location site = std::source_location::current()) noexcept {
      if (owner_.set_) return pass(handle, site);
      if (!arm(handle, site)) return false;
      owner_.waiters_.push_back(*this);
      return true;
    }
    void await_resume() const { throw_if_stopped("waiting for an event"); }

   private:
    friend class event;
    event& owner_;
  };

  /// Waits until it is set. Throws errc::cancelled if the context is stopped first. Dropping the wait leaves no trace.
  [[nodiscard]] wait_awaiter wait() noexcept { return wait_awaiter(*this); }

 private:
  intrusive_list<waiter> waiters_;
  bool set_;
};

inline void event::set() noexcept {
  set_ = true;
  while (!waiters_.empty()) static_cast<wait_awaiter&>(waiters_.front()).wake();
}

}  // namespace s3pager::coro
