// Providers that are asked one after the other. Knows none of them.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3pager/aws/credentials.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/identity/provider.hpp"
#include "s3pager/ring/reactor.hpp"

namespace s3pager::identity {

/// Has what the first of its providers has that is set up. That one alone is asked from then on: what runs out is renewed where it came
/// from, and a source that is away for a moment makes nobody of another identity.
class provider_chain final : public credentials_provider {
 public:
  /// To be asked after those that were added before.
  void add(std::shared_ptr<credentials_provider> next) {
    if (!name_.empty()) name_ += ", ";
    name_ += next->name();
    providers_.push_back(std::move(next));
  }

  /// The names of all, in their order.
  [[nodiscard]] std::string_view name() const noexcept override { return name_; }

  [[nodiscard]] task<std::optional<aws::credentials>> fetch(ring::reactor& loop) override {
    const std::size_t first = settled_ ? *settled_ : 0;
    const std::size_t end = settled_ ? *settled_ + 1 : providers_.size();
    for (std::size_t i = first; i < end; ++i) {
      task<std::optional<aws::credentials>> fetching = providers_[i]->fetch(loop);
      std::optional<aws::credentials> given = co_await std::move(fetching);
      if (!given) continue;
      settled_ = i;
      co_return given;
    }
    co_return std::nullopt;
  }

 private:
  std::vector<std::shared_ptr<credentials_provider>> providers_;
  std::optional<std::size_t> settled_;
  std::string name_;
};

/// Credentials that are known already: of the environment, or of code.
class known_credentials final : public credentials_provider {
 public:
  /// `name` as credentials_provider::name() has it, of static storage.
  known_credentials(std::string_view name, std::optional<aws::credentials> what) : name_(name), what_(std::move(what)) {}
  [[nodiscard]] std::string_view name() const noexcept override { return name_; }
  [[nodiscard]] task<std::optional<aws::credentials>> fetch(ring::reactor&) override { co_return what_; }

 private:
  std::string_view name_;
  std::optional<aws::credentials> what_;
};

}  // namespace s3pager::identity
