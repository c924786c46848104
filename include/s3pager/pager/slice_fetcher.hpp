// Fetches a slice: attempts that go on where the last one broke off, what an answer says of its object, and which bytes of it are handed
// on. Knows no other slice.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "s3pager/base/clock.hpp"
#include "s3pager/base/counted.hpp"
#include "s3pager/base/duration_text.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/pager/archived.hpp"
#include "s3pager/pager/hedged_get.hpp"
#include "s3pager/pager/held_pieces.hpp"
#include "s3pager/pager/plan.hpp"
#include "s3pager/pager/run_settings.hpp"
#include "s3pager/pager/staffing.hpp"
#include "s3pager/pager/window.hpp"
#include "s3pager/ring/await.hpp"
#include "s3pager/ring/buffer_pool.hpp"
#include "s3pager/ring/reactor.hpp"
#include "s3pager/s3/get_object.hpp"
#include "s3pager/s3/retry.hpp"
#include "s3pager/s3/service.hpp"
#include "s3pager/tls/in_place.hpp"

namespace s3pager::pager {

/// Of one run; for many slices at a time. All that it refers to must outlive it.
class slice_fetcher {
 public:
  slice_fetcher(const run_settings& how, ref<s3::service> with, ref<s3::bucket_target> target, ref<ring::buffer_pool> pool,
                ref<s3::request_tally> tally, plan& of, window& into, staffing& staff)
      : settings_(how),
        service_(std::move(with)),
        target_(std::move(target)),
        pool_(std::move(pool)),
        tally_(std::move(tally)),
        plan_(of),
        window_(into),
        staff_(staff) {}
  slice_fetcher(const slice_fetcher&) = delete;
  slice_fetcher& operator=(const slice_fetcher&) = delete;

  /// All of a slice, over as many attempts as it takes: each goes on at the next byte of the same version. Returns early where the object
  /// has failed meanwhile. Throws what made the last attempt fail, archived_failure() before the first one, or errc::cancelled on a stop.
  [[nodiscard]] task<> fetch(slice& of) {
    ring::reactor& loop = service_->loop();
    if (const object& what = of.owner->record->what(); settings_.archived == on_archived::report && what.needs_restore(loop.clock().wall()))
      throw archived_failure(what, target_->name());
    const time_point now = loop.now();
    retry_state attempts(service_->retries(), now);
    bool corrupted = false;  // what the attempt before brought: the next one is made on another connection
    const working clock(of, loop, now);
    for (;;) {
      const std::uint64_t before = of.received;
      std::optional<error> failure;
      try {
        const bool judged = co_await attempt(of, corrupted);
        if (!judged) continue;
        if (!of.owner->failed) attempts.succeeded(loop.now());
        co_return;
      } catch (const error& failed) {
        failure.emplace(failed);
      }
      window_.attempt_ended(of);
      if (failure->code() == errc::throttled) staff_.throttled(*failure);
      if (of.owner->failed) co_return;
      of.work_begins(loop.now());
      if (failure->code() == errc::timed_out && out_of_time(of)) throw attempts.exhausted(object_timeout(of, *failure), loop.now());
      // What is known to be wrong is fetched again only if nobody has seen any of it.
      corrupted = failure->code() == errc::corrupted;
      if (corrupted && !window_.withdraw(of)) throw attempts.exhausted(*failure, loop.now(), "some of the object was handed on");
      if (of.received > before) attempts.progressed();
      // Without an ETag what follows may be of another version, and without a length nobody knows how much that is.
      const bool resumable = of.received == 0 || (of.owner->end && !of.owner->etag.empty());
      if (!resumable && classify_failure(*failure) != retry_cause::permanent)
        throw attempts.exhausted(*failure, loop.now(), "the answer had no ETag or no length, without which the rest can't be asked for");
      const auto again = attempts.failed(*failure, loop.now());
      if (!again) throw attempts.exhausted(*failure, loop.now());
      observe_retry(of, *failure);
      if (co_await ring::sleep_until(loop, std::min(*again, object_deadline(of))))
        throw error(errc::cancelled, "stopped between two attempts");
      if (of.owner->failed) co_return;
      if (out_of_time(of)) throw attempts.exhausted(object_timeout(of, *failure), loop.now());
    }
  }

 private:
  /// Slots for a receive of `bytes` more: what may come at once without taking the window from the other lanes.
  [[nodiscard]] std::uint32_t slots_for(std::uint64_t bytes) const noexcept {
    const std::uint64_t slot = pool_->receive_bytes();
    bytes = tls::wire_size(bytes, pool_->lead_bytes() / tls::record_lead);
    const std::uint64_t most = std::clamp<std::uint64_t>(pool_->capacity() / (2 * staff_.lanes()), 1, most_slots);
    return static_cast<std::uint32_t>(std::min(most, std::max<std::uint64_t>(bytes / slot + (bytes % slot != 0 ? 1 : 0), 1)));
  }
  /// Of the rest of a slice, with its answer's head; its size may be unknown, and without bound.
  [[nodiscard]] std::uint32_t first_slots(const slice& of) const noexcept {
    return slots_for(std::min<std::uint64_t>(of.size - of.received, most_slots * pool_->slot_bytes()) + head_bytes);
  }
  static constexpr std::uint64_t most_slots = 16;
  static constexpr std::uint64_t head_bytes = 1024;  // a guess: what an answer's head takes of its first slot

  /// Has the object's clock run while a slice of it is fetched.
  class working {
   public:
    working(slice& of, ring::reactor& loop, time_point now) noexcept : of_(of), loop_(loop) { of_.work_begins(now); }
    working(const working&) = delete;
    working& operator=(const working&) = delete;
    ~working() { of_.work_ends(loop_.now()); }

   private:
    slice& of_;
    ring::reactor& loop_;
  };

  [[nodiscard]] duration object_limit() const noexcept { return service_->settings().deadlines.object; }
  /// When its object has taken its time, if a slice of it is at work until then.
  [[nodiscard]] time_point object_deadline(const slice& of) const noexcept {
    return of.owner->clock.reaches(object_limit(), service_->loop().now());
  }
  [[nodiscard]] bool out_of_time(const slice& of) const noexcept {
    return of.owner->clock.elapsed(service_->loop().now()) >= object_limit();
  }
  [[nodiscard]] error object_timeout(const slice& of, const error& last) const {
    error_details known = last.details();
    known.message = "deadlines.object of " + to_text(object_limit()) + " passed, " + std::to_string(of.offset + of.received) +
                    " bytes into the object: " + known.message;
    return error(errc::timed_out, std::move(known));
  }

  void observe_retry(const slice& of, const error& why) const {
    observer* seen_by = service_->observer();
    if (seen_by == nullptr) return;
    request_event event;
    event.bucket = target_->name();
    event.key = of.owner->record->what().key;
    event.offset = of.offset + of.received;
    seen_by->request_retried(event, why.code());
  }

  /// What to ask for, given what has come already. (Returned by value into a coroutine's frame, GCC 12 breaks at -O2.)
  void write_request(const slice& of, s3::get_object_request& request) const {
    const job& owner = *of.owner;
    request = settings_.request;
    if (of.received > 0) {
      // The rest of a body that broke off: of that version, whatever else was asked of the first answer.
      request.part_number.reset();
      request.if_none_match = {};
      request.if_modified_since.reset();
      request.if_unmodified_since.reset();
      request.range = s3::byte_range{of.offset + of.received, of.offset + of.size - 1};
      request.if_match = owner.etag;
    } else {
      // All of an object is asked for without a Range: nothing can be misunderstood then, and an empty one has none.
      const bool all = of.whole || (owner.end && of.offset == 0 && of.size == *owner.end);
      if (!settings_.one_request && !all) request.range = s3::byte_range{of.offset, of.offset + of.size - 1};
      // Of an object that may be small, or in parts, no checksum comes with a range. What is read in vain of a large one is what is
      // under way when its connection is closed.
      request.unranged = !owner.end && !settings_.one_request && request.range && settings_.verify != verify::off;
      request.or_whole = !owner.end && !settings_.one_request && !request.unranged;
      if (request.if_match.empty()) request.if_match = owner.etag;
    }
  }

  /// False: the same is to be asked for again, without a Range.
  [[nodiscard]] task<bool> attempt(slice& of, bool fresh) {
    job& owner = *of.owner;
    const bool size_known = owner.end.has_value();
    const bool version_known = !owner.etag.empty();
    // The record's own, which the key is in, may be replaced by what the first answer says.
    std::optional<object> as_asked;
    if (!size_known) as_asked.emplace(owner.record->what());
    s3::get_object_request request;
    write_request(of, request);
    request.key = (as_asked ? *as_asked : owner.record->what()).key;
    hedged_get get(service_, target_, request, tally_, window_, of);
    std::optional<error> refused;
    try {
      co_await get.open(first_slots(of), fresh);
    } catch (const error& failed) {
      refused.emplace(failed);
    }
    if (refused) {
      const bool judged = judge(*refused, get.first(), of, request, size_known);
      co_return judged;
    }
    if (owner.failed) co_return true;
    opened(*get, of);
    if (!size_known) {
      learn(*get, of);
    } else if (const auto total = get->total(); total && !settings_.one_request && *total != *owner.end) {
      // One version has one size: where the ETag is the listed one, it is the answer that is wrong.
      const errc why = version_known && get->header("etag") ? errc::protocol_violation : errc::changed;
      get->abandon(make_error_code(why));
      throw get->failure(why, "the object has " + std::to_string(*total) + " bytes, listed with " +
                                  std::to_string(*owner.end));
    }
    co_await receive(get, of, request.key);
    co_return true;
  }

  /// The head of an answer is there, and nothing of its body was taken.
  static void opened(s3::get_object& get, slice& of) {
    hold_to_one_version(get, of);
    job& owner = *of.owner;
    if (of.received == 0) {
      s3::checksum_claims said = get.checksums();
      const bool plain = get.status() == 200 && (of.tells_end || get.all_of_object());
      // What a plain answer says is of all of the object: the CRCs of its slices make that, other sums don't. The last one counts,
      // where the one before was of no use.
      if (plain) owner.claim = said.claim;
      if (owner.claim && (get.all_of_object() || checksum::combinable(owner.claim->algorithm)))
        said = {.claim = owner.claim, .full_object = true};
      else if (plain)
        said.claim.reset();
      of.check.begin(said, get.all_of_object(), get.status(), owner.answered_etag);
    }
    if (owner.etag.empty()) owner.etag = owner.answered_etag;
  }

  /// The request was refused: what that says of the object. True if it is empty, and is delivered; false if it may be; else throws.
  [[nodiscard]] bool judge(const error& refused, const s3::get_object& get, slice& of, const s3::get_object_request& request,
                           bool size_known) {
    // The first slice begins at 0, and only an empty object has no byte from there on. That it has none Amazon S3 says too
    // (`bytes */0`); radosgw and versitygw don't, and neither would somebody who serves no ranges: without one they are asked again. A
    // range that the caller asked for is refused as it is.
    if (!size_known && request.range && !request.unranged && !settings_.one_request && refused.http_status() == 416) {
      if (!get.total()) {
        of.whole = true;
        return false;
      }
      if (*get.total() == 0) {
        of.owner->record->learned(of.owner->record->what().with_answer({}, 0));
        plan_.learn(of, 0, 0);
        window_.settle(of, settings_.verify == verify::off ? verification::off : verification::none_given);
        window_.deliver(of, {}, true);
        return true;
      }
    }
    // The caller's condition is on the first answer; that the rest is of its version is ours.
    const bool own_condition = of.received == 0 && (request.if_match.empty() || request.if_match == settings_.request.if_match);
    if ((refused.http_status() == 412 && !own_condition) || (refused.http_status() == 416 && size_known)) {
      error_details known = refused.details();
      known.message = "the object changed since it was listed or first answered";
      throw error(errc::changed, std::move(known));
    }
    throw error(refused);
  }

  /// A server that passes over If-Match must not make one object of two versions.
  static void hold_to_one_version(s3::get_object& get, const slice& of) {
    job& owner = *of.owner;
    const std::string_view etag = get.header("etag").value_or(std::string_view());
    if (etag.empty() && of.received == 0 && owner.answered_etag.empty()) return;
    if (owner.answered_etag.empty()) owner.answered_etag = etag;
    if (owner.answered_etag == etag && (owner.etag.empty() || s3::same_etag(owner.etag, etag))) return;
    const error made = get.failure(errc::changed, etag.empty() ? "an answer for this object does not say of which version it is"
                                                            : "an answer for this object is of another version than was asked for");
    get.abandon(made.code());
    throw made;
  }

  /// The first answer for an object of unknown size says what it is.
  void learn(s3::get_object& get, slice& of) {
    job& owner = *of.owner;
    if (!settings_.one_request && get.status() == 206 && !get.total()) {
      get.abandon(make_error_code(errc::protocol_violation));
      throw get.failure(errc::protocol_violation, "the answer to a Range does not say how long the object is");
    }
    of.offset = get.offset();
    const std::optional<std::uint64_t> answered = get.body_size();
    if (!answered) return;  // chunked, or up to the close: it is as long as it is
    const std::uint64_t total = get.total().value_or(of.offset + *answered);
    if (!settings_.one_request && owner.etag.empty() && settings_.match_etag && of.offset + *answered < total) {
      get.abandon(make_error_code(errc::protocol_violation));
      throw get.failure(errc::protocol_violation, "the answer has no ETag, without which the rest could be of another version");
    }
    owner.record->learned(owner.record->what().with_answer(owner.etag, total));
    plan_.learn(of, settings_.one_request ? of.offset + *answered : total, *answered);
  }

  [[nodiscard]] task<> receive(hedged_get& get, slice& of, std::string_view key) {
    job& owner = *of.owner;
    // What is not handed on yet, nor summed: the last bytes so far, as an answer that doesn't say its length may go on behind what seemed
    // to be the last one, and what verify::before_delivery holds back.
    held_pieces kept;
    for (;;) {
      for (ring::slot_span bytes = get->take(); bytes.size() > 0; bytes = get->take()) {
        const std::uint64_t came = of.received + kept.bytes() + bytes.size();
        if (owner.end && came > of.size) reject(*get, of, came);
        if (!owner.end && kept.bytes() > 0 && !(holds_back(of) && came <= pool_->slot_bytes())) {
          kept.sum(of.check);
          kept.deliver(window_, of, false);
        }
        if (!owner.end || came == of.size || holds_back(of)) {
          kept.add(std::move(bytes));
        } else {
          of.check.update(bytes.bytes());
          window_.deliver(of, std::move(bytes), false);
        }
      }
      if (get->complete() || owner.failed) break;
      const std::uint32_t want = slots_for(std::max<std::uint64_t>(get->remaining(), 1));
      ring::grant slots;
      if (!get->waiting()) {
        const duration stood = of.stood;
        slots = co_await window_.grant(of, want);
        if (owner.failed) break;
        if (of.stood != stood) {
          get->stood(of.stood - stood);
          get->end_by(get.deadline());
        }
      }
      // As of a body that breaks off: the rest can be asked for only if its version and length are known. And it begins behind what
      // was handed on.
      const bool resumable = owner.end && !owner.etag.empty() && kept.bytes() == 0 && of.received < of.size;
      co_await get->receive(std::move(slots), resumable ? get.stall() : hedge_budget::never);
      if (owner.failed) break;
      if (!get->waiting()) {
        staff_.came();
        get.goes_on();
        continue;
      }
      slots = get.spare_slots(want);
      if (!slots) continue;
      s3::get_object_request rest;
      write_request(of, rest);
      rest.key = key;
      if (co_await get.overtake(rest, std::move(slots))) opened(*get, of);
    }
    if (owner.failed) co_return;
    const std::uint64_t answered = of.received + kept.bytes();
    if (!owner.end)
      plan_.learn(of, of.offset + answered, answered);
    else if (answered != of.size)
      reject(*get, of, answered);
    kept.sum(of.check);
    of.check.finish();
    if (is_only_slice(of)) settle(*get, of);
    if (kept.bytes() > 0 || of.size == 0) kept.deliver(window_, of, of.offset + of.size == *owner.end);
  }

  [[nodiscard]] bool is_only_slice(const slice& of) const noexcept {
    return settings_.one_request || (of.offset == 0 && (!of.owner->end || of.size == of.owner->end));
  }
  /// Of an object that fits into a slot, as it may if its size is not known, nothing is handed on before its checksum holds, if
  /// there is one.
  [[nodiscard]] bool holds_back(const slice& of) const noexcept {
    return settings_.verify == verify::before_delivery && of.check.claim() && of.received == 0 && is_only_slice(of) &&
           (!of.owner->end || of.size <= pool_->slot_bytes());
  }
  /// All bytes of the object have come, in this one slice: before its last page is handed on.
  void settle(s3::get_object& get, slice& of) {
    verdict made = of.check.conclude();
    if (settings_.verify == verify::off) made.what = verification::off;
    if (made.corrupted) {
      const error wrong = get.failure(errc::corrupted, "the checksum that the service keeps of the object does not hold: " + of.check.mismatch());
      get.abandon(wrong.code());
      throw wrong;
    }
    window_.settle(of, made.what);
  }

  [[noreturn]] static void reject(s3::get_object& get, const slice& of, std::uint64_t came) {
    const error made = get.failure(errc::protocol_violation, "the answer has " + std::to_string(came) + " bytes or more of " +
                                                        std::to_string(of.size) + " that were asked for");
    get.abandon(made.code());
    throw made;
  }

  const run_settings& settings_;
  ref<s3::service> service_;
  ref<s3::bucket_target> target_;
  ref<ring::buffer_pool> pool_;
  ref<s3::request_tally> tally_;
  plan& plan_;
  window& window_;
  staffing& staff_;
};

}  // namespace s3pager::pager
