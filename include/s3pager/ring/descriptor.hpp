// A file descriptor that operations in the kernel's hands keep open. Knows no ring.
#pragma once

#include <cstdint>
#include <utility>

#include "s3pager/base/counted.hpp"
#include "s3pager/base/unique_fd.hpp"

namespace s3pager::ring {

/// Closed when the last reference goes: that of its owner, or that of the last operation on it. One thread's.
class descriptor final : public counted {
 public:
  explicit descriptor(unique_fd fd) noexcept : fd_(std::move(fd)) { ++live(); }
  ~descriptor() override { --live(); }

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  /// Operations submitted and not yet completed.
  [[nodiscard]] std::uint32_t operations() const noexcept { return operations_; }
  /// Whether an operation on it was abandoned: what the peer sends from now on may be an answer to nobody.
  [[nodiscard]] bool had_orphan() const noexcept { return had_orphan_; }
  /// Idle and never abandoned: may serve another request.
  [[nodiscard]] bool reusable() const noexcept { return operations_ == 0 && !had_orphan_; }

  void operation_began() noexcept { ++operations_; }
  void operation_ended() noexcept { --operations_; }
  void operation_orphaned() noexcept { had_orphan_ = true; }
  /// A close that the kernel has carried out: the number may be another file's by now.
  void closed_by_kernel() noexcept { static_cast<void>(fd_.release()); }

  /// Descriptors open on this thread; tests hold it against zero.
  [[nodiscard]] static std::size_t& live() noexcept {
    static thread_local std::size_t count = 0;
    return count;
  }

 private:
  unique_fd fd_;
  std::uint32_t operations_ = 0;
  bool had_orphan_ = false;
};

}  // namespace s3pager::ring
