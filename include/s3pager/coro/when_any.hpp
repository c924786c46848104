// Several tasks side by side, of which the first to end is wanted. Knows nothing of reactors.
#pragma once

#include <cassert>
#include <coroutine>
#include <cstddef>
#include <deque>
#include <source_location>
#include <type_traits>
#include <utility>
#include <vector>

#include "s3pager/base/error.hpp"
#include "s3pager/coro/promise.hpp"
#include "s3pager/coro/task.hpp"

namespace s3pager::coro {

/// Which task ended first, counted from 0, and its result.
template <class T>
struct when_any_result {
  std::size_t index;
  T value;
};

template <>
struct when_any_result<void> {
  std::size_t index;
};

namespace detail {

// Awaits the first end among tasks that it owns. They obey the awaiter's own stop, not one of the race: a generator that
// a loser was asking goes on in the background, and must not be stopped for good.
template <class T>
class race {
 public:
  explicit race(std::vector<task<T>> tasks) {
    for (task<T>& work : tasks) {
      assert(work);
      runners_.emplace_back(*this, std::move(work));
    }
  }
  race(const race&) = delete;
  race& operator=(const race&) = delete;

  class awaiter {
   public:
    explicit awaiter(race& owner) noexcept : owner_(owner) {}
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> handle,
                       std::source_location site = std::source_location::current()) noexcept {
      promise_base& promise = handle.promise();
      promise.set_site(site);
      owner_.parent_.bind(handle, promise.queue());
      for (runner& each : owner_.runners_) each.start(promise.context(), site);
    }
    void await_resume() const noexcept {}

   private:
    race& owner_;
  };
  [[nodiscard]] awaiter operator co_await() noexcept { return awaiter(*this); }

  [[nodiscard]] when_any_result<T> result() {
    runner& won = *winner_;
    std::size_t index = 0;
    std::size_t at = 0;
    for (runner& each : runners_) {
      if (&each == &won) index = at;
      else each.work.reset();
      ++at;
    }
    if constexpr (std::is_void_v<T>) {
      won.work.handle().promise().result();
      return {index};
    } else {
      return {index, won.work.handle().promise().result()};
    }
  }

 private:
  struct runner final : private completion {
    runner(race& owner, task<T> what) noexcept : owner_(owner), work(std::move(what)) {}
    void start(const context& inherited, const std::source_location& site) noexcept {
      auto& promise = work.handle().promise();
      promise.inherit(inherited);
      promise.set_site(site);
      promise.set_completion(this);
      start_.bind(work.handle(), *inherited.queue);
      inherited.queue->push(start_);
    }
    void ended() noexcept override {
      if (owner_.winner_ != nullptr) return;
      owner_.winner_ = this;
      owner_.parent_.wake();
    }

    race& owner_;
    task<T> work;
    waiter start_;
  };

  std::deque<runner> runners_;
  runner* winner_ = nullptr;
  waiter parent_;
};

}  // namespace detail

/// Runs the tasks side by side until the first has ended, drops the others, and gives the first's index and result, or
/// throws what it threw. Others that end before the awaiting coroutine's turn has come are dropped too, results and
/// all. With no tasks at all it throws errc::invalid_argument. A stop of the context stops them all, and the first that
/// ends of it decides. Dropping it drops them all.
template <class T>
[[nodiscard]] task<when_any_result<T>> when_any(std::vector<task<T>> tasks) {
  if (tasks.empty()) throw error(errc::invalid_argument, "when_any of no tasks would wait forever");
  detail::race<T> race(std::move(tasks));
  co_await race;
  co_return race.result();
}

/// The same for tasks of one type that are given one by one.
template <class T, class... Others>
  requires(std::is_same_v<task<T>, Others> && ...)
[[nodiscard]] task<when_any_result<T>> when_any(task<T> first, Others... others) {
  std::vector<task<T>> tasks;
  tasks.reserve(1 + sizeof...(others));
  tasks.push_back(std::move(first));
  (tasks.push_back(std::move(others)), ...);
  return when_any(std::move(tasks));
}

}  // namespace s3pager::coro
