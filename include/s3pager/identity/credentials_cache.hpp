// The credentials that a client signs with now: kept, renewed before they run out, and given up when the service refuses them.
// Knows no provider but by what it gives.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "s3pager/aws/credentials.hpp"
#include "s3pager/base/clock.hpp"
#include "s3pager/base/counted.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/identity/provider.hpp"
#include "s3pager/identity/shared_question.hpp"
#include "s3pager/ring/reactor.hpp"

namespace s3pager::identity {

/// Credentials as a provider gave them once. Wiped with the last reference: requests keep those that they were signed with.
struct held_credentials final : counted {
  held_credentials(aws::credentials given, std::uint64_t number) : value(std::move(given)), generation(number) {}
  const aws::credentials value;
  const std::uint64_t generation;  ///< 1 for the first of a cache
};

/// One a client (and one for each bucket that has sessions). Those that expire are renewed beside the requests when a fifth of their
/// time is left, five minutes at most, and are waited for when a twentieth is, a minute at most; while the provider fails, they are
/// used until they expire. Times are those of who asks: the service's. What a provider gives that has expired already is used all
/// the same, for a clock may be wrong and a provider late, and renewed five minutes later.
class credentials_cache final : public counted, private shared_question {
 public:
  /// Asks the provider when the first request needs it. A fetch may take `limit`.
  credentials_cache(ring::reactor& loop, std::shared_ptr<credentials_provider> from, duration limit)
      : shared_question(loop, limit, "deadlines.credentials", "credentials from " + std::string(from->name())), from_(std::move(from)) {}
  /// Has these for ever.
  credentials_cache(ring::reactor& loop, aws::credentials fixed)
      : shared_question(loop, no_limit, "", ""), held_(make_ref<held_credentials>(std::move(fixed), std::uint64_t{1})) {}

  ~credentials_cache() override { give_up(); }

  /// What to sign with at `now`; null: wait() first.
  [[nodiscard]] const held_credentials* current(wall_time now) {
    if (!held_ || renounced_) return nullptr;
    now_ = now;
    if (now < renew_at_) return held_.get();
    begin();
    if (now < needed_at_) return held_.get();
    if (under_way()) return nullptr;
    return now < *held_->value.expiration ? held_.get() : nullptr;  // the provider fails just now
  }
  /// The newest there are, whatever time it is; null: none were given yet.
  [[nodiscard]] const ref<held_credentials>& latest() const noexcept { return held_; }

  /// Waits until current(now) gives some; `now` is asked for anew each time. Throws what the provider throws, and access_denied if it has none.
  template <class Now>
  [[nodiscard]] task<> wait(Now now) {
    return shared_question::wait([this, now] { return current(now_ = now()) != nullptr; });
  }

  /// The service refuses those of this generation. True if a request that was signed with them may be signed with others: there are newer
  /// ones, or the provider is asked for some.
  [[nodiscard]] bool renounce(std::uint64_t generation) noexcept {
    if (!from_ || !held_) return false;
    if (generation < held_->generation || renounced_) return true;
    // They came in place of others that were refused: asking for ever more would help nobody.
    if (after_refusal_ && loop().now() < after(received_, std::chrono::seconds(5))) return false;
    renounced_ = true;
    forget_failure();
    return true;
  }

 private:
  [[nodiscard]] task<> ask() override {
    task<std::optional<aws::credentials>> fetching = from_->fetch(loop());
    std::optional<aws::credentials> given = co_await std::move(fetching);
    if (!given) throw error(errc::access_denied, "no credentials were found in: " + std::string(from_->name()));
    keep(std::move(*given));
  }

  void keep(aws::credentials given) {
    renew_at_ = needed_at_ = wall_time::max();
    if (given.expiration) {
      // Compared before they are subtracted: what is centuries ago is further away than a duration can say.
      if (*given.expiration > now_) {
        const duration left = *given.expiration - now_;
        renew_at_ = *given.expiration - std::min<duration>(left / 5, std::chrono::minutes(5));
        needed_at_ = *given.expiration - std::min<duration>(left / 20, std::chrono::minutes(1));
      } else {
        renew_at_ = now_ + std::chrono::minutes(5);
      }
    }
    held_ = make_ref<held_credentials>(std::move(given), held_ ? held_->generation + 1 : 1);
    received_ = loop().now();
    after_refusal_ = std::exchange(renounced_, false);
  }

  std::shared_ptr<credentials_provider> from_;  // null: fixed
  ref<held_credentials> held_;
  wall_time now_{};                       // when it was last asked for them
  wall_time renew_at_ = wall_time::max();
  wall_time needed_at_ = wall_time::max();  // max(): they may be used however late it is
  time_point received_{};
  bool renounced_ = false;
  bool after_refusal_ = false;
};

}  // namespace s3pager::identity
