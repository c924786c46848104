// A count of something limited that coroutines take parts of, in the order in which they ask. Knows nothing of reactors.
#pragma once

#include <coroutine>
#include <cstddef>
#include <source_location>
#include <utility>

#include "s3pager/base/intrusive_list.hpp"
#include "s3pager/coro/promise.hpp"

namespace s3pager::coro {

class semaphore;

/// A part of a semaphore's count, given back when this is destroyed. Move-only; may be empty. The semaphore must outlive it.
class [[nodiscard]] permit {
 public:
  permit() noexcept = default;
  permit(permit&& other) noexcept
      : owner_(std::exchange(other.owner_, nullptr)), count_(std::exchange(other.count_, 0)) {}
  permit& operator=(permit&& other) noexcept {
    if (this != &other) {
      release();
      owner_ = std::exchange(other.owner_, nullptr);
      count_ = std::exchange(other.count_, 0);
    }
    return *this;
  }
  ~permit() { release(); }

  [[nodiscard]] explicit operator bool() const noexcept { return owner_ != nullptr; }
  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  /// Gives it back now; empty then.
  inline void release() noexcept;

 private:
  friend class semaphore;
  permit(semaphore& owner, std::size_t count) noexcept : owner_(&owner), count_(count) {}
  semaphore* owner_ = nullptr;
  std::size_t count_ = 0;
};

/// A count. Strictly first come, first served: a small request waits behind a large one, so that no large one starves.
/// One thread's. It must outlive its permits and those who wait for one.
class semaphore {
 public:
  explicit semaphore(std::size_t count) noexcept : available_(count) {}
  semaphore(const semaphore&) = delete;
  semaphore& operator=(const semaphore&) = delete;

  /// What is neither in a permit nor given to somebody who has not gone on yet.
  [[nodiscard]] std::size_t available() const noexcept { return available_; }
  [[nodiscard]] bool has_waiters() const noexcept { return !waiters_.empty(); }

  class acquire_awaiter final : private stoppable_waiter {
   public:
    acquire_awaiter(semaphore& owner, std::size_t count) noexcept : owner_(owner), count_(count) {}
    ~acquire_awaiter() {
      if (granted_) owner_.release(count_);
      else if (static_cast<waiter&>(*this).linked()) leave();
    }

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    [[nodiscard]] bool await_suspend(std::coroutine_handle<Promise> handle,
                                     std::source_location site = std::source_location::current()) noexcept {
      if (owner_.can_take(count_)) {
        const bool suspended = pass(handle, site);
        if (!stopped()) grant();
        return suspended;
      }
      if (!arm(handle, site)) return false;
      owner_.waiters_.push_back(*this);
      return true;
    }
    [[nodiscard]] permit await_resume() {
      throw_if_stopped("acquiring from a semaphore");
      granted_ = false;
      return permit(owner_, count_);
    }

   private:
    friend class semaphore;
    void grant() noexcept {
      owner_.available_ -= count_;
      granted_ = true;
    }
    // Whoever is behind a large request may be served once that is gone.
    void leave() noexcept {
      static_cast<waiter&>(*this).unlink();
      owner_.serve();
    }
    void on_stop() noexcept override {
      stoppable_waiter::on_stop();
      owner_.serve();
    }

    semaphore& owner_;
    std::size_t count_;
    bool granted_ = false;
  };

  /// Takes `count` as soon as it is there and everyone who came before has been served. More than the whole count waits until
  /// release() has added enough. Throws errc::cancelled if the context is stopped first. Dropping the wait at any point
  /// loses no count.
  [[nodiscard]] acquire_awaiter acquire(std::size_t count = 1) noexcept { return {*this, count}; }

  /// Takes `count` if it is there and nobody waits; else an empty permit.
  [[nodiscard]] permit try_acquire(std::size_t count = 1) noexcept {
    if (!can_take(count)) return {};
    available_ -= count;
    return permit(*this, count);
  }

  /// Adds to the count: what permit::release does, or more than there was at first.
  void release(std::size_t count = 1) noexcept {
    available_ += count;
    serve();
  }

 private:
  [[nodiscard]] bool can_take(std::size_t count) const noexcept { return waiters_.empty() && available_ >= count; }

  void serve() noexcept {
    while (!waiters_.empty()) {
      auto& first = static_cast<acquire_awaiter&>(waiters_.front());
      if (available_ < first.count_) return;
      first.grant();
      first.wake();
    }
  }

  intrusive_list<waiter> waiters_;
  std::size_t available_;
};

inline void permit::release() noexcept {
  if (semaphore* owner = std::exchange(owner_, nullptr)) owner->release(std::exchange(count_, 0));
}

}  // namespace s3pager::coro
