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
#include "support/page_checker.hpp"
#include "support/tls_front.hpp"
#include "support/tls_server.hpp"
#include "support/tunnel_proxy.hpp"

namespace s3pager::test {

struct world_options {
  testing::origin_options origin = {};
  testing::synthetic_options objects = {};
  ring::submit_hook* hook = nullptr;
  ring::feature masked = ring::feature::none;
  int tls = 0;         ///< its version, between clients and the origin; 0: none
  bool proxy = false;  ///< by TLS as well, that clients are to go through
  bool clock_runs = false;  ///< is what it says of itself: what is left out where the clock stands still is done
};

/// A server on this machine's loopback, and whom to trust for it.
inline const tls_world& local_tls(int version = TLS1_3_VERSION) {
  static const certificate_wish wish{.hosts = "DNS:localhost,IP:127.0.0.1"};
  static const tls_world older(wish, {.min_version = TLS1_2_VERSION, .max_version = TLS1_2_VERSION});
  static const tls_world newer(wish, {.min_version = TLS1_3_VERSION, .max_version = TLS1_3_VERSION});
  return version == TLS1_2_VERSION ? older : newer;
}

/// May say that it runs, and be advanced by hand all the same.
class world_clock final : public manual_clock {
 public:
  explicit world_clock(bool runs) noexcept : runs_(runs) {}
  [[nodiscard]] bool runs() const noexcept override { return runs_; }

 private:
  bool runs_;
};

/// The clock stands still until it is told to advance. Bucket `s` holds the synthetic objects, `m` what is put in memory.
class world {
 public:
  explicit world(const world_options& options = {})
      : time(options.clock_runs),
        loop({.clock = &time, .masked = options.masked, .hook = options.hook}),
        objects(std::make_shared<testing::synthetic_bucket>(options.objects)) {
    testing::origin_options how = options.origin;
    how.access_key_id = access_key_id;
    how.secret_access_key = secret_access_key;
    server.emplace(loop, how);
    server->add_bucket("s", objects);
    server->add_bucket("m", memory);
    endpoint = server->endpoint();
    serving.emplace(loop.ready(), server->serve());
    if (options.tls != 0) {
      tls_version = options.tls;
      front.emplace(loop, local_tls(options.tls).server_context, server->port());
      endpoint = "https://127.0.0.1:" + std::to_string(front->port());
      standing.emplace_back(std::make_unique<root<>>(loop.ready(), front->serve()));
    }
    if (options.proxy) {
      proxy.emplace(loop);
      proxy_front.emplace(loop, local_tls(options.tls).server_context, proxy->port());
      proxy_url = "https://user:word@localhost:" + std::to_string(proxy_front->port());
      standing.emplace_back(std::make_unique<root<>>(loop.ready(), proxy->serve()));
      standing.emplace_back(std::make_unique<root<>>(loop.ready(), proxy_front->serve()));
    }
  }
  world(const world&) = delete;
  world& operator=(const world&) = delete;

  /// Whether an operation is of what stands between clients and the origin.
  [[nodiscard]] bool between(const ring::operation& what) const {
    return (front && front->owns(what)) || (proxy && (proxy->owns(what) || proxy_front->owns(what)));
  }

  /// Options of a client of this origin, with a small window and few lanes, that makes no request again.
  [[nodiscard]] client_options small() const {
    return {.access_key_id = access_key_id,
            .secret_access_key = secret_access_key,
            .region = "us-east-1",
            .endpoint_url = endpoint,
            .proxy_url = proxy_url,
            .ca_file = front ? std::string_view(local_tls(tls_version).ca_file) : std::string_view(),
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
    standing.clear();
    proxy_front.reset();
    proxy.reset();
    front.reset();
    serving.reset();
    server.reset();
    turn_until([this] { return loop.live_operations() == 0; }, "an operation is never reaped");
  }

  static constexpr std::string_view access_key_id = "AKEXAMPLE";
  static constexpr std::string_view secret_access_key = "example/secret";

  world_clock time;
  ring::reactor loop;
  std::shared_ptr<testing::synthetic_bucket> objects;
  std::shared_ptr<testing::memory_bucket> memory = std::make_shared<testing::memory_bucket>();
  std::optional<testing::origin> server;
  std::string endpoint;
  std::optional<root<>> serving;
  int tls_version = 0;
  std::optional<tls_front> front;
  std::optional<tunnel_proxy> proxy;
  std::optional<tls_front> proxy_front;
  std::string proxy_url;
  std::vector<std::unique_ptr<root<>>> standing;  // what serves besides

 private:
  [[nodiscard]] bool settled() const noexcept {
    const std::size_t listeners = 1 + standing.size();
    return server->counters().connections_open == 0 && loop.live_operations() == listeners && ring::descriptor::live() == listeners;
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

/// Checks the pages of a synthetic bucket's objects.
class reader final : private synthetic_objects, public page_checker {
 public:
  explicit reader(const testing::synthetic_bucket& expected, page_order order = page_order::by_arrival)
      : synthetic_objects(expected), page_checker(static_cast<const synthetic_objects&>(*this), order) {}
};

}  // namespace s3pager::test
