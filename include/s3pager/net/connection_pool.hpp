// Connections by authority: kept alive when they are idle, bounded in their number, spread over the addresses of their host, and those
// who wait for one in line. Knows not what is said on a connection.
#pragma once

#include <algorithm>
#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <source_location>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "s3pager/base/clock.hpp"
#include "s3pager/base/counted.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/base/intrusive_list.hpp"
#include "s3pager/base/stopwatch.hpp"
#include "s3pager/coro/promise.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/net/address_book.hpp"
#include "s3pager/net/connect_race.hpp"
#include "s3pager/net/connection.hpp"
#include "s3pager/net/handshake.hpp"
#include "s3pager/net/host_addresses.hpp"
#include "s3pager/net/route.hpp"
#include "s3pager/ring/reactor.hpp"
#include "s3pager/ring/resolver.hpp"
#include "s3pager/ring/socket.hpp"
#include "s3pager/ring/timer.hpp"
#include "s3pager/ring/turnstile.hpp"
#include "s3pager/tls/session_cache.hpp"

namespace s3pager::net {

struct connect_deadlines {
  duration resolve = std::chrono::seconds(5);  ///< from asking for a name to its addresses
  duration connect = std::chrono::seconds(5);  ///< for each address that is tried
  duration handshake = std::chrono::seconds(10);  ///< of TLS, from there on; of a proxy's tunnel too
  time_point latest = no_deadline;             ///< for all of it
};

struct pool_options {
  std::size_t most_connections = 1024;   ///< open to a host at a time; at least 1
  duration keep_alive = std::chrono::seconds(15);  ///< how long one is kept that has no request
  int receive_window_bytes = 0;          ///< as ring::socket::widen_receive_window() has it; 0: the kernel's own choice
  ring::name_source* names = nullptr;    ///< null: the system's; must outlive the reactor
};

/// Of one host, or of all.
struct pool_statistics {
  std::size_t open = 0;        ///< connections now, idle ones and those that are being made too
  std::size_t idle = 0;        ///< of these, without a request
  std::size_t waiting = 0;     ///< requests that wait for a connection
  std::uint64_t lookups = 0;   ///< of the name that were begun
  std::uint64_t connects = 0;  ///< connections that were made
  std::uint64_t resumed = 0;   ///< of these, by TLS with a session of an earlier one
  std::uint64_t reuses = 0;    ///< requests that found one, or were handed one
  std::uint64_t discards = 0;  ///< connections that ended before they could be kept
  std::uint64_t expired = 0;   ///< that were closed while nobody used them: after keep_alive, or as their peer had closed them
  std::uint64_t waits = 0;     ///< requests that found all places taken
};

class host;
class lease;

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
class host final : public counted, private ring::timer {
 public:
  host(ring::reactor& loop, route way, const pool_options& options, ref<ring::turnstile> turns)
      : loop_(loop),
        options_(options),
        way_(std::move(way)),
        turns_(std::move(turns)),
        addresses_(loop, way_.host, way_.port, options.names) {}
  ~host() override {
    while (connection* each = idle_.pop_front()) delete each;
  }

  [[nodiscard]] const std::string& name() const noexcept { return addresses_.name(); }
  [[nodiscard]] std::uint16_t port() const noexcept { return addresses_.port(); }
  /// Of TLS.
  [[nodiscard]] std::size_t layers() const noexcept { return way_.layers(); }
  /// For messages: `NAME port N`.
  [[nodiscard]] std::string where() const { return way_.where(); }
  [[nodiscard]] std::size_t idle() const noexcept { return idle_count_; }
  /// Connections that there are or are being made, idle ones too: never more than most().
  [[nodiscard]] std::size_t open() const noexcept { return open_; }
  [[nodiscard]] std::size_t most() const noexcept { return options_.most_connections; }
  [[nodiscard]] std::size_t waiting() const noexcept { return waiting_; }
  [[nodiscard]] pool_statistics statistics() const noexcept {
    pool_statistics made = statistics_;
    made.open = open_;
    made.idle = idle_count_;
    made.waiting = waiting_;
    made.lookups = addresses_.lookups();
    return made;
  }

  /// A place, if there is one now: with the connection that was idle for the shortest time, unless it has to be a `fresh` one. One
  /// that its peer has closed, or has spoken on out of turn, is never given.
  [[nodiscard]] inline place try_place(bool fresh) noexcept;

  /// Whether there is one now for a fresh connection.
  [[nodiscard]] bool has_place() const noexcept { return line_.empty() && (open_ < most() || idle_count_ > 0); }

  class place_awaiter;
  /// Waits for a place, first come, first served. ETIMEDOUT: none became free, for anybody, for `limit` of the time that
  /// `watch`, which must outlive the wait, counts (null: of all time). ECANCELED on a stop. Dropping the wait at any point passes on what it was given.
  [[nodiscard]] inline place_awaiter wait_for_place(bool fresh, duration limit, const stopwatch* watch = nullptr) noexcept;

  /// The place's connection; if it has none, a new one, to whichever of the addresses answers first (connect_first(), in the order of
  /// an address_book); to `avoided`, which is looked at only when the task begins, if no other does. Throws error: timed_out,
  /// unavailable, or the errno of the last address that was tried; then what TLS or a proxy's tunnel failed of. The place must be
  /// one. A name is looked up when no address is known, and beside the connecting when the last lookup is old: by one for all who wait.
  [[nodiscard]] inline task<lease> connect(place at, connect_deadlines deadlines,
                                           const ring::socket_address* avoided = nullptr);
  /// The same of a place that is connected(), at once.
  [[nodiscard]] inline static lease connected(place at) noexcept;
  /// What answers from there comes too late: other addresses are better for a while.
  void was_slow(const ring::socket_address& address) noexcept { addresses_.book().set_aside(address, loop_.now()); }

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
  void drop_dead() noexcept {
    if (idle_.empty()) return;
    const time_point now = loop_.now();
    while (!idle_.empty() && !idle_.front().is_silent(loop_.turns(), now)) drop_idle(idle_.front());
  }
  void drop_idle(connection& which) noexcept {
    static_cast<list_node&>(which).unlink();
    --idle_count_;
    ++statistics_.expired;
    keep_sessions(which);
    addresses_.book().closed(which.peer());
    which.stream().say_goodbye();
    delete &which;
    leave();
  }
  void give_back(connection* which) noexcept {
    keep_sessions(*which);
    if (!which->reusable() || options_.keep_alive == duration::zero()) return discard(which);
    if (which->requests() == 1) addresses_.book().served(which->peer());
    which->idles_since(loop_.now());
    put_back(which);
  }
  /// As idle as it was, if it was not used.
  void put_back(connection* which) noexcept {
    idle_.push_front(*which);
    ++idle_count_;
    serve();
    if (idle_count_ > most_idle) discard_oldest();
    if (!armed() && !idle_.empty()) look_again();
  }
  // Timers are cheap, but not as cheap as none: one for all that are idle, armed when there was none.
  void look_again() noexcept {
    const time_point oldest = after(idle_.back().idle_since(), options_.keep_alive);
    loop_.timers().arm(*this, std::min(after(loop_.now(), look_every), oldest));
  }
  /// Closes what has been idle for too long, and what its peer has closed.
  void expired() noexcept override {
    const time_point now = loop_.now();
    intrusive_list<connection> gone;
    for (auto at = idle_.begin(); at != idle_.end();) {
      connection& each = *at;
      ++at;
      if (now < after(each.idle_since(), options_.keep_alive) && each.is_silent(loop_.turns(), now)) continue;
      static_cast<list_node&>(each).unlink();
      gone.push_back(each);
    }
    while (!gone.empty()) drop_idle(gone.front());
    if (!idle_.empty()) look_again();
  }
  void discard(connection* which) noexcept {
    keep_sessions(*which);
    addresses_.book().closed(which->peer());
    delete which;
    ++statistics_.discards;
    leave();
  }
  void keep_sessions(connection& which) noexcept {
    try {
      which.stream().give_sessions(sessions_);
    } catch (const std::bad_alloc&) {
      // A handshake more, that is all.
    }
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
  [[nodiscard]] inline error handshake_failure(const error& why, const ring::socket_address& peer, const connect_deadlines& deadlines);

  static constexpr std::size_t most_idle = 1024;
  static constexpr duration look_every = std::chrono::seconds(1);

  ring::reactor& loop_;
  pool_options options_;
  route way_;
  ref<ring::turnstile> turns_;
  tls::session_cache sessions_;
  host_addresses addresses_;
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
  if (!fresh) drop_dead();
  if (!fresh && !idle_.empty()) return take_idle();
  if (open_ >= most() && !idle_.empty()) discard_oldest();
  if (open_ >= most()) return {};
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
    if (!first.fresh_) drop_dead();
    if (!first.fresh_ && !idle_.empty()) {
      found = take_idle();
    } else {
      if (open_ >= most() && !idle_.empty()) discard_oldest();
      if (open_ >= most()) break;
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
    of->put_back(idle);
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

inline lease host::connected(place at) noexcept {
  ref<host> of = std::move(at.of_);
  return lease(std::move(of), std::exchange(at.idle_, nullptr));
}

inline task<lease> host::connect(place at, connect_deadlines deadlines, const ring::socket_address* avoided) {
  const ref<host> alive(this);
  const ring::socket_address avoid = avoided != nullptr ? *avoided : ring::socket_address();
  if (at.connected()) co_return connected(std::move(at));
  task<> addresses_known = addresses_.known(deadlines.resolve, deadlines.latest);
  co_await std::move(addresses_known);
  address_book& book = addresses_.book();
  task<race_result> race = connect_first(loop_, book, book.order(loop_.now(), avoid), deadlines.connect, deadlines.latest);
  race_result won = co_await std::move(race);
  if (won.error)
    throw connect_failure(won.error, "connecting to " + where(), "connect", deadlines.connect, loop_.now(), deadlines.latest);
  if (options_.receive_window_bytes > 0) won.socket.widen_receive_window(options_.receive_window_bytes);
  auto made = std::make_unique<connection>(std::move(won.socket), won.peer);
  if (way_.layers() > 0) {
    const time_point until = std::min(after(loop_.now(), deadlines.handshake), deadlines.latest);
    std::optional<error> failed;
    try {
      task<> rest = establish(made->stream(), way_, sessions_, turns_, until);
      co_await std::move(rest);
    } catch (const error& why) {
      failed.emplace(why);
    }
    if (failed) throw handshake_failure(*failed, won.peer, deadlines);
    if (const tls::engine* security = made->stream().security(); security != nullptr && security->resumed()) ++statistics_.resumed;
  }
  ++statistics_.connects;
  won.counted.made();
  at.of_ = {};  // its place is the connection's now
  co_return lease(alive, made.release());
}

inline error host::handshake_failure(const error& why, const ring::socket_address& peer, const connect_deadlines& deadlines) {
  const bool late = why.code() == errno_code(ETIMEDOUT);
  if (late || why.code() == errc::connection_lost) addresses_.book().set_aside(peer, loop_.now());
  if (late && loop_.now() < deadlines.latest)
    return connect_failure(why.code(), "the handshake with " + where(), "handshake", deadlines.handshake, loop_.now(), deadlines.latest);
  error_details known = why.details();
  known.message = "connecting to " + where() + ": " + known.message;
  return error(why.code(), std::move(known));
}

/// The hosts of one client. One thread's.
class connection_pool {
 public:
  explicit connection_pool(ring::reactor& loop, const pool_options& options = {})
      : loop_(loop), options_(options), turns_(make_handshake_turns(loop)) {}

  [[nodiscard]] ref<host> at(const route& way) {
    ref<host>& found = hosts_[way.key()];
    if (!found) found = make_ref<host>(loop_, way, options_, turns_);
    return found;
  }

  /// Of all hosts.
  [[nodiscard]] pool_statistics statistics() const noexcept {
    pool_statistics all;
    for (const auto& [where, each] : hosts_) {
      const pool_statistics one = each->statistics();
      all.open += one.open;
      all.idle += one.idle;
      all.waiting += one.waiting;
      all.lookups += one.lookups;
      all.connects += one.connects;
      all.resumed += one.resumed;
      all.reuses += one.reuses;
      all.discards += one.discards;
      all.expired += one.expired;
      all.waits += one.waits;
    }
    return all;
  }

 private:
  ring::reactor& loop_;
  pool_options options_;
  ref<ring::turnstile> turns_;
  std::map<std::string, ref<host>> hosts_;  // by the key of their route
};

}  // namespace s3pager::net
