// Received bytes that wait until something is known: the object's length, or whether its checksum holds. Knows no request.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "s3pager/pager/integrity.hpp"
#include "s3pager/pager/plan.hpp"
#include "s3pager/pager/window.hpp"
#include "s3pager/ring/slot_pool.hpp"

namespace s3pager::pager {

/// Pieces that are not to be handed on yet, in as few slots as hold them: whatever the receives brought them in, a small object
/// takes one slot, or its lane would wait for room that its own pieces take.
class held_pieces {
 public:
  void add(ring::slot_span piece) {
    bytes_ += piece.size();
    if (last_.append(piece)) return;
    if (last_.size() > 0) before_.push_back(std::move(last_));
    last_ = std::move(piece);
  }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
  void sum(slice_check& into) const noexcept {
    for (const ring::slot_span& each : before_) into.update(each.bytes());
    into.update(last_.bytes());
  }
  /// All of them; the last one ends the object if `last`.
  void deliver(window& to, slice& of, bool last) {
    bytes_ = 0;
    for (ring::slot_span& each : before_) to.deliver(of, std::move(each), false);
    before_.clear();
    to.deliver(of, std::move(last_), last);
  }

 private:
  std::vector<ring::slot_span> before_;
  ring::slot_span last_;
  std::uint64_t bytes_ = 0;
};

}  // namespace s3pager::pager
