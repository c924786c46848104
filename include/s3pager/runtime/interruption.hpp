// A stop that comes from outside: from any thread, or from a signal handler, to any number of reactors. Knows no signal.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <utility>

#include "s3pager/base/clock.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/base/unique_fd.hpp"
#include "s3pager/coro/scope.hpp"
#include "s3pager/coro/stop.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/ring/reactor.hpp"
#include "s3pager/ring/socket.hpp"

namespace s3pager {

/// Asked for once, it stays so. What run(), run_per_core() and blocking were given it for ends soon with errc::cancelled, also
/// what begins only then. It must outlive them.
class interruption {
 public:
  /// Throws error if no descriptor is to be had.
  interruption() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!event_) throw error(errno_code(errno), "a descriptor for an interruption");
  }
  interruption(const interruption&) = delete;
  interruption& operator=(const interruption&) = delete;
  ~interruption() = default;

  /// On any thread, and in a signal handler.
  void request() noexcept {
    requested_.store(true, std::memory_order_release);
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto size = ::write(event_.get(), &one, sizeof one);
  }
  [[nodiscard]] bool requested() const noexcept { return requested_.load(std::memory_order_acquire); }
  /// Readable from the request on; nobody reads it.
  [[nodiscard]] int descriptor() const noexcept { return event_.get(); }

 private:
  unique_fd event_;
  std::atomic<bool> requested_{false};
};

namespace runtime {

/// Passes an interruption on to what runs on one reactor. Must be destroyed before that.
class interrupted {
 public:
  /// Null: nothing interrupts.
  interrupted(ring::reactor& loop, const interruption* by) : by_(by), watching_(loop.context()) {
    if (by == nullptr) return;
    unique_fd own(::fcntl(by->descriptor(), F_DUPFD_CLOEXEC, 0));
    if (!own) throw error(errno_code(errno), "a descriptor for an interruption");
    event_ = ring::socket(loop, std::move(own));
    watching_.spawn(watch(*this));
  }

  [[nodiscard]] coro::stop_token token() const noexcept { return stop_.token(); }
  /// For what is about to begin on the reactor: its next turn may never wait, and then hear of nothing.
  void check() const noexcept {
    if (by_ != nullptr && by_->requested()) stop_.request_stop();
  }

 private:
  [[nodiscard]] static task<> watch(interrupted& self) {
    const ring::io_result seen = co_await self.event_.poll(POLLIN, no_deadline);
    if (!seen.error) self.stop_.request_stop();
  }

  const interruption* by_;
  coro::stop_source stop_;
  ring::socket event_;
  coro::scope watching_;
};

}  // namespace runtime
}  // namespace s3pager
