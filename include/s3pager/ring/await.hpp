// Awaiting an operation: with a deadline and a stop, either of which abandons it at once. What the other awaiters are built on.
#pragma once

#include <algorithm>
#include <coroutine>
#include <cstddef>
#include <source_location>
#include <system_error>
#include <utility>

#include "s3pager/base/clock.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/coro/promise.hpp"
#include "s3pager/ring/operation.hpp"
#include "s3pager/ring/reactor.hpp"
#include "s3pager/ring/timer.hpp"

namespace s3pager::ring {

/// Owns an operation that was made, and submitted or not: dropping it abandons the operation.
class operation_owner {
 public:
  operation_owner() noexcept = default;
  operation_owner(reactor& loop, operation& what) noexcept : loop_(&loop), what_(&what) {}
  operation_owner(operation_owner&& other) noexcept
      : loop_(other.loop_), what_(std::exchange(other.what_, nullptr)) {}
  operation_owner& operator=(operation_owner&& other) noexcept {
    if (this != &other) {
      reset();
      loop_ = other.loop_;
      what_ = std::exchange(other.what_, nullptr);
    }
    return *this;
  }
  ~operation_owner() { reset(); }

  [[nodiscard]] explicit operator bool() const noexcept { return what_ != nullptr; }
  [[nodiscard]] operation& operator*() const noexcept { return *what_; }
  [[nodiscard]] operation* operator->() const noexcept { return what_; }
  [[nodiscard]] reactor& loop() const noexcept { return *loop_; }
  [[nodiscard]] bool completed() const noexcept { return what_->at == operation::state::completed; }

  void reset() noexcept {
    if (operation* what = std::exchange(what_, nullptr)) {
      if (what->at == operation::state::completed && !what->bytes.size() && what->kind != operation_kind::accept &&
          what->kind != operation_kind::open)
        loop_->release(*what);
      else
        loop_->abandon(*what);
    }
  }

 private:
  reactor* loop_ = nullptr;
  operation* what_ = nullptr;
};

/// Submits an operation (unless that was done) and waits for its completion. A deadline that passes, or a stop, abandons it and
/// wakes with ETIMEDOUT or ECANCELED: nothing is waited for, and its result is disposed of by the loop.
/// With a `cause`, a started send that this operation waits for the answer to, it ends as soon as that send has failed or
/// fallen short: an answer to it will never come.
/// With a `patience` before the deadline, the wait ends then, and the operation goes on: nothing that it brings is lost.
class operation_awaiter : public coro::stoppable_waiter, private operation_listener, private timer {
 public:
  operation_awaiter(operation_owner what, time_point deadline, operation_owner* cause = nullptr,
                    time_point patience = no_deadline) noexcept
      : owner_(std::move(what)), deadline_(deadline), patience_(patience), cause_(*this, cause) {}
  operation_awaiter(const operation_awaiter&) = delete;
  operation_awaiter& operator=(const operation_awaiter&) = delete;

  [[nodiscard]] bool await_ready() const noexcept { return false; }

  template <class Promise>
  [[nodiscard]] bool await_suspend(std::coroutine_handle<Promise> handle,
                                   std::source_location site = std::source_location::current()) {
    // What came before the stop is not lost by it.
    if (!owner_ || owner_.completed()) return pass(handle, site);
    if (const int error_number = cause_.watch(); error_number != 0) {
      give_up(error_number);
      return false;
    }
    if (!arm(handle, site)) {
      give_up(ECANCELED);
      return false;
    }
    owner_->listener = this;
    if (owner_->at == operation::state::fresh) owner_.loop().submit(*owner_);
    owner_.loop().timers().arm(*this, std::min(deadline_, patience_));
    return true;
  }

 protected:
  ~operation_awaiter() = default;

  /// Zero or more as the kernel returned it; or the error.
  struct outcome {
    std::error_code error;
    std::int32_t result = 0;
  };
  [[nodiscard]] outcome take() noexcept {
    if (!owner_) return {failure_, 0};
    if (owner_->result < 0) return {errno_code(owner_->result), 0};
    return {{}, owner_->result};
  }
  [[nodiscard]] operation_owner& owner() noexcept { return owner_; }

 private:
  class watched_cause final : private operation_listener {
   public:
    watched_cause(operation_awaiter& waiting, operation_owner* cause) noexcept : waiting_(waiting), cause_(cause) {}
    watched_cause(const watched_cause&) = delete;
    watched_cause& operator=(const watched_cause&) = delete;
    ~watched_cause() { ignore(); }

    /// The errno if it has failed already; else it is watched until it completes or is ignored.
    [[nodiscard]] int watch() noexcept {
      if (cause_ == nullptr || !*cause_) return 0;
      if (cause_->completed()) return error_number();
      (*cause_)->listener = this;
      return 0;
    }
    void ignore() noexcept {
      if (cause_ != nullptr && *cause_ && (*cause_)->listener == this) (*cause_)->listener = nullptr;
    }

   private:
    [[nodiscard]] int error_number() const noexcept {
      const operation& done = **cause_;
      if (done.result < 0) return -done.result;
      return static_cast<std::uint32_t>(done.result) < done.wanted ? EPIPE : 0;
    }
    void completed() noexcept override {
      (*cause_)->listener = nullptr;
      if (const int failed = error_number(); failed != 0) waiting_.cause_failed(failed);
    }

    operation_awaiter& waiting_;
    operation_owner* cause_;
  };

  void give_up(int error_number) noexcept {
    failure_ = errno_code(error_number);
    cause_.ignore();
    owner_.reset();
  }
  void cause_failed(int error_number) noexcept {
    disarm();
    give_up(error_number);
    wake();
  }
  void completed() noexcept override {
    owner_->listener = nullptr;
    cause_.ignore();
    disarm();
    wake();
  }
  void expired() noexcept override {
    if (patience_ < deadline_) {
      owner_->listener = nullptr;
      cause_.ignore();
    } else {
      give_up(ETIMEDOUT);
    }
    wake();
  }
  void on_stop() noexcept override {
    disarm();
    give_up(ECANCELED);
    stoppable_waiter::on_stop();
  }

  operation_owner owner_;
  time_point deadline_;
  time_point patience_;
  watched_cause cause_;
  std::error_code failure_ = errno_code(EBADF);
};

/// What came of an operation that moves bytes: how many, or why not.
struct io_result {
  std::error_code error = {};
  std::size_t bytes = 0;
};

/// The awaiter of operations whose result is a count or nothing.
class io_awaiter final : public operation_awaiter {
 public:
  using operation_awaiter::operation_awaiter;
  [[nodiscard]] io_result await_resume() noexcept {
    const outcome result = take();
    owner().reset();
    return {result.error, static_cast<std::size_t>(result.result)};
  }
};

/// Waits until a time has come: `co_await sleep_until(loop, when)`. Ends early, with ECANCELED, on a stop.
class sleep_until final : public coro::stoppable_waiter, private timer {
 public:
  sleep_until(reactor& loop, time_point when) noexcept : loop_(loop), when_(when) {}
  sleep_until(const sleep_until&) = delete;
  sleep_until& operator=(const sleep_until&) = delete;

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <class Promise>
  [[nodiscard]] bool await_suspend(std::coroutine_handle<Promise> handle,
                                   std::source_location site = std::source_location::current()) {
    if (loop_.now() >= when_) return pass(handle, site);
    if (!arm(handle, site)) return false;
    loop_.timers().arm(*this, when_);
    return true;
  }
  [[nodiscard]] std::error_code await_resume() const noexcept {
    return stopped() ? errno_code(ECANCELED) : std::error_code();
  }

 private:
  void expired() noexcept override { wake(); }
  void on_stop() noexcept override {
    disarm();
    stoppable_waiter::on_stop();
  }

  reactor& loop_;
  time_point when_;
};

}  // namespace s3pager::ring
