// What a turn asks the kernel for, in one system call: to take what was submitted, and to wait. Knows a ring, no operations.
#pragma once

#include <liburing.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>

#include "s3pager/ring/kernel.hpp"

namespace s3pager::ring {

/// How long a wait is, to the microsecond; for_ever is as long as it takes.
using wait_time = std::chrono::microseconds;
inline constexpr wait_time for_ever = wait_time::max();

namespace detail {

[[nodiscard]] inline __kernel_timespec to_timespec(wait_time span) noexcept {
  __kernel_timespec made{};
  made.tv_sec = span.count() / 1'000'000;
  made.tv_nsec = span.count() % 1'000'000 * 1000;
  return made;
}

}  // namespace detail

/// Submits, and waits for `count` completions, or until `limit` has passed. Gives what liburing gives: less than 0 is an errno, of
/// which ETIME and EINTR are no failures.
[[nodiscard]] inline int submit_and_wait(io_uring& ring, std::uint32_t count, wait_time limit) noexcept {
  if (limit <= wait_time::zero()) return ::io_uring_submit_and_get_events(&ring);
  if (limit == for_ever) return ::io_uring_submit_and_wait(&ring, count);
  __kernel_timespec time = detail::to_timespec(limit);
  io_uring_cqe* first = nullptr;
  return ::io_uring_submit_and_wait_timeout(&ring, &first, count, &time, nullptr);
}

/// Submits, and waits for `count` completions, but for any at all once `patience` has passed, and for none once `limit` has. Only where the
/// kernel has feature::min_wait. Liburing has a call for it since 2.8.
[[nodiscard]] inline int submit_and_wait_patiently(io_uring& ring, std::uint32_t count, wait_time patience, wait_time limit) noexcept {
  // As liburing publishes entries: since 2.3 the array of their indices is filled when the ring is made.
  io_uring_sq& queue = ring.sq;
  queue.sqe_head = queue.sqe_tail;
  std::atomic_ref<unsigned>(*queue.ktail).store(queue.sqe_tail, std::memory_order_release);
  const unsigned submitted = queue.sqe_tail - std::atomic_ref<unsigned>(*queue.khead).load(std::memory_order_acquire);

  // Without a limit the kernel would return when patience ends.
  const __kernel_timespec time = detail::to_timespec(std::min<wait_time>(limit, std::chrono::hours(1)));
  abi::getevents_argument argument{};
  argument.signal_mask_size = _NSIG / 8;
  argument.min_wait_microseconds = static_cast<std::uint32_t>(patience.count());
  argument.timeout = reinterpret_cast<std::uintptr_t>(&time);
  return ::io_uring_enter2(static_cast<unsigned>(ring.ring_fd), submitted, count, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG,
                           reinterpret_cast<sigset_t*>(&argument), sizeof argument);
}

}  // namespace s3pager::ring
