// What a contestant used: time, processor time, memory. Taken within the process that did the work.
#pragma once

#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <string>
#include <string_view>

#include "counted_instructions.hpp"

namespace bench {

/// Plain bytes, as it crosses a pipe.
struct usage {
  double wall_seconds = 0;
  double cpu_seconds = 0;           ///< of all threads of the process, in user and kernel
  double server_idle_seconds = 0;   ///< of the server's core meanwhile
  std::uint64_t instructions = 0;   ///< of the process, in user and kernel; 0: can't be counted here
  std::uint64_t bytes = 0;          ///< of objects
  std::uint64_t count = 0;          ///< objects, keys, or whatever the scene counts
  std::uint64_t waits = 0;          ///< calls that wait for the kernel: epoll_wait and the like
  std::uint64_t requests = 0;       ///< sent
  std::uint64_t hedges = 0;         ///< of these, second ones for what was late
  std::uint64_t resumed = 0;        ///< connections that resumed a TLS session
  std::uint64_t connections = 0;    ///< that carried it
  std::uint64_t peak_kibibytes = 0;    ///< of resident memory, all that came before included
  std::uint64_t before_kibibytes = 0;  ///< of that, what the process had before its work
  std::uint64_t bound_kibibytes = 0;   ///< what the work may add to that; 0: nobody promised anything

  /// How much of its core the server (and whoever else) had.
  [[nodiscard]] double server_busy() const noexcept {
    return wall_seconds > server_idle_seconds ? 1 - server_idle_seconds / wall_seconds : 0;
  }
  [[nodiscard]] double added_mebibytes() const noexcept {
    return static_cast<double>(peak_kibibytes - before_kibibytes) / 1024;
  }
};

[[nodiscard]] inline std::uint64_t peak_kibibytes(int who = RUSAGE_SELF) noexcept {
  rusage of_process{};
  ::getrusage(who, &of_process);
  return static_cast<std::uint64_t>(of_process.ru_maxrss);
}

[[nodiscard]] inline double seconds_of(clockid_t clock) noexcept {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

/// How long a core has been idle, to a hundredth of a second; 0 if it can't be told.
[[nodiscard]] inline double idle_seconds_of(int core) noexcept {
  if (core < 0) return 0;
  double idle = 0;
  if (std::FILE* from = std::fopen("/proc/stat", "r")) {
    std::array<char, 512> line;
    const std::string name = "cpu" + std::to_string(core) + " ";
    unsigned long long nothing = 0, waiting = 0;
    while (std::fgets(line.data(), static_cast<int>(line.size()), from) != nullptr)
      if (std::string_view(line.data()).starts_with(name) &&
          std::sscanf(line.data() + name.size(), "%*u %*u %*u %llu %llu", &nothing, &waiting) == 2)
        idle = static_cast<double>(nothing + waiting) / static_cast<double>(::sysconf(_SC_CLK_TCK));
    std::fclose(from);
  }
  return idle;
}

/// Adds up what passes between begin() and end().
class meter {
 public:
  explicit meter(int server_core = -1) : server_core_(server_core) {}

  void begin() noexcept {
    idle_began_ = idle_seconds_of(server_core_);
    instructions_.begin();
    wall_began_ = seconds_of(CLOCK_MONOTONIC);
    cpu_began_ = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
  }
  void end() noexcept {
    so_far_.cpu_seconds += seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu_began_;
    so_far_.wall_seconds += seconds_of(CLOCK_MONOTONIC) - wall_began_;
    so_far_.instructions += instructions_.end();
    so_far_.server_idle_seconds += idle_seconds_of(server_core_) - idle_began_;
  }
  /// What was measured, with what `made` says of the work.
  [[nodiscard]] usage total(const usage& made) const noexcept {
    usage all = made;
    all.wall_seconds = so_far_.wall_seconds;
    all.cpu_seconds = so_far_.cpu_seconds;
    all.server_idle_seconds = so_far_.server_idle_seconds;
    all.instructions = so_far_.instructions;
    all.peak_kibibytes = peak_kibibytes();
    return all;
  }

 private:
  usage so_far_ = {};
  counted_instructions instructions_;
  int server_core_;
  double wall_began_ = 0;
  double cpu_began_ = 0;
  double idle_began_ = 0;
};

}  // namespace bench
