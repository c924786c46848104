// Who of a run's lanes may receive next: the memory bound, and the order in which room is given. Knows the plan, the pool of slots and how
// far lanes may run ahead; no pages.
#pragma once

#include <algorithm>
#include <cassert>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <source_location>
#include <utility>

#include "s3pager/base/clock.hpp"
#include "s3pager/base/counted.hpp"
#include "s3pager/base/intrusive_list.hpp"
#include "s3pager/coro/promise.hpp"
#include "s3pager/pager/plan.hpp"
#include "s3pager/pager/run_ahead.hpp"
#include "s3pager/ring/buffer_pool.hpp"
#include "s3pager/ring/reactor.hpp"

namespace s3pager::pager {

/// One run's share of a client's slots. Grants are given in plan order, and a few slots are kept back that only the head of
/// the line may take, the slice that the consumer needs next: so it always gets on, however far others have run ahead. Nor do
/// those that run ahead take the last slots of the client, which are for the heads of other streams, that may begin later; nor
/// more of them than leave the caller a quarter of all to hold; in order, and where the thread is busy, only what run_ahead lets them
/// have.
class grant_line final : private ring::buffer_pool::listener {
 public:
  /// `in_order`: objects are handed on one after the other, so that lanes can be ahead of the consumer.
  grant_line(ring::reactor& loop, ref<ring::buffer_pool> pool, plan& of, bool in_order)
      : loop_(loop), pool_(std::move(pool)), plan_(of), in_order_(in_order), run_ahead_(loop.clock()) {}
  grant_line(const grant_line&) = delete;
  grant_line& operator=(const grant_line&) = delete;
  ~grant_line() { end(); }

  /// Takes its share of the slots: before the first lane works, so that a stream that is only held takes none.
  void begin() noexcept {
    reserve_target_ = std::clamp<std::uint32_t>(pool_->capacity() / 16, 1, 16);
    left_to_others_ = pool_->capacity() / 16;
    pool_->add_listener(*this);
    reserve_ = pool_->try_grant(1);
    top_up_reserve();
  }
  /// Gives up what it keeps back, for good: no lane works any more.
  void end() noexcept {
    static_cast<list_node&>(*this).unlink();
    reserve_target_ = 0;
    reserve_.reset();
  }

  /// Waits for a grant of 1 to `want` slots for `of`; an empty one once its object has failed. Throws errc::cancelled on a
  /// stop. No deadline: a consumer that is slow may be so for hours. Meanwhile the slice is not at work.
  class awaiter final : public coro::stoppable_waiter {
   public:
    awaiter(grant_line& owner, slice& of, std::uint32_t want) noexcept : owner_(owner), of_(of), want_(want) {}

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    [[nodiscard]] bool await_suspend(std::coroutine_handle<Promise> handle,
                                     std::source_location site = std::source_location::current()) noexcept {
      const bool failed = of_.owner->failed;
      // What is left of the last grant makes room for this one first, and then for who comes later in the plan.
      const bool were_far = owner_.far_ahead();
      owner_.bytes_ahead_ -= std::exchange(of_.granted, 0);
      if (!failed && owner_.may_take_now(of_)) given_ = owner_.take(of_, want_);
      bool suspended = false;
      if (given_ || failed) {
        suspended = pass(handle, site);
        if (stopped()) given_.reset();
      } else if (arm(handle, site)) {
        suspended = true;
        owner_.enqueue(*this);
        waits_since_ = owner_.loop_.now();
        of_.work_ends(waits_since_);
      }
      if (were_far && !owner_.far_ahead()) owner_.serve();
      return suspended;
    }
    [[nodiscard]] ring::grant await_resume() {
      if (waits_since_ != no_deadline) {
        const time_point now = owner_.loop_.now();
        of_.stood += now - waits_since_;
        owner_.stood_ += now - waits_since_;
        of_.work_begins(now);
      }
      throw_if_stopped("waiting for room in the window");
      return std::move(given_);
    }

   private:
    friend class grant_line;
    grant_line& owner_;
    slice& of_;
    std::uint32_t want_;
    time_point waits_since_ = no_deadline;  // if it had to wait
    ring::grant given_;
  };
  [[nodiscard]] awaiter grant(slice& of, std::uint32_t want) noexcept { return awaiter(*this, of, want); }

  /// Up to `want` slots for a second request for `of`, at once; none unless they are to spare: nobody waits for them who might have them, or
  /// it is the head of the line and leaves one to it.
  [[nodiscard]] ring::grant spare(const slice& of, std::uint32_t want) noexcept {
    ring::grant given;
    if (waiting_.empty() || (far_ahead() && !is_head(first().of_))) {
      top_up_reserve();
      given = pool_->try_grant(std::min(want, available()));
    }
    if (given || !is_head(of)) return given;
    if (reserve_.slots() > 1) return reserve_.split(1);
    // Where the reserve went to what is late now.
    if (consumer_waits_ && pool_->available() > 1) given = pool_->try_grant(1);
    return given;
  }

  // ---- What its owner tells it

  /// So many bytes were received for `of`: they wait for the consumer now, unless the object has failed.
  void came(slice& of, std::uint64_t bytes) noexcept {
    received_ += bytes;
    const bool changed = in_order_ && run_ahead_.came(received_);
    const std::uint64_t settled = std::min<std::uint64_t>(of.granted, bytes);
    of.granted -= settled;
    change_ahead(of.owner->failed ? 0 : bytes, settled);
    if (changed) serve();
  }
  /// So many bytes wait for the consumer no more.
  void left(std::uint64_t bytes) noexcept { change_ahead(0, bytes); }
  /// Nothing comes for `of` before its next grant.
  void expect_no_more(slice& of) noexcept { change_ahead(0, std::exchange(of.granted, 0)); }
  /// The head of the line is another slice now, or slots have come back.
  void serve() noexcept {
    if (serving_) return;
    serving_ = true;
    top_up_reserve();
    while (!waiting_.empty()) {
      awaiter& who = first();
      who.given_ = take(who.of_, who.want_);
      if (!who.given_) break;
      who.wake();
    }
    serving_ = false;
  }
  /// The object has failed: its lanes would wait in front of all that comes after it, and in vain.
  void dismiss(const job& of) noexcept {
    for (auto at = waiting_.begin(); at != waiting_.end();) {
      auto& each = static_cast<awaiter&>(*at);
      ++at;
      if (each.of_.owner == &of) each.wake();
    }
  }
  /// Whether the consumer waits for the head of the line: then that is soon handed on.
  void consumer_waits(bool so) noexcept { consumer_waits_ = so; }

  // ---- What it knows

  /// That lanes have brought, whether or not they are handed on.
  [[nodiscard]] std::uint64_t bytes_received() const noexcept { return received_; }
  /// What lanes may receive now, and what waits for the consumer.
  [[nodiscard]] std::uint64_t bytes_ahead() const noexcept { return bytes_ahead_; }
  /// What that may be at most.
  [[nodiscard]] std::uint64_t most_ahead() const noexcept {
    return std::min(std::uint64_t{pool_->capacity()} * pool_->slot_bytes(), run_ahead_.bytes());
  }
  /// How long lanes have waited for room, together.
  [[nodiscard]] duration stood(time_point now) noexcept {
    duration total = stood_;
    for (coro::waiter& each : waiting_) total += now - static_cast<awaiter&>(each).waits_since_;
    return total;
  }
  /// Since when the slice that the consumer needs next has had no room, if no other one will make some: a lane that waits for its
  /// server ends at a deadline, and what it holds is free then or waits for the consumer. Else no_deadline.
  [[nodiscard]] time_point starved_since() noexcept {
    if (waiting_.empty() || reserve_ || pool_->available() > 0 || !is_head(first().of_)) return no_deadline;
    std::size_t fetched = 0;
    for (job& each : plan_.jobs())
      for (const slice& part : each.slices) fetched += part.finished || each.failed ? 0U : 1U;
    std::size_t waiting = 0;
    for (auto at = waiting_.begin(); at != waiting_.end(); ++at) ++waiting;
    return fetched == waiting ? first().waits_since_ : no_deadline;
  }

 private:
  void room() noexcept override { serve(); }

  [[nodiscard]] awaiter& first() noexcept { return static_cast<awaiter&>(waiting_.front()); }
  /// What comes now is of use only for the head of the line.
  [[nodiscard]] bool far_ahead() const noexcept { return bytes_ahead_ >= run_ahead_.bytes(); }
  void change_ahead(std::uint64_t more, std::uint64_t less) noexcept {
    const bool were_far = far_ahead();
    bytes_ahead_ += more - less;
    if (were_far && !far_ahead()) serve();
  }
  void top_up_reserve() noexcept {
    if (reserve_.slots() < reserve_target_)
      reserve_.merge(pool_->try_grant(std::min(reserve_target_ - reserve_.slots(), available())));
  }
  /// Slots that it may take: all but what is the caller's, and, unless its head is `in_need`, what is left to other heads.
  [[nodiscard]] std::uint32_t available(bool in_need = false) const noexcept {
    const std::uint32_t all = pool_->available();
    const std::uint32_t callers = (pool_->capacity() + 3) / 4;
    const std::uint32_t handed_on = pool_->handed_on();
    const std::uint32_t left = (in_need ? 0 : left_to_others_) + (handed_on < callers ? callers - handed_on : 0);
    return all > left ? all - left : 0;
  }
  /// The slice that the consumer needs next.
  [[nodiscard]] bool is_head(const slice& of) noexcept {
    intrusive_list<job>& jobs = plan_.jobs();
    return !jobs.empty() && !jobs.front().slices.empty() && &jobs.front().slices.front() == &of;
  }
  [[nodiscard]] static bool before(const slice& a, const slice& b) noexcept {
    return a.owner->sequence != b.owner->sequence ? a.owner->sequence < b.owner->sequence : a.offset < b.offset;
  }
  [[nodiscard]] bool may_take_now(const slice& of) noexcept { return waiting_.empty() || before(of, first().of_); }
  /// `of` has nothing left of a grant before.
  [[nodiscard]] ring::grant take(slice& of, std::uint32_t want) noexcept {
    assert(of.granted == 0);
    const bool head = is_head(of);
    const bool in_need = head && consumer_waits_;
    if (!head && far_ahead()) return {};
    if (!head) top_up_reserve();
    ring::grant given = pool_->try_grant(std::min(want, available(in_need)));
    if (!given && head) given = reserve_.split(want);
    // What the consumer waits for right now is soon handed on: a slot of it, as the consumer may turn to another stream then.
    if (!given && in_need) given = pool_->try_grant(1);
    of.granted = std::min<std::uint64_t>(given.bytes(), of.size - of.received);
    bytes_ahead_ += of.granted;
    return given;
  }
  void enqueue(awaiter& who) noexcept {
    for (coro::waiter& each : waiting_) {
      if (before(static_cast<awaiter&>(each).of_, who.of_)) continue;
      waiting_.insert(each, who);
      return;
    }
    waiting_.push_back(who);
  }

  ring::reactor& loop_;
  ref<ring::buffer_pool> pool_;
  plan& plan_;
  bool in_order_;
  bool consumer_waits_ = false;
  bool serving_ = false;
  run_ahead run_ahead_;
  std::uint64_t received_ = 0;
  std::uint64_t bytes_ahead_ = 0;
  std::uint32_t reserve_target_ = 0;
  std::uint32_t left_to_others_ = 0;  // slots of the client
  ring::grant reserve_;
  intrusive_list<coro::waiter> waiting_;  // awaiters, in plan order
  duration stood_{0};
};

}  // namespace s3pager::pager
