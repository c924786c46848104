// A provider that gives what a test has prepared. Knows no service.
#pragma once

#include <deque>
#include <optional>
#include <string_view>
#include <utility>

#include "s3pager/aws/credentials.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/coro/event.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/identity/provider.hpp"
#include "s3pager/ring/reactor.hpp"

namespace s3pager::test {

class scripted_credentials final : public credentials_provider {
 public:
  /// Each fetch takes the first of these; the last one stays.
  struct answer {
    std::optional<aws::credentials> given = {};
    std::optional<error> failure = {};
  };
  void will_give(aws::credentials what) { answers.push_back({std::move(what), {}}); }
  void will_have_none() { answers.push_back({}); }
  void will_fail(error why) { answers.push_back({{}, std::move(why)}); }

  [[nodiscard]] std::string_view name() const noexcept override { return "the script"; }
  [[nodiscard]] task<std::optional<aws::credentials>> fetch(ring::reactor&) override {
    ++fetches;
    co_await open.wait();
    answer next = answers.front();
    if (answers.size() > 1) answers.pop_front();
    if (next.failure) throw error(*next.failure);
    co_return std::move(next.given);
  }

  std::deque<answer> answers;
  coro::event open{true};  ///< a fetch waits for it
  int fetches = 0;
};

}  // namespace s3pager::test
