// Connections kept alive, by authority. Knows how to connect, and not what is said on a connection.
#pragma once

#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include "s3pager/base/clock.hpp"
#include "s3pager/base/counted.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/base/intrusive_list.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/net/connection.hpp"
#include "s3pager/ring/reactor.hpp"
#include "s3pager/ring/resolver.hpp"
#include "s3pager/ring/socket.hpp"

namespace s3pager::net {

struct connect_deadlines {
  duration resolve = std::chrono::seconds(5);  ///< from asking for a name to its addresses
  duration connect = std::chrono::seconds(5);  ///< for each address that is tried
};

struct pool_statistics {
  std::uint64_t connects = 0;  ///< connections that were made
  std::uint64_t reuses = 0;    ///< requests that found one
  std::uint64_t discards = 0;  ///< connections that ended before they could be kept
};

class lease;

/// The idle connections to one authority. Counted: leases keep it.
class host final : public counted {
 public:
  host(ring::reactor& loop, std::string name, std::uint16_t port) : loop_(loop), name_(std::move(name)), port_(port) {}
  ~host() override {
    while (connection* each = idle_.pop_front()) delete each;
  }

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] std::size_t idle() const noexcept { return idle_count_; }
  [[nodiscard]] const pool_statistics& statistics() const noexcept { return statistics_; }

  /// The connection that was idle for the shortest time; an empty lease if there is none. Those whose peer has spoken out of
  /// turn are closed.
  [[nodiscard]] inline lease take_idle() noexcept;
  /// A new connection. Throws error: timed_out, unavailable, or the errno of the last address that was tried.
  [[nodiscard]] inline task<lease> connect(connect_deadlines deadlines);

 private:
  friend class lease;

  void give_back(connection* which) noexcept {
    if (which->reusable() && idle_count_ < most_idle) {
      idle_.push_front(*which);
      ++idle_count_;
    } else {
      ++statistics_.discards;
      delete which;
    }
  }

  static constexpr std::size_t most_idle = 1024;

  ring::reactor& loop_;
  std::string name_;
  std::uint16_t port_;
  intrusive_list<connection> idle_;
  std::size_t idle_count_ = 0;
  pool_statistics statistics_;
};

/// One's own use of a connection. Dropping it closes the connection: only who has read an answer whole gives it back.
class lease {
 public:
  lease() noexcept = default;
  lease(ref<host> from, connection* which) noexcept : from_(std::move(from)), which_(which) {}
  lease(lease&& other) noexcept : from_(std::move(other.from_)), which_(std::exchange(other.which_, nullptr)) {}
  lease& operator=(lease&& other) noexcept {
    if (this != &other) {
      reset();
      from_ = std::move(other.from_);
      which_ = std::exchange(other.which_, nullptr);
    }
    return *this;
  }
  ~lease() { reset(); }

  [[nodiscard]] explicit operator bool() const noexcept { return which_ != nullptr; }
  [[nodiscard]] connection& operator*() const noexcept { return *which_; }
  [[nodiscard]] connection* operator->() const noexcept { return which_; }

  /// The answer was read whole: the connection is kept for the next request if its peer and its state allow it.
  void give_back() noexcept {
    if (connection* which = std::exchange(which_, nullptr)) from_->give_back(which);
  }
  /// Closes it, whatever state it is in.
  void reset() noexcept {
    if (connection* which = std::exchange(which_, nullptr)) {
      ++from_->statistics_.discards;
      delete which;
    }
  }

 private:
  ref<host> from_;
  connection* which_ = nullptr;
};

inline lease host::take_idle() noexcept {
  while (connection* which = idle_.pop_front()) {
    --idle_count_;
    // Bytes that nobody asked for would be read as the answer to the next request.
    std::byte unasked{};
    if (::recv(which->socket().fd(), &unasked, 1, MSG_PEEK | MSG_DONTWAIT) == 1) {
      ++statistics_.discards;
      delete which;
      continue;
    }
    ++statistics_.reuses;
    return lease(ref<host>(this), which);
  }
  return {};
}

inline task<lease> host::connect(connect_deadlines deadlines) {
  const ref<host> alive(this);
  auto resolved = co_await ring::resolve(loop_, name_, port_, after(loop_.now(), deadlines.resolve));
  if (resolved.error) throw error(resolved.error, "resolving " + name_);
  std::error_code last = errno_code(EADDRNOTAVAIL);
  for (const ring::socket_address& address : resolved.addresses) {
    ring::socket socket;
    last = ring::socket::open(loop_, address.family(), socket);
    if (last) continue;
    const ring::io_result connected = co_await socket.connect(address, after(loop_.now(), deadlines.connect));
    last = connected.error;
    if (!last) {
      ++statistics_.connects;
      co_return lease(alive, new connection(std::move(socket), address));
    }
    if (last == errc::cancelled) break;
  }
  throw error(last, "connecting to " + name_ + " port " + std::to_string(port_));
}

/// The hosts of one client. One thread's.
class connection_pool {
 public:
  explicit connection_pool(ring::reactor& loop) noexcept : loop_(loop) {}

  [[nodiscard]] ref<host> at(const std::string& name, std::uint16_t port) {
    ref<host>& found = hosts_[{name, port}];
    if (!found) found = make_ref<host>(loop_, name, port);
    return found;
  }

 private:
  ring::reactor& loop_;
  std::map<std::pair<std::string, std::uint16_t>, ref<host>> hosts_;
};

}  // namespace s3pager::net
