// An eventfd by which any thread tells a reactor to look at what was left for it. Outlives the reactor for as long as
// somebody may still want to wake it. Knows nothing of what was left.
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>

#include "s3pager/base/counted.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/base/unique_fd.hpp"

namespace s3pager::ring {

class waker final : public shared_counted {
 public:
  waker() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (fd_) return;
    const int why = errno;
    throw error(errno_code(why), why == EMFILE   ? "eventfd: no descriptor left in this process; raise RLIMIT_NOFILE (ulimit -n)"
                                 : why == ENFILE ? "eventfd: no descriptor left in this system (fs.file-max)"
                                                 : "eventfd for waking the reactor");
  }

  /// Any thread, any time: makes the reactor turn once more. Costs a write only if it was not woken already.
  void wake() noexcept {
    if (woken_.exchange(true, std::memory_order_acq_rel)) return;
    const std::uint64_t one = 1;
    // Can only fail where the counter is full, and then the reactor wakes as well.
    [[maybe_unused]] const auto written = ::write(fd_.get(), &one, sizeof one);
  }

  /// The reactor's side, before it looks at what was left for it: whoever wakes after this call is noticed by the next read.
  void acknowledge() noexcept {
    // Reads what it replaces: what a waker that found the flag set has left before must be seen from here on.
    woken_.exchange(false, std::memory_order_acq_rel);
  }

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

 private:
  unique_fd fd_;
  std::atomic<bool> woken_{false};
};

}  // namespace s3pager::ring
