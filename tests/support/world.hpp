// An origin and clients of it on one reactor and one clock, and a reader that checks every byte it gets.
// Knows what synthetic objects hold; no test's expectations.
#pragma once

#include <poll.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3pager/base/bytes.hpp"
#include "s3pager/base/clock.hpp"
#include "s3pager/coro/frame_pool.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/pager/client.hpp"
#include "s3pager/ring/descriptor.hpp"
#include "s3pager/ring/reactor.hpp"
#include "s3pager/testing/memory_bucket.hpp"
#include "s3pager/testing/origin.hpp"
#include "s3pager/testing/synthetic_bucket.hpp"
#include "support/drive.hpp"

namespace s3pager::test {

struct world_options {
  testing::origin_options origin = {};
  testing::synthetic_options objects = {};
  ring::submit_hook* hook = nullptr;
  ring::feature masked = ring::feature::none;
};

/// The clock stands still until it is told to advance. Bucket `s` holds the synthetic objects, `m` what is put in memory.
class world {
 public:
  explicit world(const world_options& options = {})
      : loop({.clock = &time, .masked = options.masked, .hook = options.hook}),
        objects(std::make_shared<testing::synthetic_bucket>(options.objects)) {
    testing::origin_options how = options.origin;
    how.access_key_id = access_key_id;
    how.secret_access_key = secret_access_key;
    server.emplace(loop, how);
    server->add_bucket("s", objects);
    server->add_bucket("m", memory);
    endpoint = server->endpoint();
    serving.emplace(loop.ready(), server->serve());
  }
  world(const world&) = delete;
  world& operator=(const world&) = delete;

  /// Options of a client of this origin, with a small window and few lanes, that makes no request again.
  [[nodiscard]] client_options small() const {
    return {.access_key_id = access_key_id,
            .secret_access_key = secret_access_key,
            .region = "us-east-1",
            .endpoint_url = endpoint,
            .window_bytes = 4 << 20,
            .concurrency = 4,
            .retry = {.max_attempts = 1}};
  }

  /// Turns until `done()`. Hangs, until ctest ends it, if that never comes.
  template <class Predicate>
  void until(Predicate done) {
    while (!done()) {
      // A clock that was advanced wakes nobody from a wait for the kernel.
      const bool due = loop.timers().next() <= time.now();
      loop.run_once(due ? ring::reactor::wait::no : ring::reactor::wait::yes);
    }
  }
  template <class T>
  T run(task<T> work) {
    root<T> started(loop.ready(), std::move(work));
    until([&started] { return started.done(); });
    return started.result();
  }

  /// Turns until the clients' side is gone from the kernel and from the origin: only its wait for connections is left.
  void settle() {
    turn_until([this] { return settled(); }, "something of a client stays open");
  }
  /// Ends the origin too, and turns until nothing is in flight. What is left then is a leak.
  void end() {
    serving.reset();
    server.reset();
    turn_until([this] { return loop.live_operations() == 0; }, "an operation is never reaped");
  }

  static constexpr std::string_view access_key_id = "AKEXAMPLE";
  static constexpr std::string_view secret_access_key = "example/secret";

  manual_clock time;
  ring::reactor loop;
  std::shared_ptr<testing::synthetic_bucket> objects;
  std::shared_ptr<testing::memory_bucket> memory = std::make_shared<testing::memory_bucket>();
  std::optional<testing::origin> server;
  std::string endpoint;
  std::optional<root<>> serving;

 private:
  [[nodiscard]] bool settled() const noexcept {
    return server->counters().connections_open == 0 && loop.live_operations() == 1 && ring::descriptor::live() == 1;
  }
  // Waits for the kernel, so that a leak is a failure and not a hang; no run that is right waits for long.
  template <class Predicate>
  void turn_until(Predicate done, const char* otherwise) {
    while (!done()) {
      // What a turn has ended is not waited for.
      if (loop.run_once(ring::reactor::wait::no) || done()) continue;
      pollfd ready{.fd = loop.poll_descriptor(), .events = POLLIN, .revents = 0};
      if (::poll(&ready, 1, 10'000) != 0) continue;
      const std::uint64_t open = server ? server->counters().connections_open.load() : 0;
      throw std::logic_error(std::string(otherwise) + ": " + std::to_string(open) + " connections, " +
                             std::to_string(loop.live_operations()) + " operations, " +
                             std::to_string(ring::descriptor::live()) + " descriptors");
    }
  }
};

/// What is left on this thread that tests hold against zero.
struct leftovers {
  std::size_t frames = coro::frame_pool::local().live();
  std::size_t descriptors = ring::descriptor::live();
  bool operator==(const leftovers&) const noexcept = default;
};

/// Takes pages and checks that they are the objects' bytes, in order within each object. What is wrong is kept in words.
class reader {
 public:
  explicit reader(const testing::synthetic_bucket& expected) noexcept : expected_(expected) {}

  void take(const page& got) {
    const std::string key(got.object().key);
    progress& of = objects_[key];
    if (of.ended) return complain(key, "goes on after its last page");
    if (sequence_.empty() || sequence_.back() != key) sequence_.push_back(key);
    if (const error* failed = got.failure()) {
      of.ended = true;
      failures_.emplace(key, *failed);
      if (got.offset() != of.bytes) complain(key, "failed at another offset than it had come to");
      return;
    }
    const auto index = expected_.index_of(key);
    if (!index) return complain(key, "is no object of the bucket");
    if (got.offset() != of.bytes) complain(key, "has a gap at " + std::to_string(of.bytes));
    if (!testing::synthetic_equal(expected_.seed(), *index, got.offset(), got.bytes())) complain(key, "has other bytes");
    of.bytes += got.bytes().size();
    bytes_ += got.bytes().size();
    ++pages_;
    if (got.last()) {
      of.ended = true;
      if (of.bytes != expected_.size(*index)) complain(key, "ends at " + std::to_string(of.bytes));
      ++whole_;
    } else if (got.bytes().empty()) {
      complain(key, "has an empty page that is not its last");
    }
  }

  /// Empty: all is as it should be so far.
  [[nodiscard]] const std::string& complaint() const noexcept { return complaint_; }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::uint64_t pages() const noexcept { return pages_; }
  /// Objects that were read to their end.
  [[nodiscard]] std::uint64_t whole() const noexcept { return whole_; }
  [[nodiscard]] const std::map<std::string, error>& failures() const noexcept { return failures_; }
  /// The keys of the pages in their order, each run of one object's pages once.
  [[nodiscard]] const std::vector<std::string>& sequence() const noexcept { return sequence_; }
  /// Whether every object of the bucket was read to its end, and nothing else.
  [[nodiscard]] bool all() const { return complaint_.empty() && failures_.empty() && whole_ == expected_.count(); }

 private:
  struct progress {
    std::uint64_t bytes = 0;
    bool ended = false;
  };
  void complain(const std::string& key, const std::string& what) {
    if (complaint_.empty()) complaint_ = key + ' ' + what;
  }

  const testing::synthetic_bucket& expected_;
  std::map<std::string, progress> objects_;
  std::map<std::string, error> failures_;
  std::vector<std::string> sequence_;
  std::string complaint_;
  std::uint64_t bytes_ = 0;
  std::uint64_t pages_ = 0;
  std::uint64_t whole_ = 0;
};

/// Reads a stream to its end.
[[nodiscard]] inline task<> read_all(page_stream& pages, reader& into) {
  for (;;) {
    const std::optional<page> got = co_await pages.next();
    if (!got) break;
    into.take(*got);
  }
}

}  // namespace s3pager::test
