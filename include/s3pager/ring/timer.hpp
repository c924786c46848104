// Intrusive timers in a heap. Knows no clock: it is told what time it is.
#pragma once

#include <cassert>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

#include "s3pager/base/clock.hpp"

namespace s3pager::ring {

class timer_queue;

/// Base of what wants to be told when a time has come. Destroying it disarms it.
class timer {
 public:
  timer() noexcept = default;
  timer(const timer&) = delete;
  timer& operator=(const timer&) = delete;
  [[nodiscard]] bool armed() const noexcept { return queue_ != nullptr; }
  inline void disarm() noexcept;

 protected:
  ~timer() { disarm(); }

 private:
  friend class timer_queue;
  /// Called once, disarmed. May link, set flags, arm and disarm timers; must not resume or throw.
  virtual void expired() noexcept = 0;

  timer_queue* queue_ = nullptr;
  std::size_t index_ = 0;
};

/// The armed timers of one reactor, soonest first; equal times in no particular order.
class timer_queue {
 public:
  timer_queue() { heap_.reserve(256); }
  timer_queue(const timer_queue&) = delete;
  timer_queue& operator=(const timer_queue&) = delete;
  ~timer_queue() {
    for (const entry& each : heap_) each.who->queue_ = nullptr;
  }

  [[nodiscard]] bool empty() const noexcept { return heap_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return heap_.size(); }
  /// When the soonest is due; no_deadline if there is none.
  [[nodiscard]] time_point next() const noexcept { return heap_.empty() ? no_deadline : heap_.front().due; }

  /// Arms `who`, or moves it if it is armed. no_deadline disarms it.
  void arm(timer& who, time_point due) {
    who.disarm();
    if (due == no_deadline) return;
    heap_.push_back(entry{due, &who});
    who.queue_ = this;
    who.index_ = heap_.size() - 1;
    sift_up(who.index_);
  }

  /// Tells every timer that is due at `now`.
  void fire(time_point now) noexcept {
    while (!heap_.empty() && heap_.front().due <= now) {
      timer* who = heap_.front().who;
      who->disarm();
      who->expired();
    }
  }

 private:
  friend class timer;
  struct entry {
    time_point due;
    timer* who;
  };

  void remove(std::size_t index) noexcept {
    const entry last = heap_.back();
    heap_.pop_back();
    if (index == heap_.size()) return;
    place(index, last);
    sift_up(index);
    sift_down(last.who->index_);
  }
  void place(std::size_t index, entry what) noexcept {
    heap_[index] = what;
    what.who->index_ = index;
  }
  void sift_up(std::size_t index) noexcept {
    const entry moving = heap_[index];
    while (index > 0) {
      const std::size_t parent = (index - 1) / 2;
      if (heap_[parent].due <= moving.due) break;
      place(index, heap_[parent]);
      index = parent;
    }
    place(index, moving);
  }
  void sift_down(std::size_t index) noexcept {
    const entry moving = heap_[index];
    for (;;) {
      std::size_t child = 2 * index + 1;
      if (child >= heap_.size()) break;
      if (child + 1 < heap_.size() && heap_[child + 1].due < heap_[child].due) ++child;
      if (moving.due <= heap_[child].due) break;
      place(index, heap_[child]);
      index = child;
    }
    place(index, moving);
  }

  std::vector<entry> heap_;
};

inline void timer::disarm() noexcept {
  if (timer_queue* queue = std::exchange(queue_, nullptr)) queue->remove(index_);
}

}  // namespace s3pager::ring
