// A server in another process, to be stopped with SIGSTOP, killed, and started again on its port. Knows how to start and to
// end it, not what it serves.
#pragma once

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include "s3pager/base/unique_fd.hpp"

extern char** environ;  // NOLINT

namespace s3pager::test {

/// A child process, killed and waited for at the latest with this.
class child_process {
 public:
  child_process() noexcept = default;
  /// What it prints first, up to the end of the line, is kept.
  child_process(std::string program, std::string argument) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::system_error(errno, std::system_category(), "pipe2");
    const unique_fd reading(ends[0]);
    unique_fd writing(ends[1]);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, writing.get(), STDOUT_FILENO);
    std::array<char*, 3> arguments{program.data(), argument.data(), nullptr};
    const int failed = ::posix_spawn(&pid_, program.c_str(), &actions, nullptr, arguments.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    if (failed != 0) {
      pid_ = 0;
      throw std::system_error(failed, std::system_category(), program);
    }
    writing.reset();
    char next = 0;
    ssize_t got = 0;
    while ((got = ::read(reading.get(), &next, 1)) == 1 && next != '\n') line_ += next;
    if (got == 1) return;
    kill();
    throw std::runtime_error(program + " ended without a line");
  }
  child_process(child_process&& other) noexcept
      : pid_(std::exchange(other.pid_, 0)), line_(std::move(other.line_)) {}
  child_process& operator=(child_process&& other) noexcept {
    kill();
    pid_ = std::exchange(other.pid_, 0);
    line_ = std::move(other.line_);
    return *this;
  }
  ~child_process() { kill(); }

  [[nodiscard]] const std::string& line() const noexcept { return line_; }
  void stop() const noexcept { ::kill(pid_, SIGSTOP); }
  void go_on() const noexcept { ::kill(pid_, SIGCONT); }
  void kill() noexcept {
    if (pid_ == 0) return;
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {}
    pid_ = 0;
  }

 private:
  pid_t pid_ = 0;
  std::string line_;
};

}  // namespace s3pager::test
