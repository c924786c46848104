// A coroutine that yields many results, each awaited. Knows nothing of reactors.
#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <source_location>
#include <utility>

#include "s3pager/coro/promise.hpp"

namespace s3pager::coro {

/// An asynchronous sequence of T: `while (auto value = co_await values.next()) use(*value);`. Lazy: it runs only while
/// `next()` is awaited, or goes on in the background from where it waits if that await is dropped; then the value is there for
/// the following `next()`. Ends with an empty optional, again at every later call; an exception of the body is rethrown from
/// `next()` once, and the end follows. Movable out of a function, also between two values; not while `next()` is awaited. One
/// `next()` at a time. Dropping it destroys its frame: that cancels whatever it waits for.
/// While it goes on in the background it obeys the stop of the context that last asked it, until the next `next()` finds it at
/// a value. Yield a plain struct from a named variable (`co_yield std::move(row)`): GCC 12 destroys a temporary one twice.
template <class T>
class [[nodiscard]] async_generator {
 public:
  class promise_type final : public promise_base {
   public:
    [[nodiscard]] async_generator get_return_object() noexcept {
      return async_generator(std::coroutine_handle<promise_type>::from_promise(*this));
    }

    /// Hands control back to who awaits next(): inline if that is on the stack, else through the ready queue.
    class hand_over {
     public:
      [[nodiscard]] bool await_ready() const noexcept { return false; }
      void await_suspend(std::coroutine_handle<promise_type> handle,
                         std::source_location site = std::source_location::current()) const noexcept {
        promise_type& promise = handle.promise();
        promise.set_site(site);
        promise.running_ = false;
        promise.tell_completion();
      }
      void await_resume() const noexcept {}
    };

    [[nodiscard]] hand_over final_suspend() noexcept {
      mark_ended();
      return {};
    }
    [[nodiscard]] hand_over yield_value(T value) {
      value_.emplace(std::move(value));
      return {};
    }
    void return_void() const noexcept {}
    void unhandled_exception() noexcept { failure_ = std::current_exception(); }

   private:
    friend class async_generator;
    std::optional<T> value_;
    std::exception_ptr failure_;
    bool running_ = false;
  };
  using handle_type = std::coroutine_handle<promise_type>;

  async_generator() noexcept = default;
  explicit async_generator(handle_type handle) noexcept : handle_(handle) {}
  async_generator(async_generator&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  async_generator& operator=(async_generator&& other) noexcept {
    if (this != &other) {
      reset();
      handle_ = std::exchange(other.handle_, nullptr);
    }
    return *this;
  }
  ~async_generator() { reset(); }

  [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(handle_); }

  /// Destroys the frame, if there is one.
  void reset() noexcept {
    if (handle_type old = std::exchange(handle_, nullptr)) old.destroy();
  }

  class next_awaiter final : private completion {
   public:
    explicit next_awaiter(handle_type generator) noexcept : generator_(generator) {}
    next_awaiter(const next_awaiter&) = delete;
    next_awaiter& operator=(const next_awaiter&) = delete;
    ~next_awaiter() = default;

    [[nodiscard]] bool await_ready() const noexcept {
      return !generator_ || (!generator_.promise().running_ && (generator_.promise().value_ || generator_.done()));
    }

    template <class Promise>
    [[nodiscard]] bool await_suspend(std::coroutine_handle<Promise> consumer,
                                     std::source_location site = std::source_location::current()) {
      promise_type& promise = generator_.promise();
      ready_queue& queue = consumer.promise().queue();
      promise.inherit(consumer.promise().context());
      if (!promise.running_) {
        promise.running_ = true;
        generator_.resume();
      }
      const bool handed_over = !promise.running_;
      if (handed_over && queue.may_continue_inline()) return false;
      consumer.promise().set_site(site);
      waiter_.bind(consumer, queue);
      if (handed_over) queue.push(waiter_);
      else promise.set_completion(this);
      return true;
    }

    [[nodiscard]] std::optional<T> await_resume() {
      if (!generator_) return std::nullopt;
      promise_type& promise = generator_.promise();
      if (promise.failure_) std::rethrow_exception(std::exchange(promise.failure_, nullptr));
      return std::exchange(promise.value_, std::nullopt);
    }

   private:
    void ended() noexcept override { waiter_.wake(); }

    handle_type generator_;
    waiter waiter_;
  };

  /// The next value, or nothing at the end.
  [[nodiscard]] next_awaiter next() noexcept { return next_awaiter(handle_); }

 private:
  handle_type handle_;
};

}  // namespace s3pager::coro

namespace s3pager {
using coro::async_generator;
}  // namespace s3pager
