// Who may send next while the service throttles its client: one line for all requests, first come, first served.
// Knows reactors and the pace, no request.
#pragma once

#include <cerrno>
#include <coroutine>
#include <source_location>
#include <system_error>
#include <utility>

#include "s3pager/base/clock.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/base/intrusive_list.hpp"
#include "s3pager/coro/promise.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/ring/reactor.hpp"
#include "s3pager/ring/timer.hpp"
#include "s3pager/s3/send_pace.hpp"

namespace s3pager {

/// Nobody has a turn ahead of time: the first in line is called when the pace allows a request, and a success that lets that
/// be earlier is felt at once. One thread's, and one reactor's. Those who still wait when it is destroyed are never called.
class send_line {
 public:
  explicit send_line(duration slowest) noexcept : pace_(slowest), bell_(*this) {}
  send_line(const send_line&) = delete;
  send_line& operator=(const send_line&) = delete;
  inline ~send_line();

  [[nodiscard]] const send_pace& pace() const noexcept { return pace_; }
  /// Whether somebody waits for a turn.
  [[nodiscard]] bool waited_for() const noexcept { return !line_.empty(); }

  /// Takes a turn, if there is one now and nobody waits: the request is to be sent at once.
  [[nodiscard]] bool try_turn(time_point now) noexcept {
    return try_turn(now, [] { return true; });
  }
  /// The same, unless `also` says, asked when there is a turn, that it would be of no use.
  template <class Also>
  [[nodiscard]] bool try_turn(time_point now, Also also) noexcept {
    if (called_ != nullptr || !line_.empty() || too_early(now) || !also()) return false;
    pace_.sent(now, false);
    return true;
  }
  /// Waits for one, in line. Throws error: timed_out if none came before `latest`, cancelled on a stop. Dropping the wait
  /// leaves the turn to who is next.
  [[nodiscard]] inline task<> wait_for_turn(ring::reactor& loop, time_point latest);

  /// As send_pace has them.
  void throttled(time_point sent, time_point now, duration asked) noexcept { pace_.throttled(sent, now, asked); }
  void succeeded(time_point now) noexcept {
    pace_.succeeded(now);
    settle(now);
  }

 private:
  class call_awaiter;

  class bell final : public ring::timer {
   public:
    explicit bell(send_line& of) noexcept : of_(of) {}

   private:
    // Throttling since it was set makes it ring too early.
    void expired() noexcept override { of_.settle(of_.loop_->now()); }
    send_line& of_;
  };

  [[nodiscard]] bool too_early(time_point now) const noexcept { return pace_.limited(now) && pace_.next() > now; }
  inline void call_next() noexcept;
  void settle(time_point now) noexcept {
    if (called_ != nullptr || line_.empty()) return;
    if (pace_.next() <= now)
      call_next();
    else
      loop_->timers().arm(bell_, pace_.next());
  }

  send_pace pace_;
  ring::reactor* loop_ = nullptr;
  intrusive_list<coro::waiter> line_;  // call_awaiters; the bell is set for the first, unless somebody is called
  call_awaiter* called_ = nullptr;     // has left the line, and not gone on yet
  bell bell_;
};

/// Until it is called, which is no turn yet: it is to be taken, if there is one still.
class send_line::call_awaiter final : public coro::stoppable_waiter, private ring::timer {
 public:
  /// `again`: was called before, in vain, and stands first in line.
  call_awaiter(send_line& line, time_point latest, bool again) noexcept : of_(&line), latest_(latest), again_(again) {}
  call_awaiter(const call_awaiter&) = delete;
  call_awaiter& operator=(const call_awaiter&) = delete;
  ~call_awaiter() {
    // Whoever is called instead may come too early, and waits again then. Setting the bell might allocate.
    if (!std::exchange(called_, false)) return;
    of_->called_ = nullptr;
    if (!of_->line_.empty()) of_->call_next();
  }

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <class Promise>
  [[nodiscard]] bool await_suspend(std::coroutine_handle<Promise> handle,
                                   std::source_location site = std::source_location::current()) {
    const time_point now = of_->loop_->now();
    if (now >= latest_) return false;
    if (!arm(handle, site)) return false;
    if (again_)
      of_->line_.push_front(*this);
    else
      of_->line_.push_back(*this);
    of_->loop_->timers().arm(*this, latest_);
    of_->settle(now);
    return true;
  }
  [[nodiscard]] std::error_code await_resume() noexcept {
    if (stopped()) return errno_code(ECANCELED);
    if (!std::exchange(called_, false)) return errno_code(ETIMEDOUT);
    of_->called_ = nullptr;
    return {};
  }

 private:
  friend class send_line;

  void call() noexcept {
    called_ = true;
    disarm();
    wake();
  }
  void expired() noexcept override { wake(); }
  void on_stop() noexcept override {
    disarm();
    stoppable_waiter::on_stop();
  }

  send_line* of_;  // not to be touched by a destructor unless called
  time_point latest_;
  bool again_;
  bool called_ = false;
};

inline send_line::~send_line() {
  if (called_ != nullptr) called_->called_ = false;
}

inline void send_line::call_next() noexcept {
  bell_.disarm();
  called_ = &static_cast<call_awaiter&>(line_.front());
  called_->call();
}

inline task<> send_line::wait_for_turn(ring::reactor& loop, time_point latest) {
  loop_ = &loop;
  for (bool taken = try_turn(loop.now()), again = false; !taken; again = true) {
    const std::error_code ended = co_await call_awaiter(*this, latest, again);
    if (ended == errc::timed_out)
      throw error(errc::timed_out, "waiting for a turn, as the service asked for fewer requests");
    if (ended) throw error(errc::cancelled, "stopped while the service asked for fewer requests");
    const time_point now = loop.now();
    taken = !too_early(now);
    if (taken) pace_.sent(now, true);
    settle(now);
  }
}

}  // namespace s3pager
