// Connections by authority: kept alive when they are idle, bounded in their number, and those who wait for one in line.
// Knows how to connect, and not what is said on a connection.
#pragma once

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <source_location>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "s3pager/base/clock.hpp"
#include "s3pager/base/counted.hpp"
#include "s3pager/base/duration_text.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/base/intrusive_list.hpp"
#include "s3pager/base/stopwatch.hpp"
#include "s3pager/coro/promise.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/net/connection.hpp"
#include "s3pager/ring/reactor.hpp"
#include "s3pager/ring/resolver.hpp"
#include "s3pager/ring/socket.hpp"
#include "s3pager/ring/timer.hpp"

namespace s3pager::net {

struct connect_deadlines {
  duration resolve = std::chrono::seconds(5);  ///< from asking for a name to its addresses
  duration connect = std::chrono::seconds(5);  ///< for each address that is tried
  time_point latest = no_deadline;             ///< for all of it
};

struct pool_statistics {
  std::uint64_t connects = 0;  ///< connections that were made
  std::uint64_t reuses = 0;    ///< requests that found one, or were handed one
  std::uint64_t discards = 0;  ///< connections that ended before they could be kept
  std::uint64_t waits = 0;     ///< requests that found all places taken
};

class host;
class lease;

/// Moves what is equal to `avoided` to the end. The others keep their order.
inline void put_last(std::vector<ring::socket_address>& addresses, const ring::socket_address& avoided) noexcept {
  if (avoided.size == 0) return;
  // (std::stable_partition of libstdc++ 12 uses what is deprecated, which clang minds.)
  std::fill(std::remove(addresses.begin(), addresses.end(), avoided), addresses.end(), avoided);
}

/// A place among the connections of a host: one that is there already, or the right to make one. Whoever drops it passes it on to
/// who waits first.
class [[nodiscard]] place {
 public:
  place() noexcept = default;
  place(place&& other) noexcept : of_(std::move(other.of_)), idle_(std::exchange(other.idle_, nullptr)) {}
  place& operator=(place&& other) noexcept {
    if (this != &other) {
      reset();
      of_ = std::move(other.of_);
      idle_ = std::exchange(other.idle_, nullptr);
    }
    return *this;
  }
  ~place() { reset(); }

  [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(of_); }
  /// Whether it comes with a connection.
  [[nodiscard]] bool connected() const noexcept { return idle_ != nullptr; }
  inline void reset() noexcept;

 private:
  friend class host;
  place(ref<host> of, connection* idle) noexcept : of_(std::move(of)), idle_(idle) {}

  ref<host> of_;  // empty: no place
  connection* idle_ = nullptr;
};

struct place_result {
  std::error_code error = {};
  net::place given = {};
};

/// The connections to one authority. Counted: places and leases keep it.
class host final : public counted {
 public:
  host(ring::reactor& loop, std::string name, std::uint16_t port, std::size_t most_connections)
      : loop_(loop), name_(std::move(name)), port_(port), most_(most_connections) {}
  ~host() override {
    while (connection* each = idle_.pop_front()) delete each;
  }

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] std::size_t idle() const noexcept { return idle_count_; }
  /// Connections that there are or are being made, idle ones too: never more than most().
  [[nodiscard]] std::size_t open() const noexcept { return open_; }
  [[nodiscard]] std::size_t most() const noexcept { return most_; }
  [[nodiscard]] std::size_t waiting() const noexcept { return waiting_; }
  [[nodiscard]] const pool_statistics& statistics() const noexcept { return statistics_; }

  /// A place, if there is one now: with the connection that was idle for the shortest time, unless it has to be a `fresh` one.
  /// Connections whose peer has spoken out of turn are closed.
  [[nodiscard]] inline place try_place(bool fresh) noexcept;

  /// Whether there is one now for a fresh connection.
  [[nodiscard]] bool has_place() const noexcept { return line_.empty() && (open_ < most_ || idle_count_ > 0); }

  class place_awaiter;
  /// Waits for a place, first come, first served. ETIMEDOUT: none became free, for anybody, for `limit` of the time that
  /// `watch`, which must outlive the wait, counts (null: of all time). ECANCELED on a stop. Dropping the wait at any point passes on what it was given.
  [[nodiscard]] inline place_awaiter wait_for_place(bool fresh, duration limit, const stopwatch* watch = nullptr) noexcept;

  /// The place's connection; if it has none, a new one, to another address than `avoided` if there is one that answers. Throws error:
  /// timed_out, unavailable, or the errno of the last address that was tried. The place must be one. `avoided` is looked at only when the
  /// task begins.
  [[nodiscard]] inline task<lease> connect(place at, connect_deadlines deadlines,
                                           const ring::socket_address* avoided = nullptr);

 private:
  friend class lease;
  friend class place;

  [[nodiscard]] place take_idle() noexcept {
    connection* which = idle_.pop_front();
    --idle_count_;
    ++statistics_.reuses;
    return place(ref<host>(this), which);
  }
  // Bytes that nobody asked for would be read as the answer to the next request.
  void drop_outspoken() noexcept {
    std::byte unasked{};
    while (!idle_.empty() && ::recv(idle_.front().socket().fd(), &unasked, 1, MSG_PEEK | MSG_DONTWAIT) == 1) {
      connection* which = idle_.pop_front();
      --idle_count_;
      discard(which);
    }
  }
  void give_back(connection* which) noexcept {
    if (!which->reusable()) return discard(which);
    idle_.push_front(*which);
    ++idle_count_;
    serve();
    if (idle_count_ > most_idle) discard_oldest();
  }
  void discard(connection* which) noexcept {
    delete which;
    ++statistics_.discards;
    leave();
  }
  void discard_oldest() noexcept {
    connection* which = &idle_.back();
    static_cast<list_node&>(*which).unlink();
    --idle_count_;
    discard(which);
  }
  void leave() noexcept {
    --open_;
    serve();
  }
  inline void serve() noexcept;

  static constexpr std::size_t most_idle = 1024;

  ring::reactor& loop_;
  std::string name_;
  std::uint16_t port_;
  std::size_t most_;
  intrusive_list<connection> idle_;
  intrusive_list<coro::waiter> line_;  // place_awaiters
  std::size_t idle_count_ = 0;
  std::size_t open_ = 0;
  std::size_t waiting_ = 0;
  std::uint64_t moves_ = 0;  // places that were given to who waited
  bool serving_ = false;
  pool_statistics statistics_;
};

class host::place_awaiter final : public coro::stoppable_waiter, private ring::timer {
 public:
  place_awaiter(ref<host> of, bool fresh, duration limit, const stopwatch* watch) noexcept
      : of_(std::move(of)), fresh_(fresh), limit_(limit), watch_(watch) {}
  place_awaiter(const place_awaiter&) = delete;
  place_awaiter& operator=(const place_awaiter&) = delete;
  ~place_awaiter() { leave_line(); }

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <class Promise>
  [[nodiscard]] bool await_suspend(std::coroutine_handle<Promise> handle,
                                   std::source_location site = std::source_location::current()) {
    given_ = of_->try_place(fresh_);
    if (given_) {
      const bool suspended = pass(handle, site);
      if (stopped()) given_.reset();
      return suspended;
    }
    if (!arm(handle, site)) return false;
    of_->line_.push_back(*this);
    in_line_ = true;
    ++of_->waiting_;
    ++of_->statistics_.waits;
    begin_span();
    of_->loop_.timers().arm(*this, after(of_->loop_.now(), limit_));
    return true;
  }
  [[nodiscard]] place_result await_resume() noexcept {
    place_result made;
    if (stopped())
      made.error = errno_code(ECANCELED);
    else if (!given_)
      made.error = errno_code(ETIMEDOUT);
    made.given = std::move(given_);
    return made;
  }

 private:
  friend class host;

  void give(place what) noexcept {
    given_ = std::move(what);
    leave_line();
    disarm();
    wake();
  }
  void leave_line() noexcept {
    if (std::exchange(in_line_, false)) --of_->waiting_;
  }
  [[nodiscard]] duration counted_so_far() const noexcept {
    const time_point now = of_->loop_.now();
    return watch_ != nullptr ? watch_->elapsed(now) : now.time_since_epoch();
  }
  void begin_span() noexcept {
    began_ = counted_so_far();
    moves_ = of_->moves_;
  }
  void expired() noexcept override {
    const duration spent = counted_so_far() - began_;
    duration left = limit_ - spent;
    if (of_->moves_ != moves_) {
      begin_span();
      left = limit_;
    }
    if (left > duration::zero()) {
      of_->loop_.timers().arm(*this, after(of_->loop_.now(), left));
      return;
    }
    leave_line();
    wake();
  }
  void on_stop() noexcept override {
    leave_line();
    disarm();
    stoppable_waiter::on_stop();
  }

  ref<host> of_;
  bool fresh_;
  bool in_line_ = false;
  duration limit_;
  const stopwatch* watch_;
  duration began_{0};
  std::uint64_t moves_ = 0;
  place given_;
};

inline place host::try_place(bool fresh) noexcept {
  if (!line_.empty()) return {};
  if (!fresh) drop_outspoken();
  if (!fresh && !idle_.empty()) return take_idle();
  if (open_ >= most_ && !idle_.empty()) discard_oldest();
  if (open_ >= most_) return {};
  ++open_;
  return place(ref<host>(this), nullptr);
}

inline host::place_awaiter host::wait_for_place(bool fresh, duration limit, const stopwatch* watch) noexcept {
  return place_awaiter(ref<host>(this), fresh, limit, watch);
}

inline void host::serve() noexcept {
  // What is given up on the way, an old connection for a new one, leads back here.
  if (std::exchange(serving_, true)) return;
  while (!line_.empty()) {
    auto& first = static_cast<place_awaiter&>(line_.front());
    place found;
    if (!first.fresh_) drop_outspoken();
    if (!first.fresh_ && !idle_.empty()) {
      found = take_idle();
    } else {
      if (open_ >= most_ && !idle_.empty()) discard_oldest();
      if (open_ >= most_) break;
      ++open_;
      found = place(ref<host>(this), nullptr);
    }
    ++moves_;
    first.give(std::move(found));
  }
  serving_ = false;
}

inline void place::reset() noexcept {
  const ref<host> of = std::move(of_);
  connection* idle = std::exchange(idle_, nullptr);
  if (!of) return;
  if (idle != nullptr)
    of->give_back(idle);
  else
    of->leave();
}

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
    if (connection* which = std::exchange(which_, nullptr)) from_->discard(which);
  }

 private:
  ref<host> from_;
  connection* which_ = nullptr;
};

inline task<lease> host::connect(place at, connect_deadlines deadlines, const ring::socket_address* avoided) {
  const ref<host> alive(this);
  const ring::socket_address avoid = avoided != nullptr ? *avoided : ring::socket_address();
  if (at.connected()) {
    at.of_ = {};
    co_return lease(alive, std::exchange(at.idle_, nullptr));
  }
  // Which deadline it was, unless it is the caller's own.
  const auto failed = [&](std::error_code why, const char* which, duration limit, std::string doing) {
    if (why == errno_code(ETIMEDOUT) && loop_.now() < deadlines.latest)
      doing += std::string(": deadlines.") + which + " of " + to_text(limit) + " passed";
    return error(why, std::move(doing));
  };
  auto resolved = co_await ring::resolve(loop_, name_, port_, std::min(after(loop_.now(), deadlines.resolve), deadlines.latest));
  if (resolved.error) throw failed(resolved.error, "resolve", deadlines.resolve, "resolving " + name_);
  put_last(resolved.addresses, avoid);
  std::error_code last = errno_code(EADDRNOTAVAIL);
  for (const ring::socket_address& address : resolved.addresses) {
    ring::socket socket;
    last = ring::socket::open(loop_, address.family(), socket);
    if (last) continue;
    const ring::io_result connected =
        co_await socket.connect(address, std::min(after(loop_.now(), deadlines.connect), deadlines.latest));
    last = connected.error;
    if (!last) {
      ++statistics_.connects;
      connection* made = new connection(std::move(socket), address);
      at.of_ = {};  // its place is the connection's now
      co_return lease(alive, made);
    }
    if (last == errc::cancelled || loop_.now() >= deadlines.latest) break;
  }
  throw failed(last, "connect", deadlines.connect, "connecting to " + name_ + " port " + std::to_string(port_));
}

/// The hosts of one client. One thread's.
class connection_pool {
 public:
  static constexpr std::size_t default_most = 1024;
  /// `most_connections`, at least 1, are open to a host at a time.
  explicit connection_pool(ring::reactor& loop, std::size_t most_connections = default_most) noexcept
      : loop_(loop), most_(most_connections) {}

  [[nodiscard]] ref<host> at(const std::string& name, std::uint16_t port) {
    ref<host>& found = hosts_[{name, port}];
    if (!found) found = make_ref<host>(loop_, name, port, most_);
    return found;
  }

 private:
  ring::reactor& loop_;
  std::size_t most_;
  std::map<std::pair<std::string, std::uint16_t>, ref<host>> hosts_;
};

}  // namespace s3pager::net
