// Time that adds up while something goes on, and stands in between. Knows no clock: it is told what time it is.
#pragma once

#include <utility>

#include "s3pager/base/clock.hpp"

namespace s3pager {

class stopwatch {
 public:
  /// Does nothing if it runs already.
  void start(time_point now) noexcept {
    if (!std::exchange(running_, true)) since_ = now;
  }
  /// Does nothing if it stands already.
  void stop(time_point now) noexcept {
    if (std::exchange(running_, false)) total_ += now - since_;
  }
  [[nodiscard]] bool running() const noexcept { return running_; }
  [[nodiscard]] duration elapsed(time_point now) const noexcept { return running_ ? total_ + (now - since_) : total_; }
  /// When it will have come to `limit` if it runs on from now; `now` if it has.
  [[nodiscard]] time_point reaches(duration limit, time_point now) const noexcept {
    const duration spent = elapsed(now);
    return spent >= limit ? now : after(now, limit - spent);
  }
  void reset() noexcept { *this = stopwatch(); }

 private:
  duration total_{0};
  time_point since_{};
  bool running_ = false;
};

}  // namespace s3pager
