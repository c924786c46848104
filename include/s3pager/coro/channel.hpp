// A bounded queue between coroutines. Knows nothing of reactors.
#pragma once

#include <cassert>
#include <coroutine>
#include <cstddef>
#include <optional>
#include <source_location>
#include <type_traits>
#include <utility>
#include <vector>

#include "s3pager/base/intrusive_list.hpp"
#include "s3pager/coro/promise.hpp"

namespace s3pager::coro {

/// Holds up to `capacity` values (at least one) from any number of senders for any number of receivers; values, senders and
/// receivers are each served in the order in which they came. A value stays in the channel until a receiver that has gone on
/// takes it: a receiver dropped after it was woken passes it on to the next. One thread's. It must outlive its waits.
template <class T>
class channel {
  static_assert(std::is_nothrow_move_constructible_v<T>, "a value is moved where nothing may fail");

 public:
  explicit channel(std::size_t capacity) : slots_(capacity) { assert(capacity > 0); }
  channel(const channel&) = delete;
  channel& operator=(const channel&) = delete;

  /// Values that the channel holds.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return slots_.size(); }
  [[nodiscard]] bool closed() const noexcept { return closed_; }

  /// No value is accepted any more: senders that wait end with false. Receivers get what the channel holds, then nothing.
  void close() noexcept {
    closed_ = true;
    while (!senders_.empty()) static_cast<send_awaiter&>(senders_.front()).wake();
    serve_receivers();
  }

  class send_awaiter final : private stoppable_waiter {
   public:
    send_awaiter(channel& owner, T&& value) noexcept : owner_(owner), value_(std::move(value)) {}

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    [[nodiscard]] bool await_suspend(std::coroutine_handle<Promise> handle,
                                     std::source_location site = std::source_location::current()) noexcept {
      if (owner_.closed_ || !owner_.full()) {
        const bool suspended = pass(handle, site);
        if (!stopped() && !owner_.closed_) accept();
        return suspended;
      }
      if (!arm(handle, site)) return false;
      owner_.senders_.push_back(*this);
      return true;
    }
    [[nodiscard]] bool await_resume() const {
      throw_if_stopped("sending into a channel");
      return accepted_;
    }

   private:
    friend class channel;
    void accept() noexcept {
      accepted_ = true;
      owner_.put(std::move(value_));
    }

    channel& owner_;
    T value_;
    bool accepted_ = false;
  };

  /// Puts `value` in as soon as there is room. True: the channel has it. False: it is closed, and the value is destroyed.
  /// Throws errc::cancelled if the context is stopped first. Dropping the wait drops a value that was not accepted yet.
  /// Send a plain struct from a named variable (`send(std::move(row))`): GCC 12 destroys a temporary one twice.
  [[nodiscard]] send_awaiter send(T value) noexcept { return send_awaiter(*this, std::move(value)); }

  /// Puts `value` in if there is room; else, or if it is closed, leaves it as it is and returns false.
  [[nodiscard]] bool try_send(T&& value) noexcept {
    if (closed_ || full()) return false;
    put(std::move(value));
    return true;
  }

  class receive_awaiter final : private stoppable_waiter {
   public:
    explicit receive_awaiter(channel& owner) noexcept : owner_(owner) {}
    ~receive_awaiter() {
      if (!promised_) return;
      --owner_.promised_;
      owner_.serve_receivers();
    }

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    [[nodiscard]] bool await_suspend(std::coroutine_handle<Promise> handle,
                                     std::source_location site = std::source_location::current()) noexcept {
      if (owner_.can_take() || owner_.drained()) {
        const bool suspended = pass(handle, site);
        if (!stopped() && !owner_.drained()) promise_one();
        return suspended;
      }
      if (!arm(handle, site)) return false;
      owner_.receivers_.push_back(*this);
      return true;
    }
    [[nodiscard]] std::optional<T> await_resume() {
      throw_if_stopped("receiving from a channel");
      if (!promised_) return std::nullopt;
      promised_ = false;
      --owner_.promised_;
      return owner_.take();
    }

   private:
    friend class channel;
    void promise_one() noexcept {
      promised_ = true;
      ++owner_.promised_;
    }

    channel& owner_;
    bool promised_ = false;
  };

  /// The oldest value, as soon as there is one; nothing once the channel is closed and drained. Throws errc::cancelled if
  /// the context is stopped first. Dropping the wait at any point loses no value.
  [[nodiscard]] receive_awaiter receive() noexcept { return receive_awaiter(*this); }

  /// The oldest value that is not for a receiver who came before; else nothing.
  [[nodiscard]] std::optional<T> try_receive() noexcept {
    if (!can_take()) return std::nullopt;
    return take();
  }

 private:
  [[nodiscard]] bool full() const noexcept { return size_ == slots_.size(); }
  [[nodiscard]] bool drained() const noexcept { return closed_ && size_ == 0; }
  // Every receiver that was woken finds its value, so others may only have what is beyond those.
  [[nodiscard]] bool can_take() const noexcept { return size_ > promised_; }

  void put(T&& value) noexcept {
    slots_[(first_ + size_) % slots_.size()].emplace(std::move(value));
    ++size_;
    serve_receivers();
  }

  std::optional<T> take() noexcept {
    std::optional<T> value = std::exchange(slots_[first_], std::nullopt);
    first_ = (first_ + 1) % slots_.size();
    --size_;
    if (!senders_.empty()) {
      auto& sender = static_cast<send_awaiter&>(senders_.front());
      sender.wake();
      sender.accept();
    }
    serve_receivers();
    return value;
  }

  void serve_receivers() noexcept {
    while (!receivers_.empty() && (can_take() || drained())) {
      auto& receiver = static_cast<receive_awaiter&>(receivers_.front());
      if (!drained()) receiver.promise_one();
      receiver.wake();
    }
  }

  std::vector<std::optional<T>> slots_;
  std::size_t first_ = 0;
  std::size_t size_ = 0;
  std::size_t promised_ = 0;  // receivers that were woken for a value and have not taken it yet
  bool closed_ = false;
  intrusive_list<waiter> senders_;
  intrusive_list<waiter> receivers_;
};

}  // namespace s3pager::coro
