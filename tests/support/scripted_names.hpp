// A source of names whose answers a test gives, when it wants. Knows no resolver.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "s3pager/ring/resolver.hpp"

namespace s3pager::test {

class scripted_names final : public ring::name_source {
 public:
  explicit scripted_names(std::vector<ring::socket_address> addresses) { answer(std::move(addresses)); }

  /// From now on.
  void answer(std::vector<ring::socket_address> addresses) { set({{}, std::move(addresses)}); }
  void fail(std::error_code why) { set({why, {}}); }
  /// Lookups wait for open().
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  void open() {
    const std::lock_guard lock(mutex_);
    closed_ = false;
    opened_.notify_all();
  }
  [[nodiscard]] std::vector<std::string> asked() const {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

  [[nodiscard]] ring::resolve_result look_up(const std::string& host, std::uint16_t port) noexcept override {
    std::unique_lock lock(mutex_);
    asked_.push_back(host + ' ' + std::to_string(port));
    opened_.wait(lock, [this] { return !closed_; });
    return answer_;
  }

 private:
  void set(ring::resolve_result what) {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(what);
  }

  mutable std::mutex mutex_;
  std::condition_variable opened_;
  bool closed_ = false;
  ring::resolve_result answer_;
  std::vector<std::string> asked_;
};

}  // namespace s3pager::test
