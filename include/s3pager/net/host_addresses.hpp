// A host's name made into addresses: looked up by one for all who wait, and again beside their work. Knows no connection.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <new>
#include <string>
#include <system_error>
#include <utility>

#include "s3pager/base/clock.hpp"
#include "s3pager/base/duration_text.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/coro/event.hpp"
#include "s3pager/coro/scope.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/coro/when_any.hpp"
#include "s3pager/net/address_book.hpp"
#include "s3pager/ring/await.hpp"
#include "s3pager/ring/reactor.hpp"
#include "s3pager/ring/resolver.hpp"

namespace s3pager::net {

/// The failure of `doing`, which a deadline may have ended: deadlines.`which`, unless `latest`, the caller's own, has passed.
[[nodiscard]] inline error connect_failure(std::error_code why, std::string doing, const char* which, duration limit, time_point now,
                                           time_point latest) {
  if (why == errno_code(ETIMEDOUT) && now < latest)
    doing += std::string(": deadlines.") + which + " of " + to_text(limit) + " passed";
  return error(why, std::move(doing));
}

/// Not movable; one thread's. What is under way when it goes is dropped with it.
class host_addresses {
 public:
  host_addresses(ring::reactor& loop, std::string name, std::uint16_t port, ring::name_source* from)
      : loop_(loop), name_(std::move(name)), port_(port), from_(from) {
    book_.learn_for_good(ring::literal_addresses(name_, port_));
  }
  host_addresses(const host_addresses&) = delete;
  host_addresses& operator=(const host_addresses&) = delete;

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] address_book& book() noexcept { return book_; }
  /// That were begun.
  [[nodiscard]] std::uint64_t lookups() const noexcept { return lookups_; }

  /// Returns when the book knows some: at once, as a rule, though a lookup is begun if the last one is old. Throws what the lookup
  /// failed of, timed_out after `limit` or at `latest`, or cancelled.
  [[nodiscard]] task<> known(duration limit, time_point latest) {
    look_up_if_needed(limit);
    const time_point until = std::min(after(loop_.now(), limit), latest);
    for (bool joins_another = true; !book_.known(loop_.now());) {
      task<coro::when_any_result<void>> first = coro::when_any(lookup_ended(), time_passed(until));
      coro::when_any_result<void> ended{};
      std::error_code stopped;
      try {
        ended = co_await std::move(first);
      } catch (const error& why) {
        stopped = why.code();
      }
      if (stopped) throw error(stopped, "stopped while resolving " + name_);
      if (book_.known(loop_.now())) break;
      const bool late = ended.index == 1 || loop_.now() >= until;
      // One that somebody else began may end before this one's time; the next has as much.
      if (!late && last_ == errc::timed_out && std::exchange(joins_another, false)) {
        look_up_if_needed(limit);
        continue;
      }
      throw connect_failure(late ? errno_code(ETIMEDOUT) : last_, "resolving " + name_, "resolve", limit, loop_.now(), latest);
    }
  }

 private:
  void look_up_if_needed(duration limit) {
    if (looking_ || book_.fresh(loop_.now())) return;
    looking_ = true;
    ++lookups_;
    under_way_.spawn(look_up(limit));
  }
  [[nodiscard]] task<> look_up(duration limit) {
    last_ = errno_code(ENOMEM);  // if anything is thrown
    try {
      auto found = co_await ring::resolve(loop_, name_, port_, after(loop_.now(), limit), from_);
      if (!found.error) book_.learn(found.addresses, loop_.now());
      last_ = found.error;
    } catch (const std::bad_alloc&) {
    }
    looking_ = false;
    ended_.set();
    ended_.reset();
  }
  [[nodiscard]] task<> lookup_ended() {
    if (looking_) co_await ended_.wait();
  }
  // A stop ends the other wait first, which says so.
  [[nodiscard]] task<> time_passed(time_point until) { static_cast<void>(co_await ring::sleep_until(loop_, until)); }

  ring::reactor& loop_;
  std::string name_;
  std::uint16_t port_;
  ring::name_source* from_;
  address_book book_;
  bool looking_ = false;
  coro::event ended_;     // set for a moment when a lookup has ended
  std::error_code last_;  // what came of it
  std::uint64_t lookups_ = 0;
  coro::scope under_way_{loop_.context()};  // the last member: what is under way refers to the others
};

}  // namespace s3pager::net
