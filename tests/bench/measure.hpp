// What a contestant used: time, processor time, memory. Taken within the process that did the work.
#pragma once

#include <sys/resource.h>

#include <cstdint>
#include <ctime>

namespace bench {

/// Plain bytes, as it crosses a pipe.
struct usage {
  double wall_seconds = 0;
  double cpu_seconds = 0;           ///< of all threads of the process, in user and kernel
  std::uint64_t bytes = 0;          ///< of objects
  std::uint64_t count = 0;          ///< objects
  std::uint64_t waits = 0;          ///< calls that wait for the kernel: epoll_wait and the like
  std::uint64_t resumed = 0;        ///< connections that resumed a TLS session
  std::uint64_t connections = 0;    ///< that carried it
  std::uint64_t peak_kibibytes = 0; ///< of resident memory, all that came before included
  double server_busy = 0;           ///< how much of a core the server had while the contestant ran, its warming up included
};

/// Adds up what passes between begin() and end().
class meter {
 public:
  void begin() noexcept {
    wall_began_ = seconds(CLOCK_MONOTONIC);
    cpu_began_ = seconds(CLOCK_PROCESS_CPUTIME_ID);
  }
  void end() noexcept {
    so_far_.cpu_seconds += seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu_began_;
    so_far_.wall_seconds += seconds(CLOCK_MONOTONIC) - wall_began_;
  }
  [[nodiscard]] usage total() const noexcept {
    usage made = so_far_;
    rusage of_process{};
    ::getrusage(RUSAGE_SELF, &of_process);
    made.peak_kibibytes = static_cast<std::uint64_t>(of_process.ru_maxrss);
    return made;
  }

 private:
  [[nodiscard]] static double seconds(clockid_t of) noexcept {
    timespec now{};
    ::clock_gettime(of, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
  }

  usage so_far_ = {};
  double wall_began_ = 0;
  double cpu_began_ = 0;
};

}  // namespace bench
