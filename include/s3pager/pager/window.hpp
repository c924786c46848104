// Where received bytes wait for the consumer, and the two orders of handing on. Knows the plan and the line of those who receive; no
// requests.
#pragma once

#include <algorithm>
#include <cassert>
#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>

#include "s3pager/base/clock.hpp"
#include "s3pager/base/duration_text.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/base/intrusive_list.hpp"
#include "s3pager/base/stopwatch.hpp"
#include "s3pager/coro/promise.hpp"
#include "s3pager/pager/grant_line.hpp"
#include "s3pager/pager/page.hpp"
#include "s3pager/pager/plan.hpp"
#include "s3pager/ring/buffer_pool.hpp"
#include "s3pager/ring/reactor.hpp"
#include "s3pager/ring/timer.hpp"

namespace s3pager {

/// The order in which pages come.
enum class page_order : std::uint8_t {
  by_key,      ///< all of one object, in the order of the source, before anything of the next
  by_arrival,  ///< whatever is there; strictly by offset within an object
};

/// What an object that can't be read does to the rest of a run.
enum class on_error : std::uint8_t {
  stop,    ///< next() throws its error, and the run ends
  report,  ///< it is a page with failure(), and the run goes on; of a service that is away, with each key that is left
};

namespace pager {

/// What one run has received and not handed on yet. Never copied or moved.
class window {
 public:
  /// `waited`, if it is given, runs while next() waits, which is when not the consumer is the slow side; it must outlive the window.
  window(ring::reactor& loop, ref<ring::buffer_pool> pool, plan& of, page_order order, on_error failures,
         duration window_wait, std::string_view bucket = {}, bool verifies = false, duration run_limit = no_limit,
         stopwatch* waited = nullptr)
      : loop_(loop),
        pool_(std::move(pool)),
        plan_(of),
        order_(order),
        failures_(failures),
        window_wait_(window_wait),
        bucket_(bucket),
        verifies_(verifies),
        run_limit_(run_limit),
        waited_(waited != nullptr ? *waited : own_waited_),
        line_(loop, pool_, of, order == page_order::by_key) {}
  window(const window&) = delete;
  window& operator=(const window&) = delete;
  ~window() { end(); }

  /// Takes its share of the slots: before the first lane works, so that a stream that is only held takes none.
  void begin() noexcept { line_.begin(); }

  /// Gives up all slots, for good: no lane works any more, and next() is not awaited again.
  void end() noexcept {
    line_.end();  // or the slots that are given up would come back to it
    for (job& each : plan_.jobs())
      for (slice& part : each.slices) drop_pieces(part);
  }

  // ---- For lanes -------------------------------------------------------------------------------------------------

  /// See grant_line::grant() and grant_line::spare().
  [[nodiscard]] grant_line::awaiter grant(slice& of, std::uint32_t want) noexcept { return line_.grant(of, want); }
  [[nodiscard]] ring::grant spare_grant(const slice& of, std::uint32_t want) noexcept { return line_.spare(of, want); }

  /// Hands on what was received, in order of offset. `last` if it is known to end the object.
  void deliver(slice& of, ring::slot_span bytes, bool last) {
    of.received += bytes.size();
    line_.came(of, bytes.size());
    if (of.owner->failed) return;
    piece& waiting = plan_.make_piece();
    waiting.offset = of.offset + of.received - bytes.size();
    waiting.bytes = std::move(bytes);
    waiting.last = last;
    of.pieces.push_back(waiting);
    update(*of.owner);
  }
  /// The object is this one slice, whose bytes are known to be what they are held for: its last page may be handed on.
  void settle(slice& of, verification what) noexcept {
    of.owner->settled = true;
    of.owner->record->verified(what);
  }
  /// Takes back what was delivered of the slice, as if nothing had come; false if the consumer has got some of it, or is about to.
  [[nodiscard]] bool withdraw(slice& of) noexcept {
    const bool promised = promised_ != nullptr && next_job() == of.owner && &of.owner->slices.front() == &of;
    if (of.handed_on || promised) return false;
    drop_pieces(of);
    of.received = 0;
    update(*of.owner);
    return true;
  }
  /// An attempt at the slice has ended: nothing more comes before the next grant.
  void attempt_ended(slice& of) noexcept { line_.expect_no_more(of); }
  /// The lane is through with the slice, which may be handed on whole, and freed, within this call.
  void finish(slice& of) {
    of.finished = true;
    line_.expect_no_more(of);
    if (of.owner->reported)
      forget(of);
    else
      update(*of.owner);
  }
  /// The object can't be read: nothing of it is handed on any more but what waits already in front of this slice.
  void fail(slice& of, const error& why) {
    job& owner = *of.owner;
    if (!owner.failed) {
      owner.failed = true;
      owner.record->failed(why);
      owner.record->verified(verification::failed);
      plan_.drop_claimable(owner);
      line_.dismiss(owner);
      // Later slices that nobody works on go; the others when their lanes notice.
      for (auto at = owner.slices.begin(); at != owner.slices.end();) {
        slice& each = *at;
        ++at;
        if (each.offset <= of.offset) continue;
        drop_pieces(each);
        if (each.finished) plan_.drop(each);
      }
    }
    finish(of);
  }
  /// The run can't go on: next() throws this when all that was planned is handed on, or at once.
  void fail_run(std::exception_ptr why, bool at_once) noexcept {
    if (failure_ == nullptr) failure_ = std::move(why);
    failed_at_once_ = failed_at_once_ || at_once;
    plan_.close();
    notify_consumer();
  }
  /// The caller wants no more: next() throws errc::cancelled, whatever waits here.
  void stop() noexcept {
    stopped_ = true;
    plan_.close();
    notify_consumer();
  }
  /// No object follows: the consumer may be waiting for that.
  void source_ended() noexcept {
    plan_.close();
    notify_consumer();
  }

  // ---- For the consumer ------------------------------------------------------------------------------------------

  /// The next page; nothing at the end. Throws the failure that ends the run, window_exhausted, or timed_out when such waits have
  /// taken the run's limit.
  class next_awaiter final : public coro::stoppable_waiter, private ring::timer {
   public:
    explicit next_awaiter(window& owner) noexcept : owner_(owner) {}
    ~next_awaiter() {
      if (owner_.promised_ == this) owner_.promised_ = nullptr;
      if (owner_.consumer_ == this) {
        owner_.set_consumer(nullptr);
        end_wait();
      }
    }
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    [[nodiscard]] bool await_suspend(std::coroutine_handle<Promise> handle,
                                     std::source_location site = std::source_location::current()) {
      if (owner_.something_to_take()) {
        owner_.promised_ = this;
        return pass(handle, site);
      }
      if (!arm(handle, site)) return false;
      const time_point now = owner_.loop_.now();
      looks_for_room_ = after(now, owner_.window_wait_);
      owner_.waited_.start(now);
      owner_.set_consumer(this);
      owner_.line_.serve();
      arm_timer(now);
      return true;
    }
    [[nodiscard]] std::optional<page> await_resume() {
      if (owner_.promised_ == this) owner_.promised_ = nullptr;
      throw_if_stopped("waiting for a page");
      if (exhausted_) throw owner_.exhaustion();
      if (overrun_) throw owner_.overrun();
      return owner_.take_page();
    }

   private:
    friend class window;
    void arm_timer(time_point now) {
      owner_.loop_.timers().arm(*this, std::min(looks_for_room_, owner_.waited_.reaches(owner_.run_limit_, now)));
    }
    void expired() noexcept override {
      const time_point now = owner_.loop_.now();
      overrun_ = owner_.waited_.elapsed(now) >= owner_.run_limit_;
      const time_point since = now >= looks_for_room_ ? owner_.line_.starved_since() : no_deadline;
      exhausted_ = !overrun_ && since != no_deadline && after(since, owner_.window_wait_) <= now;
      if (overrun_ || exhausted_) {
        owner_.set_consumer(nullptr);
        end_wait();
        wake();
        return;
      }
      if (now >= looks_for_room_) looks_for_room_ = after(since != no_deadline ? since : now, owner_.window_wait_);
      arm_timer(now);
    }
    void on_stop() noexcept override {
      disarm();
      end_wait();
      stoppable_waiter::on_stop();
    }
    void notify() noexcept {
      disarm();
      end_wait();
      wake();
    }
    void end_wait() noexcept { owner_.waited_.stop(owner_.loop_.now()); }

    window& owner_;
    time_point looks_for_room_{};
    bool exhausted_ = false;
    bool overrun_ = false;
  };
  [[nodiscard]] next_awaiter next() noexcept { return next_awaiter(*this); }

  [[nodiscard]] std::uint64_t objects() const noexcept { return objects_; }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::uint64_t failures() const noexcept { return failures_count_; }
  /// See grant_line.
  [[nodiscard]] std::uint64_t bytes_received() const noexcept { return line_.bytes_received(); }
  [[nodiscard]] std::uint64_t most_ahead() const noexcept { return line_.most_ahead(); }
  [[nodiscard]] duration stood(time_point now) noexcept { return line_.stood(now); }
  /// Objects handed on whole whose checksum holds.
  [[nodiscard]] std::uint64_t verified_objects() const noexcept { return verified_; }

 private:
  void drop_pieces(slice& of) noexcept {
    while (piece* waiting = of.pieces.pop_front()) {
      const std::uint64_t bytes = waiting->bytes.size();
      plan_.drop(*waiting);
      line_.left(bytes);
    }
  }

  // ---- Why there is no page

  [[nodiscard]] error overrun() const {
    return error(errc::timed_out, error_details{.message = "deadlines.run or run_deadline of " + to_text(run_limit_) +
                                                           " passed: waiting for a page",
                                                .bucket = std::string(bucket_)});
  }
  [[nodiscard]] error exhaustion() {
    const std::size_t slot = pool_->slot_bytes();
    return error(errc::window_exhausted,
                 "no room to receive the next page: of a window of " + std::to_string(pool_->capacity() * slot) +
                     " bytes, pages that the caller holds, answers that are being received and other streams of the client take " +
                     std::to_string((pool_->granted() + pool_->held() - in_window()) * slot) +
                     "; the caller's are " + std::to_string(pool_->handed_on()) + " of " + std::to_string(pool_->capacity()) +
                     " slots. Let go of them before next(), copy() them, or give a larger window_bytes");
  }
  /// Slots of pieces that wait here.
  [[nodiscard]] std::uint32_t in_window() noexcept {
    std::uint32_t count = 0;
    for (job& each : plan_.jobs())
      for (slice& part : each.slices)
        for (piece& waiting : part.pieces) count += waiting.bytes.slots();
    return std::min(count, pool_->held());
  }

  // ---- Handing on

  /// A page of it can be handed on, or its failure.
  [[nodiscard]] bool deliverable(job& what) noexcept {
    if (what.slices.empty()) return false;
    slice& front = what.slices.front();
    if (!front.pieces.empty() && front.pieces.front().last && !what.failed && !may_end(what, front)) return false;
    return !front.pieces.empty() || (front.finished && what.failed);
  }
  /// Of the last page of an object: all of it was held against what the service says of it. Where that does not hold, the page
  /// becomes the object's failure.
  [[nodiscard]] bool may_end(job& what, slice& front) noexcept {
    if (what.settled) return true;
    if (!verifies_) {
      settle(front, verification::off);
      return true;
    }
    if (!front.finished) return false;
    what.check.add(front.check, front.received);
    const verdict made = what.check.conclude();
    settle(front, made.corrupted ? verification::failed : made.what);
    if (made.corrupted) {
      what.corrupted = what.failed = true;
      drop_pieces(front);
    }
    return true;
  }
  /// After a change of its slices: drops what is handed on whole at its front, and the job with its last slice, and tells who
  /// may go on now.
  void update(job& of) {
    bool moved = false;
    while (!of.failed && !of.slices.empty() && of.slices.front().finished && of.slices.front().pieces.empty()) {
      of.check.add(of.slices.front().check, of.slices.front().received);
      plan_.drop(of.slices.front());
      moved = true;
    }
    if (of.slices.empty() && !of.claimable.linked()) {
      plan_.drop(of);
      moved = true;
    } else if (order_ == page_order::by_arrival && of.ready.linked() != deliverable(of)) {
      if (of.ready.linked())
        of.ready.unlink();
      else
        ready_.push_back(of.ready);
    }
    if (moved) line_.serve();
    notify_consumer();
  }
  void set_consumer(next_awaiter* who) noexcept {
    consumer_ = who;
    line_.consumer_waits(who != nullptr);
  }
  void notify_consumer() noexcept {
    if (consumer_ == nullptr || !something_to_take()) return;
    promised_ = consumer_;
    set_consumer(nullptr);
    promised_->notify();
  }
  [[nodiscard]] job* next_job() noexcept {
    if (order_ == page_order::by_arrival) return ready_.empty() ? nullptr : &ready_.front().owner;
    if (plan_.jobs().empty() || !deliverable(plan_.jobs().front())) return nullptr;
    return &plan_.jobs().front();
  }
  [[nodiscard]] bool something_to_take() noexcept {
    return stopped_ || next_job() != nullptr || plan_.drained() || (failure_ != nullptr && (failed_at_once_ || plan_.jobs().empty()));
  }

  /// Only when there is something to take. Empty only at the end.
  [[nodiscard]] std::optional<page> take_page() {
    if (stopped_) throw error(errc::cancelled, "paging was stopped");
    if (failure_ != nullptr && failed_at_once_) std::rethrow_exception(failure_);
    if (job* from = next_job()) return from->slices.front().pieces.empty() ? take_failure(*from) : take_piece(*from);
    if (failure_ != nullptr) std::rethrow_exception(failure_);
    assert(plan_.drained() && line_.bytes_ahead() == 0);
    return std::nullopt;
  }

  [[nodiscard]] page take_piece(job& from) {
    from.slices.front().handed_on = true;
    piece& waiting = *from.slices.front().pieces.pop_front();
    waiting.bytes.hand_on();
    line_.left(waiting.bytes.size());
    page made(from.record, std::move(waiting.bytes), waiting.offset, waiting.last);
    plan_.drop(waiting);
    from.handed_on += made.bytes().size();
    bytes_ += made.bytes().size();
    if (made.last()) {
      ++objects_;
      if (verified(made.object().verification())) ++verified_;
    }
    from.ready.unlink();  // to the end of the line
    update(from);
    return made;
  }

  [[nodiscard]] page take_failure(job& from) {
    ++failures_count_;
    from.reported = true;
    if (from.corrupted)
      from.record->failed(error(errc::corrupted,
                                error_details{.message = "the checksum that the service keeps of the object does not hold: " + from.check.mismatch(),
                                              .bucket = std::string(bucket_),
                                              .key = std::string(from.record->what().key),
                                              .attempts = 1}));
    page made = page::of_failure(from.record, from.handed_on);
    from.ready.unlink();
    // Out of the order: what lanes still work on is freed as they notice.
    static_cast<list_node&>(from).unlink();
    abandoned_.push_back(from);
    for (auto at = from.slices.begin(); at != from.slices.end();) {
      slice& each = *at;
      ++at;
      drop_pieces(each);
      if (each.finished) plan_.drop(each);
    }
    if (from.slices.empty()) plan_.drop(from);
    line_.serve();
    if (failures_ == on_error::stop) {
      fail_run(std::make_exception_ptr(error(*made.failure())), true);
      std::rethrow_exception(failure_);
    }
    return made;
  }

  /// A slice of an object whose failure was handed on.
  void forget(slice& of) {
    job& owner = *of.owner;
    plan_.drop(of);
    if (owner.slices.empty()) plan_.drop(owner);
    notify_consumer();
  }

  ring::reactor& loop_;
  ref<ring::buffer_pool> pool_;
  plan& plan_;
  page_order order_;
  on_error failures_;
  duration window_wait_;
  std::string_view bucket_;  // of the run's target
  bool verifies_;
  duration run_limit_;
  stopwatch own_waited_;
  stopwatch& waited_;
  grant_line line_;
  intrusive_list<job::link> ready_;
  intrusive_list<job> abandoned_;
  next_awaiter* consumer_ = nullptr;
  next_awaiter* promised_ = nullptr;  // who was told that there is something to take, and has not taken it
  std::exception_ptr failure_;
  std::uint64_t objects_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t failures_count_ = 0;
  std::uint64_t verified_ = 0;
  bool failed_at_once_ = false;
  bool stopped_ = false;
};

}  // namespace pager
}  // namespace s3pager
