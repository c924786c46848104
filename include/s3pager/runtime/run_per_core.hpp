// One shard a core: a pinned thread each, with its own reactor and client, and their results.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <future>
#include <string>
#include <system_error>
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
#include "s3pager/runtime/interruption.hpp"

namespace s3pager {

namespace runtime {

/// Runs `work(index)` on `count` threads and waits for all of them. None begins before every one is there: what a few shards
/// did would be lost when the next thread can't be started, which is thrown.
template <class Work, class Thread = std::jthread>
void run_threads(std::uint32_t count, const Work& work) {
  std::promise<bool> told;
  const std::shared_future<bool> begin = told.get_future().share();
  std::vector<Thread> threads;
  threads.reserve(count);
  try {
    while (threads.size() < count)
      threads.emplace_back([begin, &work, index = static_cast<std::uint32_t>(threads.size())] {
        if (begin.get()) work(index);
      });
  } catch (const std::system_error& failed) {
    told.set_value(false);
    throw error(failed.code(),
                "starting thread " + std::to_string(threads.size() + 1) + " of " + std::to_string(count));
  } catch (...) {
    told.set_value(false);
    throw;
  }
  told.set_value(true);
}

}  // namespace runtime

struct per_core_options {
  client_options client = {};   ///< of each shard: window_bytes is a shard's own
  ring::reactor_options reactor = {};
  std::uint32_t shards = 0;     ///< 0: one for each processor that affinity and cgroup allow; more than those share them
  bool pin = true;              ///< each thread to one processor; not where a cgroup's quota is less than the affinity
  const interruption* stop = nullptr;  ///< ends what every shard waits for with errc::cancelled
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

/// What run_per_core() takes: a function from a client and a shard to a task.
template <class Main>
concept shard_main = requires(Main& main, client& s3) {
  { main(s3, shard{}) } -> std::same_as<task<typename std::invoke_result_t<Main&, client&, shard>::value_type>>;
};

/// Runs `main(client, shard)` on one thread for each shard and returns, when all have ended, their results by shard index:
///
///     auto counts = s3pager::run_per_core({}, [](s3pager::client& s3, s3pager::shard part) -> s3pager::task<int> { ... });
///
/// `main` is called on every thread at once, and must be safe for that; it lives until all have ended. Give the shard to
/// page_options, and each key is paged by exactly one. One shard's failure does not stop the others: it is its result. Throws
/// only if a thread can't be started; `main` was not called on any then.
template <shard_main Main>
[[nodiscard]] auto run_per_core(const per_core_options& options, Main main) {
  using value = typename std::invoke_result_t<Main&, client&, shard>::value_type;
  const runtime::placement where = runtime::place(runtime::allowed_cpus(), runtime::cgroup_cpus());
  const auto count = options.shards != 0 ? options.shards : static_cast<std::uint32_t>(where.count);
  std::vector<shard_result<value>> results(count);
  const auto run_one = [&](std::uint32_t index) noexcept {
    try {
      if (options.pin && !where.cpus.empty()) runtime::pin_to(where.cpus[index % where.cpus.size()]);
      ring::reactor loop(options.reactor);
      client s3(loop, options.client);
      const runtime::interrupted by(loop, options.stop);
      by.check();
      if constexpr (std::is_void_v<value>) {
        loop.run(main(s3, shard{index, count}), by.token());
        results[index].set_value({});
      } else {
        results[index].set_value(loop.run(main(s3, shard{index, count}), by.token()));
      }
    } catch (...) {
      results[index].set_failure(std::current_exception());
    }
  };
  runtime::run_threads(count, run_one);
  return results;
}

}  // namespace s3pager
