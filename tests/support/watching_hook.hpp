// Knows whether a client waits for a peer: only then may time that passes be held against one.
#pragma once

#include <algorithm>
#include <cstdint>
#include <set>

#include "s3pager/ring/operation.hpp"

namespace s3pager::test {

/// Records stay where they are as long as their reactor.
class watching_hook final : public ring::submit_hook {
 public:
  [[nodiscard]] bool waits_for_peer() const {
    return std::any_of(seen_.begin(), seen_.end(), [](const ring::operation* each) {
      return (each->kind == ring::operation_kind::connect || each->kind == ring::operation_kind::receive_slots) &&
             (each->at == ring::operation::state::queued || each->at == ring::operation::state::in_flight);
    });
  }

 private:
  ring::submit_verdict submitting(const ring::operation& what, std::uint64_t) noexcept override {
    seen_.insert(&what);
    return {};
  }

  std::set<const ring::operation*> seen_;
};

}  // namespace s3pager::test
