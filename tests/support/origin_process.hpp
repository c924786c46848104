// An origin in a process of its own, so that its memory, descriptors and time are not those of the client under test; and what
// the kernel knows of this process. Knows no test's expectations.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <stdexcept>
#include <string>

#include "s3pager/ring/reactor.hpp"
#include "s3pager/testing/origin.hpp"
#include "support/sanitized.hpp"

namespace s3pager::test {

/// Serves until it is destroyed, or this process ends. To be made before there are threads and reactors.
class origin_process {
 public:
  /// `prepare` adds buckets and hooks, in the new process.
  origin_process(const testing::origin_options& options, const std::function<void(testing::origin&)>& prepare) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe");
    child_ = ::fork();
    if (child_ < 0) throw std::runtime_error("fork");
    if (child_ == 0) serve(options, prepare, ends[1]);
    ::close(ends[1]);
    const bool told = ::read(ends[0], &port_, sizeof port_) == sizeof port_;
    ::close(ends[0]);
    if (!told) throw std::runtime_error("the origin did not start");
  }
  origin_process(const origin_process&) = delete;
  origin_process& operator=(const origin_process&) = delete;
  ~origin_process() {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }

  [[nodiscard]] std::string endpoint() const { return "http://127.0.0.1:" + std::to_string(port_); }

 private:
  [[noreturn]] static void serve(const testing::origin_options& options,
                                 const std::function<void(testing::origin&)>& prepare, int tell) {
    try {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ring::reactor loop;
      testing::origin served(loop, options);
      prepare(served);
      const std::uint16_t port = served.port();
      if (::write(tell, &port, sizeof port) != sizeof port) ::_exit(1);
      loop.run(served.serve());
    } catch (const std::exception&) {
    }
    ::_exit(1);
  }

  pid_t child_ = -1;
  std::uint16_t port_ = 0;
};

/// Bytes of /proc/self/status: VmRSS is what is resident now, VmHWM the most there ever was.
[[nodiscard]] inline std::uint64_t status_bytes(const std::string& name) {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);)
    if (line.rfind(name + ':', 0) == 0) return std::stoull(line.substr(name.size() + 1)) * 1024;
  throw std::runtime_error("/proc/self/status has no " + name);
}
/// Makes VmHWM begin anew (proc(5)).
inline void forget_peak() { std::ofstream("/proc/self/clear_refs") << 5; }

[[nodiscard]] inline std::size_t open_descriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

}  // namespace s3pager::test
