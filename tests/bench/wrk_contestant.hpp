// wrk: a load generator in C, which asks for one small object over and over, unsigned, for a second.
#pragma once

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <utility>

#include "in_child.hpp"
#include "job.hpp"
#include "measure.hpp"

namespace bench {

class wrk_contestant {
 public:
  explicit wrk_contestant(target at) : at_(std::move(at)) {}

  /// How many there are of it is wrk's to say; its connections are made within what is measured.
  [[nodiscard]] usage bulk(const bulk_job& what) const {
    const double idle_before = idle_seconds_of(at_.server_core);
    const double began = seconds_of(CLOCK_MONOTONIC);
    const std::string said = run(what.connections, at_.url() + at_.path(what.keys.front()));
    usage made;
    made.wall_seconds = seconds_of(CLOCK_MONOTONIC) - began;
    made.server_idle_seconds = idle_seconds_of(at_.server_core) - idle_before;
    rusage of_wrk{};
    ::getrusage(RUSAGE_CHILDREN, &of_wrk);
    made.cpu_seconds = seconds(of_wrk.ru_utime) + seconds(of_wrk.ru_stime);
    made.peak_kibibytes = peak_kibibytes(RUSAGE_CHILDREN);
    const std::size_t at = said.find(" requests in ");
    const std::size_t line = at == std::string::npos ? at : said.rfind('\n', at);
    if (line == std::string::npos || said.find("Non-2xx") != std::string::npos || said.find("Socket errors") != std::string::npos)
      throw std::runtime_error("wrk said: " + said);
    made.count = made.requests = std::strtoull(said.c_str() + line, nullptr, 10);
    made.bytes = made.count * what.object_bytes;
    made.connections = what.connections;
    return made;
  }

 private:
  [[nodiscard]] static double seconds(const timeval& of) noexcept {
    return static_cast<double>(of.tv_sec) + static_cast<double>(of.tv_usec) / 1e6;
  }

  /// What it prints.
  [[nodiscard]] static std::string run(unsigned connections, const std::string& url) {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) throw std::runtime_error("pipe");
    const std::string c = std::to_string(connections);
    const pid_t child = fork_child();
    if (child == 0) {
      ::dup2(ends[1], STDOUT_FILENO);
      ::close(ends[0]);
      ::close(ends[1]);
      ::execlp("wrk", "wrk", "-t", "1", "-c", c.c_str(), "-d", "1s", url.c_str(), static_cast<char*>(nullptr));
      ::_exit(127);
    }
    ::close(ends[1]);
    std::string said;
    std::array<char, 4096> some;
    for (ssize_t got = 0; (got = ::read(ends[0], some.data(), some.size())) > 0;)
      said.append(some.data(), static_cast<std::size_t>(got));
    ::close(ends[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    if (status != 0) throw std::runtime_error("wrk failed: " + said);
    return said;
  }

  target at_;
};

}  // namespace bench
