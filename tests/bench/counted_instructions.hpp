// Instructions, where they can be counted: by the processor, if perf_event_open(2) gives that, and by callgrind, if this
// process runs under it with --collect-atstart=no.
#pragma once

#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <utility>

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#endif

namespace bench {

class counted_instructions {
 public:
  counted_instructions() noexcept {
    perf_event_attr what{};
    what.size = sizeof what;
    what.type = PERF_TYPE_HARDWARE;
    what.config = PERF_COUNT_HW_INSTRUCTIONS;
    what.exclude_hv = 1;
    what.inherit = 1;
    descriptor_ = static_cast<int>(::syscall(SYS_perf_event_open, &what, 0, -1, -1, PERF_FLAG_FD_CLOEXEC));
  }
  counted_instructions(const counted_instructions&) = delete;
  counted_instructions& operator=(const counted_instructions&) = delete;
  ~counted_instructions() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  /// Whether the processor counts them.
  [[nodiscard]] bool by_processor() const noexcept { return descriptor_ >= 0; }

  void begin() noexcept {
    began_ = now();
    toggle();
  }
  /// Since begin(); 0 if the processor doesn't say.
  [[nodiscard]] std::uint64_t end() noexcept {
    toggle();
    return now() - std::exchange(began_, 0);
  }

 private:
  [[nodiscard]] std::uint64_t now() const noexcept {
    std::uint64_t value = 0;
    return descriptor_ >= 0 && ::read(descriptor_, &value, sizeof value) == sizeof value ? value : 0;
  }
  static void toggle() noexcept {
#ifdef CALLGRIND_TOGGLE_COLLECT
    CALLGRIND_TOGGLE_COLLECT;
#endif
  }

  int descriptor_ = -1;
  std::uint64_t began_ = 0;
};

}  // namespace bench
