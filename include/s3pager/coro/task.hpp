// A lazy coroutine with one result. Knows nothing of reactors.
#pragma once

#include <cassert>
#include <coroutine>
#include <exception>
#include <optional>
#include <source_location>
#include <type_traits>
#include <utility>

#include "s3pager/coro/promise.hpp"

namespace s3pager::coro {

template <class T>
class task;

namespace detail {

class task_promise_base : public promise_base {
 public:
  class final_awaiter {
   public:
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> handle) const noexcept {
      task_promise_base& promise = handle.promise();
      promise.mark_ended();
      promise.tell_completion();
    }
    void await_resume() const noexcept {}
  };

  [[nodiscard]] final_awaiter final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { failure_ = std::current_exception(); }
  [[nodiscard]] const std::exception_ptr& failure() const noexcept { return failure_; }

 protected:
  void rethrow() {
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
  }

 private:
  std::exception_ptr failure_;
};

template <class T>
class task_promise final : public task_promise_base {
 public:
  [[nodiscard]] task<T> get_return_object() noexcept;
  template <class U>
    requires std::is_constructible_v<T, U&&>
  void return_value(U&& value) {
    value_.emplace(std::forward<U>(value));
  }
  [[nodiscard]] T result() {
    rethrow();
    return std::move(*value_);
  }

 private:
  std::optional<T> value_;
};

template <>
class task_promise<void> final : public task_promise_base {
 public:
  [[nodiscard]] inline task<void> get_return_object() noexcept;
  void return_void() const noexcept {}
  void result() { rethrow(); }
};

}  // namespace detail

/// A coroutine that starts when it is first awaited, runs on the awaiter's thread, and gives one T or throws. Move-only; await
/// it once: `T value = co_await std::move(some_task)`. Dropping it, started or not, destroys its frame: that cancels
/// whatever it waits for, and nothing is thrown anywhere. It inherits the awaiter's ready queue and stop state.
template <class T = void>
class [[nodiscard]] task {
 public:
  using promise_type = detail::task_promise<T>;
  using value_type = T;
  using handle_type = std::coroutine_handle<promise_type>;

  task() noexcept = default;
  explicit task(handle_type handle) noexcept : handle_(handle) {}
  task(task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  task& operator=(task&& other) noexcept {
    if (this != &other) {
      reset();
      handle_ = std::exchange(other.handle_, nullptr);
    }
    return *this;
  }
  ~task() { reset(); }

  [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(handle_); }
  [[nodiscard]] bool done() const noexcept { return handle_ && handle_.done(); }

  /// Destroys the frame, if there is one.
  void reset() noexcept {
    if (handle_type old = std::exchange(handle_, nullptr)) old.destroy();
  }

  /// The handle, for who drives tasks: scope and the runtime.
  [[nodiscard]] handle_type handle() const noexcept { return handle_; }

  class awaiter final : private completion {
   public:
    explicit awaiter(handle_type child) noexcept : child_(child) { assert(child_ && !child_.promise().started()); }
    awaiter(const awaiter&) = delete;
    awaiter& operator=(const awaiter&) = delete;
    ~awaiter() = default;

    [[nodiscard]] bool await_ready() const noexcept { return false; }

    template <class Promise>
    [[nodiscard]] bool await_suspend(std::coroutine_handle<Promise> parent,
                                     std::source_location site = std::source_location::current()) {
      promise_type& child = child_.promise();
      promise_base& promise = parent.promise();
      child.inherit(promise.context());
      child_.resume();
      const bool done = child_.done();
      if (done && promise.queue().may_continue_inline()) return false;
      promise.set_site(site);
      waiter_.bind(parent, promise.queue());
      if (done) promise.queue().push(waiter_);
      else child.set_completion(this);
      return true;
    }

    T await_resume() { return child_.promise().result(); }

   private:
    void ended() noexcept override { waiter_.wake(); }

    handle_type child_;
    waiter waiter_;
  };

  [[nodiscard]] awaiter operator co_await() && noexcept { return awaiter(handle_); }

 private:
  handle_type handle_;
};

namespace detail {

template <class T>
task<T> task_promise<T>::get_return_object() noexcept {
  return task<T>(std::coroutine_handle<task_promise>::from_promise(*this));
}

inline task<void> task_promise<void>::get_return_object() noexcept {
  return task<void>(std::coroutine_handle<task_promise>::from_promise(*this));
}

}  // namespace detail
}  // namespace s3pager::coro

namespace s3pager {
using coro::task;
}  // namespace s3pager
