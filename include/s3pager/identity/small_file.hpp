// Reads a small file whole: a token, a profile file, a cache of another tool's. Knows nothing of what is in it.
#pragma once

#include <fcntl.h>
#include <string.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <utility>

#include "s3pager/base/bytes.hpp"
#include "s3pager/base/clock.hpp"
#include "s3pager/base/counted.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/base/secret.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/ring/await.hpp"
#include "s3pager/ring/file.hpp"
#include "s3pager/ring/reactor.hpp"

namespace s3pager::identity {

namespace detail {

/// Memory for what may be secret. It begins small and grows to `most_bytes`, so that a small file doesn't take the memory of a large one.
class wiped_block final : public counted {
 public:
  explicit wiped_block(std::size_t most_bytes)
      : most_(most_bytes), size_(std::min<std::size_t>(most_bytes, 4096)), bytes_(std::make_unique_for_overwrite<std::byte[]>(size_)) {}
  ~wiped_block() override { ::explicit_bzero(bytes_.get(), used_); }
  /// What is not filled yet, which is empty only if `most_bytes` are filled.
  [[nodiscard]] std::span<std::byte> rest() {
    if (used_ == size_ && size_ < most_) grow(std::min(size_ * 2, most_));
    return {bytes_.get() + used_, size_ - used_};
  }
  [[nodiscard]] std::span<const std::byte> filled() const noexcept { return {bytes_.get(), used_}; }
  void fill(std::size_t more) noexcept { used_ += more; }

 private:
  void grow(std::size_t size) {
    auto larger = std::make_unique_for_overwrite<std::byte[]>(size);
    std::memcpy(larger.get(), bytes_.get(), used_);
    ::explicit_bzero(bytes_.get(), used_);
    bytes_ = std::move(larger);
    size_ = size;
  }

  std::size_t most_;
  std::size_t size_;
  std::unique_ptr<std::byte[]> bytes_;
  std::size_t used_ = 0;
};

/// What can't be had now keeps its code; all else is wrong with what the path was set to.
[[nodiscard]] inline error file_error(const std::string& which, std::error_code why) {
  if (why == errc::timed_out || why == errc::cancelled || why == errc::unavailable) return error(why, which + " can't be read");
  return error(errc::invalid_argument, which + " can't be read: " + why.message());
}

/// Reads to the end. Throws error as read_small_file() does; `which` is what it begins with.
[[nodiscard]] inline task<secret> read_to_end(const ring::file& from, std::string which, std::size_t most_bytes, time_point deadline) {
  const auto block = make_ref<wiped_block>(most_bytes + 1);
  for (;;) {
    const ring::io_result got = co_await from.read(block->rest(), block, block->filled().size(), deadline);
    if (got.error) throw file_error(which, got.error);
    block->fill(got.bytes);
    if (block->filled().size() > most_bytes)
      throw error(errc::invalid_argument, which + " is longer than " + std::to_string(most_bytes) + " bytes");
    if (got.bytes == 0) co_return secret(as_chars(block->filled()));
  }
}

}  // namespace detail

/// The bytes of `path`; nothing if there is no such file. It may be read while another program writes it anew under another name, and a
/// link be exchanged. Throws error that begins with `what` ("the token file of AWS_X") and has the path, but nothing that is in it:
/// invalid_argument if it is longer than `most_bytes` or can't be read, timed_out at the deadline, cancelled on a stop.
[[nodiscard]] inline task<std::optional<secret>> read_small_file(ring::reactor& loop, std::string what, std::string path,
                                                                 std::size_t most_bytes, time_point deadline) {
  const std::string which = std::move(what) + ", " + path + ',';
  // A pipe without a writer is not waited for: nobody could end that wait.
  const ring::open_result opened = co_await ring::file::open(loop, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, deadline);
  if (opened.error == errno_code(ENOENT) || opened.error == errno_code(ENOTDIR)) co_return std::nullopt;
  if (opened.error) throw detail::file_error(which, opened.error);
  task<secret> reading = detail::read_to_end(opened.opened, which, most_bytes, deadline);
  secret text = co_await std::move(reading);
  co_return text;
}

}  // namespace s3pager::identity
