// The GET of a slice, which is asked for a second time when it is late: the first to answer wins, the other is cancelled.
// Knows the window, for slots, and one slice; not what is done with the bytes.
#pragma once

#include <algorithm>
#include <coroutine>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "s3pager/base/clock.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/coro/event.hpp"
#include "s3pager/coro/promise.hpp"
#include "s3pager/coro/scope.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/pager/plan.hpp"
#include "s3pager/pager/window.hpp"
#include "s3pager/ring/buffer_pool.hpp"
#include "s3pager/ring/socket.hpp"
#include "s3pager/s3/get_object.hpp"
#include "s3pager/s3/hedge.hpp"
#include "s3pager/s3/retry.hpp"
#include "s3pager/s3/service.hpp"

namespace s3pager::pager {

namespace detail {

struct contender {
  bool succeeded = false;
  bool final = false;  ///< it failed of what another request would fail of too
  std::exception_ptr failure;
};

[[nodiscard]] inline task<> contend(task<> work, contender& as, coro::event& ended) {
  try {
    co_await std::move(work);
    as.succeeded = true;
  } catch (const error& failed) {
    as.final = classify_failure(failed) == retry_cause::permanent;
    as.failure = std::current_exception();
  } catch (...) {
    as.final = true;
    as.failure = std::current_exception();
  }
  ended.set();
}

}  // namespace detail

/// Runs both side by side until one has succeeded, and drops the other: true if that was the second. One that fails leaves the
/// other to go on, but for a first whose failure is permanent. Throws the first's failure, if there is no more to wait for.
[[nodiscard]] inline task<bool> second_wins(task<> first, task<> second) {
  detail::contender one;
  detail::contender other;
  coro::event ended;
  coro::scope both(co_await coro::this_context());
  both.spawn(detail::contend(std::move(first), one, ended));
  both.spawn(detail::contend(std::move(second), other, ended));
  for (;;) {
    co_await ended.wait();
    ended.reset();
    if (one.succeeded) co_return false;
    if (other.succeeded) co_return true;
    if (one.failure && (one.final || other.failure)) std::rethrow_exception(one.failure);
  }
}

/// Not movable. What the request refers to must live as long.
class hedged_get {
 public:
  hedged_get(ref<s3::service> with, ref<s3::bucket_target> target, const s3::get_object_request& what,
             ref<s3::request_tally> tally, window& from, slice& of)
      : service_(std::move(with)),
        target_(std::move(target)),
        tally_(std::move(tally)),
        window_(from),
        of_(of),
        what_(what),
        first_(service_, target_, what, tally_) {}
  hedged_get(const hedged_get&) = delete;
  hedged_get& operator=(const hedged_get&) = delete;

  /// The one that is of use.
  [[nodiscard]] s3::get_object& operator*() const noexcept { return *current_; }
  [[nodiscard]] s3::get_object* operator->() const noexcept { return current_; }
  [[nodiscard]] const s3::get_object& first() const noexcept { return first_; }

  /// Sends the request, on a new connection if `fresh`, until the head of an answer is there, or until the object has failed, under
  /// grants of up to `slots`. Throws what get_object::begin throws.
  [[nodiscard]] task<> open(std::uint32_t slots, bool fresh) {
    for (;;) {
      ring::grant granted;
      if (!first_.waiting()) {
        granted = co_await window_.grant(of_, slots);
        if (of_.owner->failed) co_return;
        if (!first_.try_place(fresh)) {
          of_.work_ends(service_->loop().now());
          co_await first_.wait_for_place(fresh);
          if (of_.owner->failed) co_return;
          of_.work_begins(service_->loop().now());
        }
        first_.end_by(deadline());
      }
      if (of_.owner->failed) co_return;
      const s3::get_object::progress came = co_await first_.begin(std::move(granted), fresh, wait());
      if (came == s3::get_object::progress::opened) {
        refused_ = 0;  // of its body nothing is late yet
        co_return;
      }
      if (came == s3::get_object::progress::stale) fresh = true;
      if (came != s3::get_object::progress::late) continue;
      ring::grant spare = spare_slots(slots);
      if (!spare) continue;
      static_cast<void>(co_await race(open(slots, fresh), what_, std::move(spare)));
      of_.work_begins(service_->loop().now());  // the first one may have waited for a place
      co_return;
    }
  }

  /// When the object has taken its time, if this slice of it is at work until then.
  [[nodiscard]] time_point deadline() const noexcept {
    return of_.owner->clock.reaches(service_->settings().deadlines.object, service_->loop().now());
  }

  /// Something came of the body, so that it is not late any more.
  void goes_on() noexcept { refused_ = 0; }
  /// How long a receive of the body may bring nothing: then it is waiting(), and to be overtaken.
  [[nodiscard]] duration stall() const noexcept { return patient(service_->hedging().stall()); }

  /// Up to `want` slots for a second request now; none if there is to be none.
  [[nodiscard]] ring::grant spare_slots(std::uint32_t want) noexcept {
    const time_point now = service_->loop().now();
    ring::grant given;
    if (!hedged_ && service_->hedging().may_hedge(now) && !service_->retries().pace().limited(now) && target_->host()->has_place())
      given = window_.spare_grant(of_, want);
    if (!given) refused_ = std::min(refused_ + 1, most_refused);
    return given;
  }

  /// The body stalls: asks for `rest`, which is what is left of it, and returns when either has brought something: true if
  /// the second one was faster, whose head is there then. Throws what get_object::receive throws.
  [[nodiscard]] task<bool> overtake(const s3::get_object_request& rest, ring::grant spare) {
    return race(first_.receive({}), rest, std::move(spare));
  }

 private:
  [[nodiscard]] duration wait() const noexcept { return patient(service_->hedging().wait()); }
  /// Whoever is late and may not ask again asks for that less and less often.
  [[nodiscard]] duration patient(duration usual) const noexcept {
    if (hedged_ || usual > hedge_budget::never / (1 << most_refused)) return hedge_budget::never;
    return usual * (1 << refused_);
  }
  static constexpr std::uint32_t most_refused = 12;

  /// `first` is how the late request goes on.
  [[nodiscard]] task<bool> race(task<> first, const s3::get_object_request& what, ring::grant spare) {
    hedged_ = true;
    service_->hedging().hedged();
    const ring::socket_address late = first_.peer();
    second_ = std::make_unique<s3::get_object>(service_, target_, what, tally_);
    second_->hedge_against(late);
    if (co_await second_wins(std::move(first), ask_again(std::move(spare)))) {
      current_ = second_.get();
      first_.overtaken();
      co_return true;
    }
    second_->abandon(make_error_code(errc::cancelled));
    co_return false;
  }

  [[nodiscard]] task<> ask_again(ring::grant spare) {
    // Whoever waits for a place waits for one that is not late yet.
    if (!second_->try_place(true)) throw error(errc::unavailable, "no connection to spare for a second request");
    second_->end_by(deadline());
    for (;;) {
      const s3::get_object::progress came = co_await second_->begin(std::move(spare), true);
      if (came == s3::get_object::progress::opened) break;
      spare = window_.spare_grant(of_, 1);
      if (!spare) throw error(errc::window_exhausted, "no slots to spare for a second request");
    }
    // A server may have passed over If-Match: another version is no answer.
    const std::string_view etag = second_->header("etag").value_or(std::string_view());
    const std::string& before = of_.owner->answered_etag;
    if (!etag.empty() && !before.empty() && etag != before)
      throw second_->failure(errc::changed, "a second request was answered with another version");
  }

  ref<s3::service> service_;
  ref<s3::bucket_target> target_;
  ref<s3::request_tally> tally_;
  window& window_;
  slice& of_;
  const s3::get_object_request& what_;
  s3::get_object first_;
  std::unique_ptr<s3::get_object> second_;
  s3::get_object* current_ = &first_;
  std::uint32_t refused_ = 0;  // how often its head, or its body, was late and there was no second one; up to most_refused
  bool hedged_ = false;
};

}  // namespace s3pager::pager
