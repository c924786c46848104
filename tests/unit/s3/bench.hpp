// What the tests of this layer share: a scripted server and a service that sends to it, on one reactor and a clock that
// stands still, and a reader of whole answers.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3pager/base/bytes.hpp"
#include "s3pager/base/clock.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/ring/buffer_pool.hpp"
#include "s3pager/ring/descriptor.hpp"
#include "s3pager/ring/reactor.hpp"
#include "s3pager/s3/exchange.hpp"
#include "s3pager/s3/get_object.hpp"
#include "s3pager/s3/service.hpp"
#include "support/drive.hpp"
#include "support/scripted_server.hpp"

namespace s3pager::s3::test {

using s3pager::test::afterwards;
using s3pager::test::root;
using s3pager::test::scripted_answer;
using s3pager::test::scripted_server;
using s3pager::test::split_at;

struct bench {
  explicit bench(std::vector<std::vector<scripted_answer>> answers, s3pager::observer* seen_by = nullptr,
                 const retry_policy& retry = {.max_attempts = 1})
      : server(loop, std::move(answers)),
        with(make_ref<service>(loop, settings(seen_by, retry))),
        target(with->bucket("b")),
        pool(loop.make_buffer_pool({.window_bytes = 64 << 12, .slot_bytes = 4096})) {}
  /// One connection, one answer in one piece.
  explicit bench(std::string answer, afterwards then = afterwards::go_on) : bench({{{{std::move(answer)}, then}}}) {}
  bench(const bench&) = delete;
  bench& operator=(const bench&) = delete;

  template <class T>
  T run(task<T> work) {
    root<T> started(loop.ready(), std::move(work));
    while (!started.done()) loop.run_once();
    return started.result();
  }
  /// Turns until `done()`. Hangs, until ctest ends it, if that never comes.
  template <class Predicate>
  void until(Predicate done) {
    while (!done()) loop.run_once(ring::reactor::wait::no);
  }

  [[nodiscard]] service_settings settings(s3pager::observer* seen_by,
                                          const retry_policy& retry = {.max_attempts = 1}) const {
    service_settings made;
    made.retry = retry;
    made.endpoint_url = server.endpoint();
    made.rules.addressing = aws::addressing::path;
    made.observer = seen_by;
    return made;
  }

  manual_clock time;
  ring::reactor loop{{.clock = &time}};
  scripted_server server;
  ref<service> with;
  ref<bucket_target> target;
  ref<ring::buffer_pool> pool;
  ref<request_tally> tally = make_ref<request_tally>();
};

struct outcome {
  std::optional<error> failure = {};
  int status = 0;
  std::string etag = {};
  std::string body = {};
  std::optional<std::uint64_t> total = {};
  std::optional<std::uint64_t> body_size = {};
  std::uint64_t offset = 0;
  bool complete = false;
};

/// One GET to its end, `slots` at a time.
inline task<> fetch(bench& in, get_object_request what, outcome& out, std::uint32_t slots = 2) {
  get_object get(in.with, in.target, what, in.tally);
  try {
    bool fresh = false;
    for (;;) {
      ring::grant given = in.pool->try_grant(slots);
      const get_object::progress came = co_await get.begin(std::move(given), fresh);
      if (came == get_object::progress::opened) break;
      if (came == get_object::progress::stale) fresh = true;
    }
    out.status = get.status();
    out.etag = get.header("etag").value_or("");
    out.offset = get.offset();
    out.body_size = get.body_size();
    for (;;) {
      for (ring::slot_span piece = get.take(); piece.size() > 0; piece = get.take()) out.body += as_chars(piece.bytes());
      if (get.complete()) break;
      ring::grant given = in.pool->try_grant(slots);
      co_await get.receive(std::move(given));
    }
    out.complete = true;
  } catch (const error& failed) {
    out.failure.emplace(failed);
  }
  out.total = get.total();
}

inline outcome fetched(bench& in, const get_object_request& what, std::uint32_t slots = 2) {
  outcome out;
  in.run(fetch(in, what, out, slots));
  return out;
}

}  // namespace s3pager::s3::test
