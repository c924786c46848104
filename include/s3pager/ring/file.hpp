// Files on a reactor: open, read at an offset, status, close. Knows paths as bytes, and nothing of directories.
#pragma once

#include <fcntl.h>
#include <liburing.h>
#include <sys/stat.h>

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "s3pager/base/clock.hpp"
#include "s3pager/base/counted.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/base/unique_fd.hpp"
#include "s3pager/ring/await.hpp"
#include "s3pager/ring/descriptor.hpp"
#include "s3pager/ring/reactor.hpp"

namespace s3pager::ring {

namespace detail {

/// A null byte would cut a path short and name another file. The empty path names none: ENOENT.
[[nodiscard]] inline std::string_view whole_path(std::string_view path) noexcept {
  return path.find('\0') == std::string_view::npos ? path : std::string_view();
}

struct kept_path final : counted {
  explicit kept_path(std::string_view from) : path(whole_path(from)) {}
  std::string path;
};

struct kept_status final : counted {
  explicit kept_status(std::string_view from) : path(whole_path(from)) {}
  std::string path;
  struct statx status {};
};

}  // namespace detail

class open_awaiter;

struct status_result {
  std::error_code error = {};
  struct statx status = {};  ///< STATX_BASIC_STATS
};

class status_awaiter final : public operation_awaiter {
 public:
  using operation_awaiter::operation_awaiter;
  [[nodiscard]] status_result await_resume() noexcept {
    status_result result;
    result.error = take().error;
    if (owner() && !result.error) result.status = static_cast<detail::kept_status&>(*owner()->keep).status;
    owner().reset();
    return result;
  }
};

/// An open file. Movable; dropping it abandons what is in flight, and closes it once the kernel is done. Every awaited operation
/// ends by its deadline with ETIMEDOUT and on a stop with ECANCELED; what the kernel is at meanwhile is not interrupted by that, but
/// waited for when the reactor ends.
class file {
 public:
  file() noexcept = default;
  file(reactor& loop, unique_fd fd) : loop_(&loop), descriptor_(make_ref<descriptor>(std::move(fd))) {}

  /// Opens `path`, which is copied, with the flags and the mode of open(2); O_CLOEXEC is added.
  [[nodiscard]] static inline open_awaiter open(reactor& loop, std::string_view path, int flags, time_point deadline,
                                                mode_t mode = 0);

  /// The status of what `path`, which is copied, names. A symbolic link is followed.
  [[nodiscard]] static status_awaiter status(reactor& loop, std::string_view path, time_point deadline) {
    auto kept = make_ref<detail::kept_status>(path);
    operation& what = loop.make_operation(operation_kind::statx);
    return prepare_status(loop, what, AT_FDCWD, 0, std::move(kept), deadline);
  }
  /// The status of this file.
  [[nodiscard]] status_awaiter status(time_point deadline) const {
    auto kept = make_ref<detail::kept_status>(std::string_view());
    operation& what = loop_->make_operation(operation_kind::statx);
    what.target = descriptor_;
    return prepare_status(*loop_, what, fd(), AT_EMPTY_PATH, std::move(kept), deadline);
  }

  [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(descriptor_); }
  [[nodiscard]] int fd() const noexcept { return descriptor_->fd(); }
  [[nodiscard]] const ref<descriptor>& handle() const noexcept { return descriptor_; }

  /// Reads up to `into.size()` bytes from `offset` on into memory that `keep` keeps alive. Zero bytes: the end of the file.
  [[nodiscard]] io_awaiter read(std::span<std::byte> into, ref<counted> keep, std::uint64_t offset,
                                time_point deadline) const {
    operation& what = loop_->make_operation(operation_kind::read);
    what.target = descriptor_;
    const std::size_t size = std::min(into.size(), std::size_t{1} << 30);
    ::io_uring_prep_read(&what.request(), fd(), into.data(), static_cast<unsigned>(size), offset);
    what.keep = std::move(keep);
    return io_awaiter(operation_owner(*loop_, what), deadline);
  }

  /// Closes the file, which is empty from this call on, and tells whether that went well. Nothing else may be in flight on it.
  /// Where the close is not carried out (a stop, a drop), the file is closed all the same.
  [[nodiscard]] io_awaiter close(time_point deadline) {
    assert(descriptor_->operations() == 0);
    operation& what = loop_->make_operation(operation_kind::close);
    ::io_uring_prep_close(&what.request(), fd());
    what.target = std::exchange(descriptor_, {});
    return io_awaiter(operation_owner(*loop_, what), deadline);
  }
  void reset() noexcept { descriptor_ = {}; }

 private:
  [[nodiscard]] static status_awaiter prepare_status(reactor& loop, operation& what, int at, int flags,
                                                     ref<detail::kept_status> kept, time_point deadline) noexcept {
    ::io_uring_prep_statx(&what.request(), at, kept->path.c_str(), flags, STATX_BASIC_STATS, &kept->status);
    what.keep = std::move(kept);
    return status_awaiter(operation_owner(loop, what), deadline);
  }

  reactor* loop_ = nullptr;
  ref<descriptor> descriptor_;
};

struct open_result {
  std::error_code error = {};
  file opened = {};
};

class open_awaiter final : public operation_awaiter {
 public:
  using operation_awaiter::operation_awaiter;
  [[nodiscard]] open_result await_resume() {
    const outcome result = take();
    open_result made{result.error, {}};
    if (owner() && !result.error) {
      unique_fd fd(result.result);
      owner()->result = -EBADF;  // taken out of the record
      made.opened = file(owner().loop(), std::move(fd));
    }
    owner().reset();
    return made;
  }
};

inline open_awaiter file::open(reactor& loop, std::string_view path, int flags, time_point deadline, mode_t mode) {
  auto kept = make_ref<detail::kept_path>(path);
  operation& what = loop.make_operation(operation_kind::open);
  ::io_uring_prep_openat(&what.request(), AT_FDCWD, kept->path.c_str(), flags | O_CLOEXEC, mode);
  what.keep = std::move(kept);
  return open_awaiter(operation_owner(loop, what), deadline);
}

}  // namespace s3pager::ring
