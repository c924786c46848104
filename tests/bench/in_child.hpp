// A contestant in a process of its own: nothing of one that ran before is left in its memory, or counted as its own.
#pragma once

#include <malloc.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <functional>
#include <stdexcept>

#include "measure.hpp"

namespace bench {

/// Forks a process that does not outlive this one; 0 in the child.
[[nodiscard]] inline pid_t fork_child() {
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error("fork");
  if (child == 0 && (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() != parent)) ::_exit(1);
  return child;
}

/// Throws if it fails; why, it has printed. What memory this process has must be what it needs: the child has it as well, and whatever
/// it takes of it is not counted.
[[nodiscard]] inline usage run_in_child(const std::function<usage()>& work) {
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) throw std::runtime_error("pipe");
  std::fflush(nullptr);
  ::malloc_trim(0);
  const pid_t child = fork_child();
  if (child == 0) {
    ::close(ends[0]);
    int status = 1;
    try {
      const std::uint64_t before = peak_kibibytes();
      usage made = work();
      made.before_kibibytes = before;
      status = ::write(ends[1], &made, sizeof made) == static_cast<ssize_t>(sizeof made) ? 0 : 1;
    } catch (const std::exception& failed) {
      std::fprintf(stderr, "bench: %s\n", failed.what());
    }
    std::fflush(nullptr);
    ::_exit(status);
  }
  ::close(ends[1]);
  usage made;
  const bool whole = ::read(ends[0], &made, sizeof made) == static_cast<ssize_t>(sizeof made);
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (!whole || status != 0) throw std::runtime_error("a contestant failed");
  return made;
}

}  // namespace bench
