// Ctrl-C: SIGINT and SIGTERM as an interruption. Knows no reactor.
#pragma once

#include <signal.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <thread>

#include "s3pager/base/error.hpp"
#include "s3pager/runtime/interruption.hpp"

namespace s3pager {

/// Is requested when SIGINT or SIGTERM arrives while it lives; before and after, they do what they did. So does the same signal
/// when it comes a second time: ends the process, as a rule. What is ignored stays ignored, as SIGINT is in what a script starts
/// with `&`: send SIGTERM there.
///
///     s3pager::signal_interruption signals;
///     return signals.exit_status(s3pager::run(main, {.stop = &signals}));
///
/// One at a time in a process, whatever its threads: handlers are the process's.
class signal_interruption : public interruption {
 public:
  /// Throws error(invalid_argument) if there is one already.
  signal_interruption() {
    signal_interruption* none = nullptr;
    if (!current().compare_exchange_strong(none, this))
      throw error(errc::invalid_argument, "signals are caught already: there may be one signal_interruption at a time");
    for (caught& each : signals_) {
      if (::sigaction(each.number, nullptr, &each.before) != 0 || each.before.sa_handler == SIG_IGN) continue;
      struct sigaction action = {};
      action.sa_handler = &signal_interruption::handle;
      action.sa_flags = SA_RESTART;
      sigemptyset(&action.sa_mask);
      for (const caught& other : signals_) sigaddset(&action.sa_mask, other.number);
      each.installed = ::sigaction(each.number, &action, nullptr) == 0;
    }
  }
  ~signal_interruption() {
    for (const caught& each : signals_)
      if (each.installed) ::sigaction(each.number, &each.before, nullptr);
    current().store(nullptr);
    // One that another thread was just interrupted by ends soon.
    while (inside().load() != 0) std::this_thread::yield();
  }

  /// The signal that came first; 0: none has.
  [[nodiscard]] int signal_number() const noexcept { return came_.load(std::memory_order_acquire); }
  /// 128 and the signal's number, as shells have it; what is given if none came.
  [[nodiscard]] int exit_status(int otherwise = 0) const noexcept {
    const int number = signal_number();
    return number != 0 ? 128 + number : otherwise;
  }

 private:
  struct caught {
    int number;
    struct sigaction before = {};
    bool installed = false;
  };

  // All that a handler can reach is static.
  [[nodiscard]] static std::atomic<signal_interruption*>& current() noexcept {
    static std::atomic<signal_interruption*> one{nullptr};
    static_assert(std::atomic<signal_interruption*>::is_always_lock_free);
    return one;
  }
  [[nodiscard]] static std::atomic<int>& inside() noexcept {
    static std::atomic<int> count{0};
    static_assert(std::atomic<int>::is_always_lock_free);
    return count;
  }

  static void handle(int number) noexcept {
    const int error_number = errno;
    inside().fetch_add(1);
    if (signal_interruption* self = current().load()) {
      for (const caught& each : self->signals_)
        if (each.number == number) ::sigaction(number, &each.before, nullptr);
      int none = 0;
      self->came_.compare_exchange_strong(none, number);
      self->request();
    }
    inside().fetch_sub(1);
    errno = error_number;
  }

  std::array<caught, 2> signals_{{{SIGINT}, {SIGTERM}}};
  std::atomic<int> came_{0};
};

}  // namespace s3pager
