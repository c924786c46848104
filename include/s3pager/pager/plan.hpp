// From objects to slices: which GET is next. Keeps objects in plan order from when they are known until the consumer is
// through with them. Knows neither requests nor bytes.
#pragma once

#include <algorithm>
#include <cassert>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <source_location>
#include <string>
#include <utility>
#include <vector>

#include "s3pager/base/clock.hpp"
#include "s3pager/base/counted.hpp"
#include "s3pager/base/intrusive_list.hpp"
#include "s3pager/base/stopwatch.hpp"
#include "s3pager/coro/promise.hpp"
#include "s3pager/pager/integrity.hpp"
#include "s3pager/pager/page.hpp"

namespace s3pager::pager {

/// Memory for records that come and go in numbers: what is given back is used again, all of it is freed at the end.
template <class T>
class recycler {
 public:
  [[nodiscard]] T& take() {
    if (free_.empty()) {
      made_.push_back(std::make_unique<T>());
      return *made_.back();
    }
    T& again = *free_.back();
    free_.pop_back();
    return again;
  }
  void give_back(T& what) {
    what.clear();
    free_.push_back(&what);
  }

 private:
  std::vector<std::unique_ptr<T>> made_;
  std::vector<T*> free_;
};

/// Wakes coroutines that look again at something: a condition variable of one thread. Whoever is woken must check.
class signal {
 public:
  class wait_awaiter final : public coro::stoppable_waiter {
   public:
    explicit wait_awaiter(signal& owner) noexcept : owner_(owner) {}
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    [[nodiscard]] bool await_suspend(std::coroutine_handle<Promise> handle,
                                     std::source_location site = std::source_location::current()) noexcept {
      if (!arm(handle, site)) return false;
      owner_.waiters_.push_back(*this);
      return true;
    }
    void await_resume() const { throw_if_stopped("paging"); }

   private:
    signal& owner_;
  };

  [[nodiscard]] wait_awaiter wait() noexcept { return wait_awaiter(*this); }
  [[nodiscard]] bool waited_for() const noexcept { return !waiters_.empty(); }
  void notify_one() noexcept {
    if (!waiters_.empty()) static_cast<wait_awaiter&>(waiters_.front()).wake();
  }
  void notify_all() noexcept {
    while (!waiters_.empty()) notify_one();
  }

 private:
  intrusive_list<coro::waiter> waiters_;
};

/// Received bytes that wait for the consumer.
struct piece final : list_node {
  ring::slot_span bytes;
  std::uint64_t offset = 0;
  bool last = false;
  void clear() noexcept {
    unlink();
    bytes.reset();
  }
};

struct job;

/// A part of an object that one GET fetches.
struct slice final : list_node {
  job* owner = nullptr;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;      ///< bytes asked for; for an object of unknown size what is asked for at most
  std::uint64_t received = 0;  ///< bytes delivered to the window
  std::uint64_t granted = 0;   ///< bytes that its lane may receive now, at most
  bool whole = false;          ///< the object is asked for without a Range
  bool finished = false;
  bool tells_end = false;      ///< its answer will say where the object ends, and whether there are more slices
  bool handed_on = false;      ///< the consumer has got some of it
  slice_check check;
  bool at_work = false;        ///< its lane is, and does not wait for room
  duration stood{0};           ///< how long its lane has waited for room
  intrusive_list<piece> pieces;

  inline void work_begins(time_point now) noexcept;
  inline void work_ends(time_point now) noexcept;

  void clear() noexcept {
    unlink();
    assert(pieces.empty());
    owner = nullptr;
    received = granted = 0;
    whole = finished = tells_end = handed_on = at_work = false;
    check.reset();
    stood = {};
  }
};

/// An object in the plan.
struct job final : list_node {
  /// In the list of those with something left to claim, or of those that have something for the consumer.
  struct link final : list_node {
    explicit link(job& of) noexcept : owner(of) {}
    job& owner;
  };

  ref<detail::object_record> record;
  std::uint64_t sequence = 0;
  std::string etag;                     ///< that every GET of it must match; empty: not known, or any
  std::string answered_etag;            ///< of the first answer: all of them must have it
  std::uint64_t next_offset = 0;        ///< what is claimed next
  std::optional<std::uint64_t> end;     ///< one past the last byte; none until the first answer
  std::uint64_t handed_on = 0;          ///< bytes that the consumer has got
  std::optional<checksum::claim> claim; ///< of all of the object, where the first answer was one of all of it
  object_check check;                   ///< of the slices that were handed on whole
  bool settled = false;                 ///< its verification is known, and its last page may be handed on
  bool corrupted = false;               ///< failed, since its checksum does not hold
  stopwatch clock;                      ///< runs while any of its slices is at work
  std::uint32_t at_work = 0;            ///< slices that are
  bool failed = false;                  ///< no page of it is handed on any more but the failure
  bool reported = false;                ///< and that was
  intrusive_list<slice> slices;         ///< claimed and not yet handed on whole, by offset
  link claimable{*this};
  link ready{*this};

  void clear() noexcept {
    unlink();
    claimable.unlink();
    ready.unlink();
    assert(slices.empty());
    record = {};
    etag.clear();
    answered_etag.clear();
    claim.reset();
    check.reset();
    next_offset = handed_on = 0;
    end.reset();
    clock.reset();
    at_work = 0;
    settled = corrupted = failed = reported = false;
  }
};

inline void slice::work_begins(time_point now) noexcept {
  if (!std::exchange(at_work, true) && owner->at_work++ == 0) owner->clock.start(now);
}
inline void slice::work_ends(time_point now) noexcept {
  if (std::exchange(at_work, false) && --owner->at_work == 0) owner->clock.stop(now);
}

struct plan_limits {
  std::uint64_t whole_bytes = 8 << 20;  ///< larger objects are sliced
  std::uint64_t slice_bytes = 8 << 20;
  std::uint64_t first_bytes = 8 << 20;  ///< the first slice of an object of unknown size, at most
  std::size_t ahead = 128;              ///< objects known and not claimed
  std::size_t jobs = 1024;              ///< objects in the plan
};

class plan {
 public:
  explicit plan(const plan_limits& limits) noexcept : limits_(limits) {}

  // ---- For the source --------------------------------------------------------------------------------------------

  [[nodiscard]] bool has_room() const noexcept { return unclaimed_ < limits_.ahead && jobs_count_ < limits_.jobs; }
  [[nodiscard]] signal& room() noexcept { return room_; }
  /// With `as_listed`, of the size and ETag that it has; else the first answer tells them.
  void add(object what, bool as_listed = true) {
    job& made = job_memory_.take();
    // Without an ETag nothing would hold the slices of an object to one version: the first answer's ETag does.
    if (as_listed && what.size && (!what.etag.empty() || *what.size <= limits_.whole_bytes)) {
      made.end = what.size;
      made.etag = what.etag;
    } else {
      // What the answer says counts; one in chunks says no size, and the listed one may be another version's.
      what.size.reset();
      what.etag = {};
    }
    made.record = make_ref<detail::object_record>(std::move(what));
    made.sequence = next_sequence_++;
    jobs_.push_back(made);
    ++jobs_count_;
    make_claimable(made);
    work_.notify_one();
  }
  /// No object follows.
  void close() noexcept {
    closed_ = true;
    work_.notify_all();
  }

  // ---- For lanes -------------------------------------------------------------------------------------------------

  [[nodiscard]] signal& work() noexcept { return work_; }
  /// The next slice in plan order; null if there is none now. finished() tells whether there will be one.
  [[nodiscard]] slice* claim() {
    if (claimable_.empty()) return nullptr;
    job& from = claimable_.front().owner;
    slice& made = slice_memory_.take();
    made.owner = &from;
    made.offset = from.next_offset;
    if (from.end && from.next_offset == 0 && *from.end <= limits_.whole_bytes) {
      made.size = *from.end;
      made.whole = true;
    } else if (from.end) {
      made.size = std::min(limits_.slice_bytes, *from.end - from.next_offset);
    } else {
      made.size = limits_.first_bytes;
      made.tells_end = true;
      ++ends_to_learn_;
    }
    from.next_offset += made.size;
    // Of an object of unknown size only the first slice can be claimed; learn() tells whether there are more.
    if (!from.end || from.next_offset >= *from.end) drop_claimable(from);
    from.slices.push_back(made);
    if (!claimable_.empty()) work_.notify_one();
    if (has_room()) room_.notify_one();
    tell_if_finished();
    return &made;
  }
  [[nodiscard]] bool has_work() const noexcept { return !claimable_.empty(); }
  /// Whether what is claimed next comes before all that is being fetched, as the rest of an object may whose size was not known: then all
  /// lanes may wait for room behind it, and who could claim it must.
  [[nodiscard]] bool next_leads() noexcept {
    for (job& each : jobs_) {
      for (const slice& part : each.slices)
        if (!part.finished) return false;
      if (each.claimable.linked()) return true;
    }
    return false;
  }
  /// Of slices that are claimed from now on; of objects that are larger than what is fetched whole.
  void set_slice_bytes(std::uint64_t bytes) noexcept { limits_.slice_bytes = bytes; }
  [[nodiscard]] bool finished() const noexcept { return closed_ && claimable_.empty() && ends_to_learn_ == 0; }

  /// The first answer told where the object ends, and that the slice brings `answered` bytes of it: what is left takes its
  /// place in the order.
  void learn(slice& of, std::uint64_t end, std::uint64_t answered) {
    job& owner = *of.owner;
    owner.end = end;
    of.size = answered;
    owner.next_offset = of.offset + answered;
    if (owner.next_offset < end && !owner.failed) {
      make_claimable(owner);
      work_.notify_one();
    }
    end_told(of);
  }

  // ---- For the window --------------------------------------------------------------------------------------------

  [[nodiscard]] intrusive_list<job>& jobs() noexcept { return jobs_; }
  [[nodiscard]] bool drained() const noexcept { return closed_ && jobs_count_ == 0; }
  [[nodiscard]] piece& make_piece() { return piece_memory_.take(); }
  void drop(piece& what) { piece_memory_.give_back(what); }
  void drop(slice& what) {
    while (piece* each = what.pieces.pop_front()) drop(*each);
    end_told(what);
    slice_memory_.give_back(what);
  }
  void drop(job& what) {
    drop_claimable(what);
    while (slice* each = what.slices.pop_front()) drop(*each);
    --jobs_count_;
    job_memory_.give_back(what);
    if (has_room()) room_.notify_one();
  }
  /// Nothing more of it is to be claimed.
  void drop_claimable(job& what) noexcept {
    if (!what.claimable.linked()) return;
    what.claimable.unlink();
    --unclaimed_;
    tell_if_finished();
  }

 private:
  void end_told(slice& what) noexcept {
    if (!std::exchange(what.tells_end, false)) return;
    --ends_to_learn_;
    tell_if_finished();
  }
  // Lanes wait for work even when no object follows, as long as one may turn out to have more slices.
  void tell_if_finished() noexcept {
    if (finished()) work_.notify_all();
  }
  void make_claimable(job& what) noexcept {
    ++unclaimed_;
    if (claimable_.empty() || claimable_.back().owner.sequence < what.sequence) {
      claimable_.push_back(what.claimable);
      return;
    }
    for (job::link& each : claimable_) {
      if (each.owner.sequence < what.sequence) continue;
      claimable_.insert(each, what.claimable);
      return;
    }
  }

  plan_limits limits_;
  recycler<job> job_memory_;
  recycler<slice> slice_memory_;
  recycler<piece> piece_memory_;
  intrusive_list<job> jobs_;
  intrusive_list<job::link> claimable_;
  std::size_t jobs_count_ = 0;
  std::size_t unclaimed_ = 0;
  std::size_t ends_to_learn_ = 0;
  std::uint64_t next_sequence_ = 0;
  bool closed_ = false;
  signal room_;
  signal work_;
};

}  // namespace s3pager::pager
