// One shard a core: a pinned thread each, with its own reactor and client, and their results.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "s3pager/base/error.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/pager/client.hpp"
#include "s3pager/pager/shard.hpp"
#include "s3pager/ring/reactor.hpp"
#include "s3pager/runtime/cores.hpp"

namespace s3pager {

struct per_core_options {
  client_options client = {};   ///< of each shard: window_bytes is a shard's own
  ring::reactor_options reactor = {};
  std::uint32_t shards = 0;     ///< 0: one for each processor that affinity and cgroup allow; more than those share them
  bool pin = true;              ///< each thread to one processor
};

/// What a shard's task gave, or why it gave nothing.
template <class T>
class shard_result {
 public:
  using value_type = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

  [[nodiscard]] bool ok() const noexcept { return outcome_.index() == 1; }
  /// Throws what the shard's task threw.
  [[nodiscard]] value_type& value() {
    if (const auto* failed = std::get_if<2>(&outcome_)) std::rethrow_exception(*failed);
    return std::get<1>(outcome_);
  }
  /// Null if it is ok.
  [[nodiscard]] std::exception_ptr failure() const noexcept {
    const auto* failed = std::get_if<2>(&outcome_);
    return failed != nullptr ? *failed : nullptr;
  }

  void set_value(value_type value) { outcome_.template emplace<1>(std::move(value)); }
  void set_failure(std::exception_ptr why) noexcept { outcome_.template emplace<2>(std::move(why)); }

 private:
  std::variant<std::monostate, value_type, std::exception_ptr> outcome_;
};

/// Runs `main(client, shard)` on one thread for each shard and returns, when all have ended, their results by shard index:
///
///     auto counts = s3pager::run_per_core({}, [](s3pager::client& s3, s3pager::shard part) -> s3pager::task<int> { ... });
///
/// `main` is called on every thread at once, and must be safe for that; it lives until all have ended. Give the shard to
/// page_options, and each key is paged by exactly one. One shard's failure does not stop the others: it is its result. Throws only
/// if a thread can't be started; the threads that were are waited for.
template <class Main>
[[nodiscard]] auto run_per_core(const per_core_options& options, Main main) {
  using value = typename std::invoke_result_t<Main&, client&, shard>::value_type;
  const std::vector<int> cpus = runtime::usable_cpus();
  const auto count = options.shards != 0 ? options.shards : static_cast<std::uint32_t>(cpus.size());
  std::vector<shard_result<value>> results(count);
  const auto run_one = [&](std::uint32_t index) noexcept {
    try {
      if (options.pin) runtime::pin_to(cpus[index % cpus.size()]);
      ring::reactor loop(options.reactor);
      client s3(loop, options.client);
      if constexpr (std::is_void_v<value>) {
        loop.run(main(s3, shard{index, count}));
        results[index].set_value({});
      } else {
        results[index].set_value(loop.run(main(s3, shard{index, count})));
      }
    } catch (...) {
      results[index].set_failure(std::current_exception());
    }
  };
  {
    std::vector<std::jthread> threads;
    threads.reserve(count);
    for (std::uint32_t index = 0; index < count; ++index) threads.emplace_back(run_one, index);
  }
  return results;
}

}  // namespace s3pager
