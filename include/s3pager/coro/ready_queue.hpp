// Who is to be resumed next: an intrusive queue of suspended coroutines. The only place, besides a parent's first await
// of a child, where a coroutine is resumed. Knows neither clocks nor I/O.
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>

#include "s3pager/base/intrusive_list.hpp"

namespace s3pager::coro {

class ready_queue;

/// One suspended coroutine: a part of an awaiter, and so of the frame that waits. It is in one list at a time: that of
/// what it waits for, or the ready queue. Destroying the frame takes it off either.
class waiter : public list_node {
 public:
  waiter() noexcept = default;

  void bind(std::coroutine_handle<> handle, ready_queue& queue) noexcept {
    handle_ = handle;
    queue_ = &queue;
  }
  [[nodiscard]] bool bound() const noexcept { return queue_ != nullptr; }
  /// Takes it off the list it waits in and links it into the ready queue. Resumes nothing.
  inline void wake() noexcept;

 private:
  friend class ready_queue;
  std::coroutine_handle<> handle_;
  ready_queue* queue_ = nullptr;
};

/// One a thread's reactor. Everything on its thread.
class ready_queue {
 public:
  /// How many awaits in a row may end inline before one goes through the queue, so that others get their turn.
  static constexpr std::uint32_t inline_limit = 128;

  ready_queue() noexcept = default;

  void push(waiter& who) noexcept { ready_.push_back(who); }
  [[nodiscard]] bool empty() const noexcept { return ready_.empty(); }

  /// Resumes up to `budget` coroutines, in the order in which they became ready. Returns how many were resumed.
  std::size_t run(std::size_t budget) {
    std::size_t count = 0;
    while (count < budget) {
      waiter* next = ready_.pop_front();
      if (next == nullptr) break;
      ++count;
      ++resumptions_;
      inline_left_ = inline_limit;
      next->handle_.resume();
    }
    return count;
  }

  /// True if the await that has just completed inline may go on at once; false once every inline_limit: then it
  /// must go through the queue.
  [[nodiscard]] bool may_continue_inline() noexcept {
    if (inline_left_ == 0) {
      inline_left_ = inline_limit;
      return false;
    }
    --inline_left_;
    return true;
  }

  [[nodiscard]] std::uint64_t resumptions() const noexcept { return resumptions_; }

 private:
  intrusive_list<waiter> ready_;
  std::uint64_t resumptions_ = 0;
  std::uint32_t inline_left_ = inline_limit;
};

inline void waiter::wake() noexcept {
  unlink();
  queue_->push(*this);
}

}  // namespace s3pager::coro
