// What the tests of this layer share: connected sockets, memory that operations keep, and the check that nothing is left.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3pager/base/bytes.hpp"
#include "s3pager/base/counted.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/ring/reactor.hpp"
#include "s3pager/ring/socket.hpp"

namespace s3pager::ring::test {

/// Memory for operations. Counts its living on this thread.
class memory final : public counted {
 public:
  explicit memory(std::size_t size) : bytes_(size) { ++live(); }
  explicit memory(std::string_view text) : memory(text.size()) {
    for (std::size_t i = 0; i < text.size(); ++i) bytes_[i] = static_cast<std::byte>(text[i]);
  }
  ~memory() override { --live(); }

  [[nodiscard]] std::span<std::byte> bytes() noexcept { return bytes_; }
  [[nodiscard]] std::string text(std::size_t size) const { return std::string(as_chars(bytes_).substr(0, size)); }
  [[nodiscard]] static std::size_t& live() noexcept {
    static thread_local std::size_t count = 0;
    return count;
  }

 private:
  std::vector<std::byte> bytes_;
};

/// The byte at a position of a long transfer.
[[nodiscard]] inline std::byte pattern(std::size_t at) noexcept {
  return static_cast<std::byte>((at * 2654435761U) >> 13);
}

struct connection {
  socket client = {};
  socket server = {};
};

inline socket listening(reactor& loop) {
  socket made;
  if (const auto failed = socket::listen(loop, socket_address::loopback(0), 16, made)) throw error(failed, "listen");
  return made;
}

inline socket fresh(reactor& loop) {
  socket made;
  if (const auto failed = socket::open(loop, AF_INET, made)) throw error(failed, "socket");
  return made;
}

inline task<connection> connected(reactor& loop) {
  const socket listener = listening(loop);
  connection made{fresh(loop), {}};
  const io_result done = co_await made.client.connect(listener.local_address(), no_deadline);
  if (done.error) throw error(done.error, "connect");
  accept_result taken = co_await listener.accept(no_deadline);
  if (taken.error) throw error(taken.error, "accept");
  made.server = std::move(taken.peer);
  co_return made;
}

/// Turns until no record is in use. Hangs (until ctest ends it) where an abandoned operation is never cancelled.
inline void drain(reactor& loop) {
  // What needs no completion first, or there might be none to wait for.
  while (loop.run_once(reactor::wait::no)) {
  }
  while (loop.live_operations() > 0) loop.run_once(reactor::wait::yes);
}

}  // namespace s3pager::ring::test
