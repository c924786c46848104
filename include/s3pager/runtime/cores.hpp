// Which processors this process may use, by affinity and cgroup, and pinning a thread to one. Knows nothing of S3.
#pragma once

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "s3pager/base/error.hpp"

namespace s3pager::runtime {

/// The processors that this thread's affinity allows (sched_getaffinity(2)), by number.
[[nodiscard]] inline std::vector<int> allowed_cpus() {
  std::vector<int> cpus;
  for (std::size_t size = 1024; size <= (std::size_t{1} << 20); size *= 2) {
    std::vector<unsigned long> mask(size / (8 * sizeof(unsigned long)));
    auto* const set = reinterpret_cast<cpu_set_t*>(mask.data());
    if (::sched_getaffinity(0, size / 8, set) != 0) {
      if (errno == EINVAL) continue;  // the kernel's mask is larger
      throw error(errno_code(errno), "sched_getaffinity");
    }
    for (std::size_t cpu = 0; cpu < size; ++cpu)
      if (CPU_ISSET_S(cpu, size / 8, set)) cpus.push_back(static_cast<int>(cpu));
    return cpus;
  }
  throw error(errno_code(EINVAL), "sched_getaffinity");
}

/// What `cpu.max` of a cgroup (version 2) allows in whole processors, rounded up; 0: no limit. `text` is the file's content:
/// `200000 100000`, or `max 100000`.
[[nodiscard]] inline std::size_t cpus_of_quota(const std::string& text) {
  std::istringstream in(text);
  std::uint64_t quota = 0;
  std::uint64_t period = 0;
  if (!(in >> quota >> period) || period == 0 || quota == 0) return 0;
  return static_cast<std::size_t>((quota - 1) / period + 1);
}

/// The least quota of the cgroups that this process is in, from its own up to the root; 0: no limit.
[[nodiscard]] inline std::size_t cgroup_cpus() {
  std::ifstream in("/proc/self/cgroup");
  std::string path;
  for (std::string line; std::getline(in, line);)
    if (line.rfind("0::", 0) == 0) path = line.substr(3);
  std::size_t least = 0;
  while (!path.empty()) {
    std::string text;
    std::getline(std::ifstream("/sys/fs/cgroup" + (path == "/" ? std::string() : path) + "/cpu.max"), text);
    if (const std::size_t here = cpus_of_quota(text); here != 0) least = least == 0 ? here : std::min(least, here);
    if (path == "/") break;
    path.resize(path.rfind('/'));
    if (path.empty()) path = "/";
  }
  return least;
}

/// Where threads may run, and how many at a time.
struct placement {
  std::vector<int> cpus = {};  ///< to pin them to, one after the other; empty: not to be pinned
  std::size_t count = 1;       ///< how many are of use
};

/// A thread for each processor that is allowed; where a cgroup's quota (0: none) covers fewer, so many, and not pinned: every
/// container of the machine has the same processors to choose from, and they would all take the first ones.
[[nodiscard]] inline placement place(std::vector<int> allowed, std::size_t quota) {
  if (quota != 0 && quota < allowed.size()) return {.cpus = {}, .count = quota};
  const std::size_t count = std::max<std::size_t>(allowed.size(), 1);
  return {.cpus = std::move(allowed), .count = count};
}

/// Pins the calling thread.
inline void pin_to(int cpu) {
  std::vector<unsigned long> mask(static_cast<std::size_t>(cpu) / (8 * sizeof(unsigned long)) + 1);
  auto* const set = reinterpret_cast<cpu_set_t*>(mask.data());
  const std::size_t bytes = mask.size() * sizeof(unsigned long);
  CPU_SET_S(static_cast<std::size_t>(cpu), bytes, set);
  if (const int failed = ::pthread_setaffinity_np(::pthread_self(), bytes, set); failed != 0)
    throw error(errno_code(failed), "pinning a thread to processor " + std::to_string(cpu));
}

}  // namespace s3pager::runtime
