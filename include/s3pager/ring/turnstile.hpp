// How much of one kind of work may go on in a turn of the reactor. Knows nothing of the work.
#pragma once

#include <chrono>
#include <cstdint>
#include <utility>

#include "s3pager/base/clock.hpp"
#include "s3pager/base/counted.hpp"
#include "s3pager/coro/semaphore.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/ring/next_turn.hpp"
#include "s3pager/ring/reactor.hpp"

namespace s3pager::ring {

/// Lets few steps be taken in a turn, as many of them in a row would stand between the others and what has come for them.
/// Counted: who waits keeps it. One reactor's.
class turnstile final : public counted {
 public:
  /// After `most_in_turn` steps, or once they have taken `time_in_turn`, whoever comes waits for the next turn.
  turnstile(reactor& loop, unsigned most_in_turn, duration time_in_turn) noexcept
      : loop_(loop), most_in_turn_(most_in_turn), time_in_turn_(time_in_turn) {}

  /// For one step, until the permit is let go of, before this may go. First come, first served. Throws errc::cancelled on a stop.
  [[nodiscard]] task<coro::permit> take() {
    coro::permit first_in_line = co_await line_.acquire();
    const bool in_turn = loop_.turns() == turn_;
    if (in_turn && (in_turn_ >= most_in_turn_ || loop_.now() >= after(began_, time_in_turn_))) co_await next_turn(loop_);
    if (loop_.turns() != turn_) {
      turn_ = loop_.turns();
      in_turn_ = 0;
      began_ = loop_.now();
    }
    ++in_turn_;
    co_return std::move(first_in_line);
  }

 private:
  reactor& loop_;
  unsigned most_in_turn_;
  duration time_in_turn_;
  coro::semaphore line_{1};
  std::uint64_t turn_ = 0;  // the last one's
  unsigned in_turn_ = 0;    // steps
  time_point began_{};      // the first of them
};

}  // namespace s3pager::ring
