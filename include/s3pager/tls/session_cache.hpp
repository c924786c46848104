// The sessions that the connections to a host leave behind for those that come after them. Knows no connection.
#pragma once

#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

#include "s3pager/base/counted.hpp"
#include "s3pager/tls/context.hpp"
#include "s3pager/tls/session.hpp"

namespace s3pager::tls {

/// The newest ones, of any number of hosts. One thread's.
class session_cache {
 public:
  /// One that each of 64 lanes left: they renew their connections about at once, and a ticket of TLS 1.3 serves only one of them.
  static constexpr std::size_t capacity = 128;

  void keep(ref<session> made) {
    if (!made) return;
    if (kept_.size() == capacity) kept_.erase(kept_.begin());
    kept_.push_back(std::move(made));
  }
  /// The newest that fits, or null. One for a single use is gone then.
  [[nodiscard]] ref<session> take(const ref<context>& with, std::string_view host) {
    for (std::size_t i = kept_.size(); i-- > 0;) {
      if (!kept_[i]->fits(with, host)) continue;
      ref<session> found = kept_[i];
      if (found->single_use()) kept_.erase(kept_.begin() + static_cast<std::ptrdiff_t>(i));
      return found;
    }
    return {};
  }
  [[nodiscard]] std::size_t size() const noexcept { return kept_.size(); }

 private:
  std::vector<ref<session>> kept_;
};

}  // namespace s3pager::tls
