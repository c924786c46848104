// An origin on a thread and a reactor of its own, for tests of what doesn't share a reactor.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <future>
#include <semaphore>
#include <string>
#include <thread>
#include <utility>

#include "s3pager/ring/reactor.hpp"
#include "s3pager/testing/origin.hpp"

namespace s3pager::testing {

/// Serves from its construction to its destruction.
class origin_thread {
 public:
  /// `prepare` adds buckets and hooks, on the origin's thread, before the first request. Throws what it or the origin throws.
  explicit origin_thread(const origin_options& options, const std::function<void(origin&)>& prepare) {
    std::promise<void> ready;
    std::future<void> is_ready = ready.get_future();
    // All that the thread takes by reference is needed only until it is ready, and that is waited for.
    thread_ = std::thread([this, &options, &prepare, &ready] { run(options, prepare, ready); });
    try {
      is_ready.get();
    } catch (...) {
      thread_.join();
      throw;
    }
  }
  origin_thread(const origin_thread&) = delete;
  origin_thread& operator=(const origin_thread&) = delete;
  ~origin_thread() {
    loop_->post(stop_);
    may_end_.release();
    thread_.join();
  }

  [[nodiscard]] std::uint16_t port() const noexcept { return origin_->port(); }
  [[nodiscard]] std::string endpoint() const { return origin_->endpoint(); }
  [[nodiscard]] const origin_counters& counters() const noexcept { return origin_->counters(); }

 private:
  struct stop_call final : ring::posted_call {
    void run() noexcept override {
      if (target != nullptr) target->stop();
    }
    origin* target = nullptr;
  };

  void run(const origin_options& options, const std::function<void(origin&)>& prepare, std::promise<void>& ready) {
    bool told = false;
    try {
      ring::reactor loop;
      origin served(loop, options);
      prepare(served);
      loop_ = &loop;
      origin_ = &served;
      stop_.target = &served;
      told = true;
      ready.set_value();
      try {
        loop.run(served.serve());
      } catch (const std::exception&) {
        // Clients see refused connections.
      }
      may_end_.acquire();
      stop_.target = nullptr;
    } catch (...) {
      if (!told) ready.set_exception(std::current_exception());
    }
  }

  ring::reactor* loop_ = nullptr;
  origin* origin_ = nullptr;
  stop_call stop_;
  std::binary_semaphore may_end_{0};
  std::thread thread_;
};

}  // namespace s3pager::testing
