// The region that requests go to where nobody has named one: asked for once. Knows no bucket.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "s3pager/base/clock.hpp"
#include "s3pager/base/counted.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/identity/provider.hpp"
#include "s3pager/identity/shared_question.hpp"
#include "s3pager/ring/reactor.hpp"

namespace s3pager::identity {

/// One a client. What the provider says, once it has said it; else `otherwise`: without a region Amazon S3 is asked where a bucket is.
class region_lookup final : public counted, private shared_question {
 public:
  region_lookup(ring::reactor& loop, std::shared_ptr<region_provider> from, std::string otherwise, duration limit)
      : shared_question(loop, limit, "deadlines.credentials", "the region"), from_(std::move(from)), otherwise_(std::move(otherwise)) {}

  ~region_lookup() override { give_up(); }

  /// Null until it is known.
  [[nodiscard]] const std::string* found() const noexcept { return found_ ? &*found_ : nullptr; }
  /// Waits until it is.
  [[nodiscard]] task<> wait() {
    return shared_question::wait([this] { return found_.has_value(); });
  }

 private:
  [[nodiscard]] task<> ask() override {
    std::optional<std::string> said;
    try {
      task<std::optional<std::string>> fetching = from_->fetch_region(loop());
      said = co_await std::move(fetching);
    } catch (const error& failed) {
      if (failed.code() == errc::cancelled) throw;
    }
    found_ = said && !said->empty() ? std::move(*said) : otherwise_;
  }

  std::shared_ptr<region_provider> from_;
  std::string otherwise_;
  std::optional<std::string> found_;
};

}  // namespace s3pager::identity
