// Connecting to whichever of a host's addresses answers first. Knows addresses, not names.
#pragma once

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <system_error>
#include <utility>
#include <vector>

#include "s3pager/base/clock.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/coro/event.hpp"
#include "s3pager/coro/promise.hpp"
#include "s3pager/coro/scope.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/net/address_book.hpp"
#include "s3pager/ring/await.hpp"
#include "s3pager/ring/reactor.hpp"
#include "s3pager/ring/socket.hpp"

namespace s3pager::net {

struct race_result {
  std::error_code error = {};  ///< of the attempt that failed last; ECANCELED on a stop
  ring::socket socket = {};
  ring::socket_address peer = {};
  address_in_use counted = {};  ///< of the peer: to be told that the connection was made()
};

/// How long an address has for its answer before the next one is tried beside it (RFC 8305 5).
inline constexpr duration connection_attempt_delay = std::chrono::milliseconds(250);

namespace detail {

struct connect_race {
  ring::reactor& loop;
  address_book& book;
  std::vector<ring::socket_address> order;
  duration limit;  // of each attempt
  time_point latest;

  coro::event moved{};  // an attempt ended, or the next one may begin
  std::size_t ended = 0;
  race_result outcome{.error = errno_code(EADDRNOTAVAIL)};

  [[nodiscard]] bool won() const noexcept { return static_cast<bool>(outcome.socket); }
};

[[nodiscard]] inline task<> attempt(connect_race& in, ring::socket_address address, address_in_use counted, time_point* under_way) {
  // Whatever ends it, an exception too, is told.
  const struct ending {
    explicit ending(connect_race& of, time_point* since) noexcept : in(of), under_way(since) {}
    ending(const ending&) = delete;
    ending& operator=(const ending&) = delete;
    ~ending() {
      *under_way = no_deadline;
      ++in.ended;
      in.moved.set();
    }
    connect_race& in;
    time_point* under_way;
  } at_end(in, under_way);
  const time_point began = in.loop.now();
  ring::socket made;
  std::error_code failed = ring::socket::open(in.loop, address.family(), made);
  const bool asked = !failed;
  if (asked) {
    const ring::io_result connected = co_await made.connect(address, std::min(after(began, in.limit), in.latest));
    failed = connected.error;
  }
  if (in.won()) co_return;
  if (!failed) {
    in.outcome = {{}, std::move(made), address, std::move(counted)};
    co_return;
  }
  // Not for what is wrong on this side, nor when there was hardly time for an answer.
  const bool too_early = failed == errc::timed_out && in.loop.now() < after(began, connection_attempt_delay);
  if (asked && failed != errc::cancelled && !too_early) in.book.set_aside(address, in.loop.now());
  in.outcome.error = failed;
}

[[nodiscard]] inline task<> tell_at(connect_race& in, time_point when) {
  const std::error_code stopped = co_await ring::sleep_until(in.loop, when);
  if (!stopped) in.moved.set();
}

}  // namespace detail

/// Connects to one of `order`, which has one at least, tried in this order: the next one at once when all before have failed, or
/// after connection_attempt_delay beside those that have not answered. The first to connect wins, the others are dropped. Addresses
/// that fail or are overtaken are set aside in `book`, which must outlive this. Each attempt ends after `limit`, all of
/// them at `latest`.
[[nodiscard]] inline task<race_result> connect_first(ring::reactor& loop, address_book& book,
                                                     std::vector<ring::socket_address> order, duration limit,
                                                     time_point latest) {
  detail::connect_race race{.loop = loop, .book = book, .order = std::move(order), .limit = limit, .latest = latest};
  std::vector<time_point> under_way(race.order.size(), no_deadline);  // since when
  if (race.order.size() == 1) {
    task<> only = detail::attempt(race, race.order[0], book.use(race.order[0]), &under_way[0]);
    co_await std::move(only);
    co_return std::move(race.outcome);
  }
  coro::scope attempts(co_await coro::this_context());
  std::size_t begun = 0;
  time_point next_begins{};
  while (!race.won()) {
    const time_point now = loop.now();
    const bool all_failed = race.ended == begun;
    if (all_failed && (begun == race.order.size() || now >= latest)) break;
    if (begun < race.order.size() && (all_failed || now >= next_begins)) {
      const ring::socket_address& next = race.order[begun];
      under_way[begun] = now;
      attempts.spawn(detail::attempt(race, next, book.use(next), &under_way[begun]));
      next_begins = after(now, connection_attempt_delay);
      if (++begun < race.order.size()) attempts.spawn(detail::tell_at(race, next_begins));
      continue;
    }
    race.moved.reset();
    std::error_code stopped;
    try {
      co_await race.moved.wait();
    } catch (const error& failed) {
      stopped = failed.code();
    }
    if (stopped) {
      race.outcome.error = errno_code(ECANCELED);
      break;
    }
  }
  for (std::size_t i = 0; race.won() && i < begun; ++i)
    if (under_way[i] != no_deadline && loop.now() >= after(under_way[i], connection_attempt_delay))
      book.set_aside(race.order[i], loop.now());
  attempts.request_stop();
  co_await attempts.join();
  co_return std::move(race.outcome);
}

}  // namespace s3pager::net
