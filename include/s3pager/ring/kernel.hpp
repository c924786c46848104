// What the running kernel can do with io_uring: flags newer than Debian 12's liburing, features that can be masked, and words
// for why there is no ring at all. Knows no reactor.
#pragma once

#include <liburing.h>
#include <sys/utsname.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>

#include "s3pager/base/error.hpp"

namespace s3pager::ring {

namespace abi {
// include/uapi/linux/io_uring.h; liburing 2.3 lacks the names, the kernel's ABI has them since the version named.
inline constexpr std::uint16_t recvsend_bundle = 1U << 4;        // 6.10: IORING_RECVSEND_BUNDLE
inline constexpr std::uint32_t feature_recvsend_bundle = 1U << 14;  // 6.10: IORING_FEAT_RECVSEND_BUNDLE
inline constexpr std::uint32_t feature_min_timeout = 1U << 15;      // 6.12: IORING_FEAT_MIN_TIMEOUT

/// struct io_uring_getevents_arg as it is since 6.12: its min_wait_usec was padding before.
struct getevents_argument {
  std::uint64_t signal_mask;
  std::uint32_t signal_mask_size;
  std::uint32_t min_wait_microseconds;
  std::uint64_t timeout;
};
static_assert(sizeof(getevents_argument) == sizeof(io_uring_getevents_arg));
}  // namespace abi

/// What a reactor uses where the kernel has it; each can be masked, and then a fallback is used.
enum class feature : std::uint32_t {
  none = 0,
  defer_taskrun = 1U << 0,   ///< IORING_SETUP_SINGLE_ISSUER | DEFER_TASKRUN (6.1)
  receive_bundle = 1U << 1,  ///< one receive fills several slots (6.17, see bundles_hold_their_length); else those of a receive are taken for it beforehand
  /// Waits for many completions at first and then for one, in one call (6.12, where there is defer_taskrun); else in two. Without that, what
  /// a kernel's thread completes after the first wait is not seen before 6.19 (e15cb2200b93, liburing issue 1477).
  min_wait = 1U << 2,
  all = (1U << 3) - 1,
};
[[nodiscard]] constexpr feature operator|(feature a, feature b) noexcept {
  return static_cast<feature>(static_cast<std::uint32_t>(a) | static_cast<std::uint32_t>(b));
}
[[nodiscard]] constexpr feature operator&(feature a, feature b) noexcept {
  return static_cast<feature>(static_cast<std::uint32_t>(a) & static_cast<std::uint32_t>(b));
}
[[nodiscard]] constexpr feature operator~(feature a) noexcept {
  return static_cast<feature>(~static_cast<std::uint32_t>(a)) & feature::all;
}
[[nodiscard]] constexpr bool has(feature set, feature which) noexcept { return (set & which) == which; }

struct kernel_version {
  int major = 0;
  int minor = 0;
  [[nodiscard]] constexpr auto operator<=>(const kernel_version&) const noexcept = default;
};

[[nodiscard]] inline kernel_version running_kernel() noexcept {
  utsname name{};
  kernel_version version;
  if (::uname(&name) == 0 && std::sscanf(name.release, "%d.%d", &version.major, &version.minor) != 2) return {};
  return version;
}

/// Linux 6.1 is the floor: the first long-term kernel with ring-provided buffers and deferred task work.
inline constexpr kernel_version oldest_kernel{6, 1};

/// Whether a bundled receive (there since 6.10) is usable, which is from 6.17 on:
/// - 6.10 to 6.14 fill one buffer a one-shot receive: no gain (liburing issue 1197);
/// - 6.15, and stable kernels of 2025 that took the change, "improve recv bundles" (7c71a0af81ba), go on receiving after a
///   short transfer and put bytes out of order: 6.13.11 to 6.14.8 are reported (liburing issues 1409 and 1411), mended by
///   "only retry recv bundle for a full transfer" (3a08988123c8) and "flag partial buffer mappings" (178b8ff66ff8);
/// - before "use passed in 'len' in io_recv_buf_select()" (e227c8cdb47b, 6.17) the length of the submission does not bound a
///   receive, so that one could take slots that were granted to others. For how 6.17 has to be asked, see socket::receive.
[[nodiscard]] constexpr bool bundles_hold_their_length(kernel_version version) noexcept {
  return version >= kernel_version{6, 17};
}

/// Why io_uring_setup failed with `error_number`, and what to do. `sysctl` is the content of
/// /proc/sys/kernel/io_uring_disabled ("" where there is none), `seccomp` whether a seccomp filter is installed.
[[nodiscard]] inline std::string explain_setup_failure(int error_number, kernel_version version, const std::string& sysctl,
                                                       bool seccomp) {
  const std::string release = std::to_string(version.major) + "." + std::to_string(version.minor);
  const std::string need = std::to_string(oldest_kernel.major) + "." + std::to_string(oldest_kernel.minor);
  switch (error_number) {
    case ENOSYS:
    case EPERM:
    case EACCES:
      if (version < oldest_kernel)
        return "io_uring: this kernel is " + release + ", Linux " + need + " or later is needed";
      if (!sysctl.empty() && sysctl[0] != '0')
        return "io_uring is disabled by sysctl: kernel.io_uring_disabled = " + sysctl.substr(0, 1) +
               ", 0 is needed (or 1 and the group kernel.io_uring_group)";
      if (seccomp)
        return "io_uring is blocked by a seccomp filter, as containers' default profiles do: allow io_uring_setup, "
               "io_uring_enter and io_uring_register (docker run --security-opt seccomp=...)";
      return error_number == ENOSYS ? "io_uring: this kernel was built without it (CONFIG_IO_URING)"
                                    : "io_uring: not permitted, perhaps by a security module";
    case EINVAL:
      return "io_uring: this kernel (" + release + ") refuses the ring's parameters, Linux " + need +
             " or later is needed";
    case ENOMEM:
      return "io_uring: no memory for the ring; RLIMIT_MEMLOCK (ulimit -l) may be used up: raise it or make fewer "
             "reactors";
    case EMFILE: return "io_uring: no descriptor left in this process; raise RLIMIT_NOFILE (ulimit -n)";
    case ENFILE: return "io_uring: no descriptor left in this system (fs.file-max)";
    default: return std::string("io_uring_setup: ") + std::strerror(error_number);
  }
}

[[nodiscard]] inline error setup_failure(int error_number) {
  std::string sysctl;
  std::getline(std::ifstream("/proc/sys/kernel/io_uring_disabled") >> std::ws, sysctl);
  bool seccomp = false;
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.rfind("Seccomp:", 0) == 0) seccomp = line.find('2') != std::string::npos;
  return error(errno_code(error_number), explain_setup_failure(error_number, running_kernel(), sysctl, seccomp));
}

}  // namespace s3pager::ring
