// An origin and a client of it on one reactor and one clock that stands still.
#pragma once

#include <memory>
#include <utility>

#include "s3pager/coro/task.hpp"
#include "s3pager/coro/when_any.hpp"
#include "s3pager/ring/descriptor.hpp"
#include "s3pager/ring/next_turn.hpp"
#include "s3pager/ring/reactor.hpp"
#include "s3pager/testing/memory_bucket.hpp"
#include "s3pager/testing/origin.hpp"
#include "s3pager/testing/synthetic_bucket.hpp"

namespace s3pager::test {

/// Turns until `done` holds.
template <class Done>
task<> turns_until(ring::reactor& loop, Done done) {
  while (!done()) co_await ring::next_turn(loop);
}

/// Bucket `m` is in memory, with `k` of ten bytes; bucket `s` is synthetic, with objects of 0 bytes, 1 KiB and 3 MiB.
struct bench {
  explicit bench(const testing::origin_options& options = {}) : server(loop, options) {
    memory->put("k", "0123456789");
    server.add_bucket("m", memory);
    server.add_bucket("s", synthetic);
  }
  bench(const bench&) = delete;
  bench& operator=(const bench&) = delete;

  /// Serves until `client` has ended; what is still being served then is dropped.
  void run(task<> client) { loop.run(coro::when_any(server.serve(), std::move(client))); }

  /// Turns until nothing is in flight any more.
  void settle() {
    while (loop.run_once(ring::reactor::wait::no) || loop.live_operations() != 0) {
    }
  }

  manual_clock time;
  ring::reactor loop{{.clock = &time}};
  testing::origin server;
  std::shared_ptr<testing::memory_bucket> memory = std::make_shared<testing::memory_bucket>();
  std::shared_ptr<testing::synthetic_bucket> synthetic = std::make_shared<testing::synthetic_bucket>(
      testing::synthetic_options{.count = 3000, .sizes = {0, 1024, 3 << 20}});
};

}  // namespace s3pager::test
