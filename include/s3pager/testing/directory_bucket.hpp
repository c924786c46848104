// A bucket of the files below a directory: a key is a file's path from there. Reads only; never leaves the directory.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "s3pager/base/bytes.hpp"
#include "s3pager/base/clock.hpp"
#include "s3pager/base/counted.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/base/unique_fd.hpp"
#include "s3pager/ring/await.hpp"
#include "s3pager/ring/file.hpp"
#include "s3pager/ring/reactor.hpp"
#include "s3pager/testing/bucket.hpp"
#include "s3pager/testing/pattern.hpp"

namespace s3pager::testing {

/// Lists what was there when it was made, or when refresh() was last called; serves what is there when it is asked for. Only
/// regular files count, and no symbolic link is followed, be it a file's or a folder's. ETags are of inode, size and time of
/// change. Use from any threads.
class directory_bucket final : public bucket {
 public:
  /// Throws if there is no such directory.
  explicit directory_bucket(const std::filesystem::path& root)
      : path_(root), root_(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)) {
    if (!root_) throw error(errno_code(errno), "opening the directory " + root.string());
    refresh();
  }

  /// Lists anew.
  void refresh() {
    std::vector<object_info> found;
    namespace fs = std::filesystem;
    std::error_code failure;
    fs::recursive_directory_iterator at(path_, fs::directory_options::skip_permission_denied, failure);
    for (; !failure && at != fs::recursive_directory_iterator(); at.increment(failure)) {
      struct stat status {};
      if (::lstat(at->path().c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
      found.push_back(describe(at->path().lexically_relative(path_).native(), status));
    }
    if (failure) throw error(failure, "listing the directory " + path_.string());
    // A folder's own order is not that of keys: "a-b" is before "a/b".
    std::sort(found.begin(), found.end(), [](const object_info& a, const object_info& b) { return a.key < b.key; });
    const std::lock_guard lock(mutex_);
    objects_ = std::move(found);
  }

  void scan(std::string_view from, visitor& who) const override {
    const std::lock_guard lock(mutex_);
    auto at = std::lower_bound(objects_.begin(), objects_.end(), from,
                               [](const object_info& object, std::string_view key) { return object.key < key; });
    for (; at != objects_.end(); ++at)
      if (!who.visit(*at)) return;
  }

  [[nodiscard]] opened_object open(ring::reactor& loop, std::string_view key) const override {
    unique_fd file = open_below_root(key);
    struct stat status {};
    if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
    return {describe(std::string(key), status), make_ref<file_body>(loop, std::move(file))};
  }

 private:
  class file_body final : public object_body {
   public:
    file_body(ring::reactor& loop, unique_fd file) : file_(loop, std::move(file)), block_(make_ref<block>()) {}

    task<body_piece> read(std::uint64_t offset, std::size_t most) override {
      const std::span<std::byte> room = std::span(block_->bytes).first(std::min(most, sizeof block_->bytes));
      const ring::io_result got = co_await file_.read(room, block_, offset, no_deadline);
      body_piece piece;
      if (!got.error) piece = {room.first(got.bytes), block_};
      co_return piece;
    }

   private:
    struct block final : counted {
      std::byte bytes[256 * 1024];
    };

    ring::file file_;
    ref<block> block_;
  };

  [[nodiscard]] static object_info describe(std::string key, const struct stat& status) {
    const auto changed = std::chrono::seconds{status.st_mtim.tv_sec} + std::chrono::nanoseconds{status.st_mtim.tv_nsec};
    const auto size = static_cast<std::uint64_t>(status.st_size);
    const std::uint64_t high = detail::mix(detail::mix(status.st_ino) ^ size);
    const std::uint64_t low = detail::mix(high ^ static_cast<std::uint64_t>(changed.count()));
    unsigned char bytes[16];
    for (std::size_t i = 0; i < sizeof bytes; ++i)
      bytes[i] = static_cast<unsigned char>((i < 8 ? high : low) >> (i % 8 * 8));
    std::string etag(2 * sizeof bytes, '0');
    write_hex(bytes, etag.data());
    return {std::move(key), size, std::move(etag), wall_time{changed}};
  }

  /// Step by step, so that neither `..` nor a link can lead out; each step must be a name.
  [[nodiscard]] unique_fd open_below_root(std::string_view key) const {
    int folder = root_.get();
    unique_fd held;
    for (;;) {
      const std::size_t slash = key.find('/');
      const std::string name(key.substr(0, slash));
      if (name.empty() || name == "." || name == ".." || name.find('\0') != std::string::npos) return {};
      const bool last = slash == std::string_view::npos;
      const int flags = O_CLOEXEC | O_NOFOLLOW | (last ? O_RDONLY | O_NONBLOCK : O_PATH | O_DIRECTORY);
      unique_fd next(::openat(folder, name.c_str(), flags));
      if (!next || last) return next;
      held = std::move(next);
      folder = held.get();
      key.remove_prefix(slash + 1);
    }
  }

  std::filesystem::path path_;
  unique_fd root_;
  mutable std::mutex mutex_;
  std::vector<object_info> objects_;  // by key
};

}  // namespace s3pager::testing
