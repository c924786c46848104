// What every coroutine of the library has in its promise: the ready queue it is resumed from, the stop state it obeys,
// who is told of its end, and where it is suspended. Children inherit the first two from who awaits them.
#pragma once

#include <coroutine>
#include <cstddef>
#include <source_location>
#include <string>
#include <utility>

#include "s3pager/base/counted.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/coro/frame_pool.hpp"
#include "s3pager/coro/ready_queue.hpp"
#include "s3pager/coro/stop.hpp"

namespace s3pager::coro {

/// Where a coroutine runs and what stops it.
struct context {
  ready_queue* queue = nullptr;
  ref<stop_state> stop = {};
};

class promise_base;

/// Told when a coroutine has ended (it is suspended at its end then, and may be destroyed from now on, but not from
/// within `ended`). It and the coroutine may be destroyed in either order: each unlinks itself from the other.
class completion {
 public:
  completion(const completion&) = delete;
  completion& operator=(const completion&) = delete;
  virtual void ended() noexcept = 0;

 protected:
  completion() noexcept = default;
  inline ~completion();

 private:
  friend class promise_base;
  promise_base* watched_ = nullptr;
};

/// Sees where coroutines are suspended, and which of these places they are destroyed at: what a drop sweep has covered.
/// Set on one thread by tests only.
class drop_observer {
 public:
  virtual void suspended(const std::source_location& site) noexcept = 0;
  virtual void dropped(const std::source_location& site) noexcept = 0;

  static drop_observer*& current() noexcept {
    static thread_local drop_observer* observer = nullptr;
    return observer;
  }

 protected:
  ~drop_observer() = default;
};

class promise_base {
 public:
  promise_base() noexcept = default;
  promise_base(const promise_base&) = delete;
  promise_base& operator=(const promise_base&) = delete;
  ~promise_base() {
    set_completion(nullptr);
    if (drop_observer* observer = drop_observer::current(); observer != nullptr && !ended_ && started_)
      observer->dropped(site_);
  }

  // Neither is inlined: GCC 12 would see the plain allocation behind one of them only, and warn of a delete that does not match.
  [[nodiscard, gnu::noinline]] static void* operator new(std::size_t size) {
    return frame_pool::local().allocate(size);
  }
  [[gnu::noinline]] static void operator delete(void* memory, std::size_t size) noexcept {
    frame_pool::local().deallocate(memory, size);
  }

  [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }

  [[nodiscard]] ready_queue& queue() const noexcept { return *context_.queue; }
  [[nodiscard]] const coro::context& context() const noexcept { return context_; }
  [[nodiscard]] stop_state* stop() const noexcept { return context_.stop.get(); }
  [[nodiscard]] bool stop_requested() const noexcept { return context_.stop && context_.stop->requested(); }
  [[nodiscard]] bool started() const noexcept { return started_; }
  [[nodiscard]] const std::source_location& site() const noexcept { return site_; }

  void inherit(const coro::context& parent) noexcept {
    context_ = parent;
    started_ = true;
  }
  /// Who is told of the end, instead of who was to be told before; null: nobody.
  void set_completion(completion* who) noexcept {
    if (completion_ != nullptr) completion_->watched_ = nullptr;
    completion_ = who;
    if (who != nullptr) who->watched_ = this;
  }
  /// To be called by every awaiter's await_suspend that does suspend, with the place of the co_await: its own defaulted
  /// last parameter.
  void set_site(const std::source_location& site) noexcept {
    site_ = site;
    if (drop_observer* observer = drop_observer::current(); observer != nullptr && !ended_) observer->suspended(site);
  }

 protected:
  void mark_ended() noexcept { ended_ = true; }
  void tell_completion() noexcept {
    completion* who = completion_;
    set_completion(nullptr);
    if (who != nullptr) who->ended();
  }

 private:
  friend class completion;
  coro::context context_;
  completion* completion_ = nullptr;
  std::source_location site_;
  bool started_ = false;
  bool ended_ = false;
};

inline completion::~completion() {
  if (watched_ != nullptr) watched_->completion_ = nullptr;
}

/// `co_await this_context()` gives the context of the coroutine that awaits it, at once.
class this_context {
 public:
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <class Promise>
  [[nodiscard]] bool await_suspend(std::coroutine_handle<Promise> handle) noexcept {
    context_ = handle.promise().context();
    return false;
  }
  [[nodiscard]] coro::context await_resume() noexcept { return std::move(context_); }

 private:
  coro::context context_;
};

/// Waits for something that can be woken or stopped: the base of the awaiters of every primitive. A derived awaiter links
/// itself where it is to be woken from; a stop request takes it off there and wakes it with `stopped()` set. A stop that is
/// requested before the await ends it too, even if it could go on at once: or a loop over what is always ready never stops.
/// What was woken before the stop keeps what it was woken for.
class stoppable_waiter : public waiter, private stop_callback {
 public:
  [[nodiscard]] bool stopped() const noexcept { return stopped_; }

  /// Hides waiter::wake: whoever is woken obeys no stop any more.
  void wake() noexcept {
    static_cast<stop_callback&>(*this).unlink();
    waiter::wake();
  }

 protected:
  stoppable_waiter() noexcept = default;
  ~stoppable_waiter() = default;

  /// For await_suspend of what has to wait. False if a stop is requested already: then it is not to be linked
  /// anywhere, and await_suspend returns false.
  template <class Promise>
  [[nodiscard]] bool arm(std::coroutine_handle<Promise> handle, const std::source_location& site) noexcept {
    promise_base& promise = handle.promise();
    if (stop_state* stop = promise.stop()) {
      if (stop->requested()) {
        stopped_ = true;
        return false;
      }
      stop->add(*this);
    }
    promise.set_site(site);
    bind(handle, promise.queue());
    return true;
  }

  /// For await_suspend of what has nothing to wait for: its result is await_suspend's. It goes on inline, or through the
  /// ready queue once every inline_limit. Sets `stopped()` if a stop is requested already.
  template <class Promise>
  [[nodiscard]] bool pass(std::coroutine_handle<Promise> handle, const std::source_location& site) noexcept {
    promise_base& promise = handle.promise();
    if (promise.stop_requested()) {
      stopped_ = true;
      return false;
    }
    if (promise.queue().may_continue_inline()) return false;
    promise.set_site(site);
    bind(handle, promise.queue());
    promise.queue().push(*this);
    return true;
  }

  /// For await_resume: throws errc::cancelled if a stop has ended the wait.
  void throw_if_stopped(const char* what) const {
    if (stopped_) throw error(errc::cancelled, std::string(what) + " was stopped");
  }

  /// An override calls this one, then tells whom the end of this wait concerns.
  void on_stop() noexcept override {
    stopped_ = true;
    waiter::wake();
  }

 private:
  bool stopped_ = false;
};

}  // namespace s3pager::coro
