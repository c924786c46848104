// A slow question that is asked once for all who wait for its answer. Knows neither the question nor the answer.
#pragma once

#include <algorithm>
#include <chrono>
#include <exception>
#include <optional>
#include <string>
#include <utility>

#include "s3pager/base/clock.hpp"
#include "s3pager/base/duration_text.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/coro/event.hpp"
#include "s3pager/coro/scope.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/ring/reactor.hpp"
#include "s3pager/ring/timer.hpp"

namespace s3pager::identity {

/// Base of what asks, on its reactor's thread. Who waits may be dropped and leaves no trace; it must outlive them. What is under way
/// belongs to none of them, and ends with this. A failure is remembered for a second, then for twice as long each time, up to half a
/// minute: until then all who ask are told of it, and nothing is asked.
class shared_question : private ring::timer {
 public:
  [[nodiscard]] bool under_way() const noexcept { return under_way_; }

  /// Asks, beside who calls it, unless that is under way, or failed a moment ago.
  void begin() {
    if (under_way_ || told_lately()) return;
    ended_.reset();
    under_way_ = true;
    asking_.emplace(loop_.context());
    task<> asking = ask_and_end();
    asking_->spawn(std::move(asking));
    loop_.timers().arm(*this, after(loop_.now(), limit_));
  }

 protected:
  /// `what` in the words of a message: `deadlines.credentials of 1 min passed: waiting for WHAT`.
  shared_question(ring::reactor& loop, duration limit, const char* limit_name, std::string what)
      : loop_(loop), limit_(limit), limit_name_(limit_name), what_(std::move(what)) {}
  ~shared_question() = default;

  [[nodiscard]] ring::reactor& loop() const noexcept { return loop_; }

  /// Drops what is under way. To be called by the destructor of who asks, as that may refer to what goes with it.
  void give_up() noexcept { asking_.reset(); }

  /// Asks, and keeps the answer. Throws error. It is dropped when its time has passed and it is asked again.
  [[nodiscard]] virtual task<> ask() = 0;

  /// Waits for the end of what is under way, or begins it; `answered()` tells when there is nothing to wait for. Throws what it failed of.
  template <class Answered>
  [[nodiscard]] task<> wait(Answered answered) {
    while (!answered()) {
      if (!under_way_ && told_lately()) throw error(*failure_);
      begin();
      co_await ended_.wait();
    }
  }

  /// The next one is asked without regard to failures.
  void forget_failure() noexcept {
    failure_.reset();
    patience_ = {};
  }

 private:
  [[nodiscard]] bool told_lately() const noexcept { return failure_ && loop_.now() < again_; }

  [[nodiscard]] task<> ask_and_end() {
    std::optional<error> failed;
    try {
      task<> asked = ask();
      co_await std::move(asked);
    } catch (const error& why) {
      failed.emplace(why);
    } catch (const std::exception& why) {
      failed.emplace(errc::unavailable, what_ + ": " + why.what());
    } catch (...) {
      failed.emplace(errc::unavailable, what_ + ": failed with what is no std::exception");
    }
    end(std::move(failed));
  }
  void end(std::optional<error> failed) noexcept {
    if (!under_way_) return;  // its time had passed
    under_way_ = false;
    disarm();
    failure_.reset();
    if (failed) {
      patience_ = std::clamp<duration>(patience_ * 2, std::chrono::seconds(1), std::chrono::seconds(30));
      again_ = after(loop_.now(), patience_);
      // Or a request would be made again, and told of the same failure, before anybody is asked.
      error_details details = failed->details();
      details.retry_after = std::max(details.retry_after, std::chrono::ceil<std::chrono::seconds>(patience_));
      failure_.emplace(failed->code(), std::move(details));
    } else {
      patience_ = {};
    }
    ended_.set();
  }
  void expired() noexcept override {
    asking_->request_stop();
    end(error(errc::timed_out, std::string(limit_name_) + " of " + to_text(limit_) + " passed: waiting for " + what_));
  }

  ring::reactor& loop_;
  duration limit_;
  const char* limit_name_;
  std::string what_;
  std::optional<error> failure_;
  duration patience_{0};
  time_point again_{};
  bool under_way_ = false;
  coro::event ended_;
  std::optional<coro::scope> asking_;
};

}  // namespace s3pager::identity
