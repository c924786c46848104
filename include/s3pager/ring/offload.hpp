// Blocking calls (name resolution, above all) on a few threads of a reactor's own, awaited like any operation.
// Knows nothing of what the calls do.
#pragma once

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <condition_variable>
#include <coroutine>
#include <cstddef>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <source_location>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "s3pager/base/clock.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/coro/promise.hpp"
#include "s3pager/ring/reactor.hpp"
#include "s3pager/ring/timer.hpp"

namespace s3pager::ring {

/// One blocking call with all its data. Made and destroyed on the reactor's thread; `work` runs on another one.
class offload_job : public posted_call {
 public:
  offload_job() = default;
  offload_job(const offload_job&) = delete;
  offload_job& operator=(const offload_job&) = delete;
  virtual ~offload_job() = default;

 private:
  friend class offload_pool;
  friend class offload_waiter;
  virtual void work() noexcept = 0;
  inline void run() noexcept override;

  class offload_waiter* waiter_ = nullptr;
};

/// A reactor's threads for blocking calls: made when they are first needed, at most two, with all signals blocked.
class offload_pool final : public reactor_threads {
 public:
  static constexpr std::size_t most_threads = 2;

  explicit offload_pool(reactor& loop) noexcept : loop_(loop) {}
  /// Waits for the calls that are under way; the others are never made.
  ~offload_pool() override {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    wanted_.notify_all();
    for (std::thread& each : threads_) each.join();
    for (offload_job* job : waiting_)
      if (job->waiter_ == nullptr) delete job;
  }

  [[nodiscard]] static offload_pool& of(reactor& loop) {
    if (!loop.threads()) loop.threads() = std::make_unique<offload_pool>(loop);
    return static_cast<offload_pool&>(*loop.threads());
  }

  /// Takes the job over. Throws if there is no thread and none can be started; the job is the caller's then.
  void submit(offload_job& job) {
    const std::lock_guard lock(mutex_);
    if (idle_ <= waiting_.size() && threads_.size() < most_threads) start_thread();
    waiting_.push_back(&job);
    wanted_.notify_one();
  }
  /// Takes it back if it was not begun. The reactor's thread.
  [[nodiscard]] bool withdraw(offload_job& job) noexcept {
    const std::lock_guard lock(mutex_);
    const auto at = std::find(waiting_.begin(), waiting_.end(), &job);
    if (at == waiting_.end()) return false;
    waiting_.erase(at);
    return true;
  }

 private:
  void start_thread() {
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    std::exception_ptr failure;
    try {
      threads_.emplace_back([this] { serve(); });
      ++idle_;
    } catch (...) {
      failure = std::current_exception();
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (failure && threads_.empty()) std::rethrow_exception(failure);
  }

  void serve() noexcept {
    std::unique_lock lock(mutex_);
    for (;;) {
      wanted_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
      if (ending_) return;
      offload_job* job = waiting_.front();
      waiting_.pop_front();
      --idle_;
      lock.unlock();
      job->work();
      loop_.post(*job);
      lock.lock();
      ++idle_;
    }
  }

  reactor& loop_;
  std::mutex mutex_;
  std::condition_variable wanted_;
  std::deque<offload_job*> waiting_;
  std::size_t idle_ = 0;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

/// Waits for a job: the base of offload()'s awaiter and of resolve()'s. Dropping it leaves the job to end alone, and its result to
/// the reactor to dispose of; one that was not begun never is.
class offload_waiter : public coro::stoppable_waiter, private timer {
 public:
  offload_waiter(const offload_waiter&) = delete;
  offload_waiter& operator=(const offload_waiter&) = delete;

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <class Promise>
  [[nodiscard]] bool await_suspend(std::coroutine_handle<Promise> handle,
                                   std::source_location site = std::source_location::current()) {
    if (job_ == nullptr) return pass(handle, site);
    if (!arm(handle, site)) {
      give_up(errno_code(ECANCELED));
      return false;
    }
    loop_->timers().arm(*this, deadline_);
    job_->waiter_ = this;
    try {
      offload_pool::of(*loop_).submit(*job_);
    } catch (const std::system_error& failure) {
      job_->waiter_ = nullptr;
      give_up(failure.code());
      disarm();
      wake();
      return true;
    }
    submitted_ = true;
    return true;
  }

 protected:
  /// Takes the job over; null: there is nothing to wait for.
  offload_waiter(reactor& loop, time_point deadline, std::unique_ptr<offload_job> job) noexcept
      : loop_(&loop), deadline_(deadline), job_(job.release()) {}
  ~offload_waiter() { drop(); }

  /// The finished job; null if there was none or it was given up, and `failure()` says why.
  [[nodiscard]] offload_job* job() const noexcept { return job_; }
  [[nodiscard]] const std::error_code& failure() const noexcept { return failure_; }

 private:
  friend class offload_job;

  void finished() noexcept {
    submitted_ = false;
    disarm();
    wake();
  }
  void drop() noexcept {
    offload_job* job = std::exchange(job_, nullptr);
    if (job == nullptr) return;
    job->waiter_ = nullptr;
    if (!submitted_ || !loop_->threads() || offload_pool::of(*loop_).withdraw(*job)) delete job;
  }
  void give_up(std::error_code why) noexcept {
    failure_ = why;
    drop();
  }
  void expired() noexcept override {
    give_up(errno_code(ETIMEDOUT));
    wake();
  }
  void on_stop() noexcept override {
    disarm();
    give_up(errno_code(ECANCELED));
    stoppable_waiter::on_stop();
  }

  reactor* loop_;
  time_point deadline_;
  offload_job* job_;
  std::error_code failure_;
  bool submitted_ = false;  // and not finished: the job is the pool's, or on its way back
};

inline void offload_job::run() noexcept {
  if (offload_waiter* who = std::exchange(waiter_, nullptr)) who->finished();
  else delete this;
}

/// What an offloaded call returned, or why there is nothing: ETIMEDOUT, ECANCELED, EAGAIN (no thread can be had).
template <class T>
struct offload_result {
  std::error_code error = {};
  std::optional<T> value = {};
};
template <>
struct offload_result<void> {
  std::error_code error = {};
};

namespace detail {

template <class Callable>
class offloaded_call final : public offload_job {
 public:
  using value_type = std::invoke_result_t<Callable&>;

  template <class From>
  explicit offloaded_call(From&& from) : call_(std::forward<From>(from)) {}

  [[nodiscard]] offload_result<value_type> take() {
    if (failure_) std::rethrow_exception(failure_);
    if constexpr (std::is_void_v<value_type>) return {};
    else return {{}, std::move(value_)};
  }

 private:
  struct nothing {};
  void work() noexcept override {
    try {
      if constexpr (std::is_void_v<value_type>) call_();
      else value_.emplace(call_());
    } catch (...) {
      failure_ = std::current_exception();
    }
  }

  Callable call_;
  std::conditional_t<std::is_void_v<value_type>, nothing, std::optional<value_type>> value_;
  std::exception_ptr failure_;
};

}  // namespace detail

template <class Callable>
class offload_awaiter final : public offload_waiter {
 public:
  using job_type = detail::offloaded_call<Callable>;
  offload_awaiter(reactor& loop, time_point deadline, std::unique_ptr<job_type> job) noexcept
      : offload_waiter(loop, deadline, std::move(job)) {}

  /// Rethrows what the call threw.
  [[nodiscard]] offload_result<typename job_type::value_type> await_resume() {
    if (job() == nullptr) return {.error = failure()};
    return static_cast<job_type*>(job())->take();
  }
};

/// Runs a copy of `call()` on a thread of the reactor's pool: `auto r = co_await offload(loop, deadline, call)`. The call must own
/// what it uses: it goes on when the deadline passes, a stop comes or the awaiting coroutine is dropped, and the end of the reactor waits
/// for it. `call` is a function, a named callable, or a callable without anything to destroy.
template <class Callable>
[[nodiscard]] offload_awaiter<std::decay_t<Callable>> offload(reactor& loop, time_point deadline, Callable&& call) {
  using kept = std::decay_t<Callable>;
  static_assert(std::is_lvalue_reference_v<Callable> || std::is_trivially_destructible_v<kept> ||
                    !std::is_copy_constructible_v<kept>,
                "name the callable first: GCC 12 destroys temporaries of a co_await expression twice");
  return offload_awaiter<kept>(loop, deadline,
                               std::make_unique<detail::offloaded_call<kept>>(std::forward<Callable>(call)));
}

}  // namespace s3pager::ring
