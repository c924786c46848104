// What gives credentials, or a region, when it is asked: the one concept that all sources have in common, and a user's own as well.
// Knows no source.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "s3pager/aws/credentials.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/ring/reactor.hpp"

namespace s3pager {

/// A source of credentials. Made and used on one thread; it must outlive what asks it. It is asked once for all who wait, and again
/// before what it gave runs out: whoever asks keeps what it gave (identity/credentials_cache.hpp), so a provider need not.
class credentials_provider {
 public:
  credentials_provider() = default;
  credentials_provider(const credentials_provider&) = delete;
  credentials_provider& operator=(const credentials_provider&) = delete;
  virtual ~credentials_provider() = default;

  /// For messages: `environment`, `profile "dev"`, `instance metadata`. Of static storage or as long as the provider.
  [[nodiscard]] virtual std::string_view name() const noexcept = 0;

  /// Asks now. Nothing: this source is not set up here, and the next one is to be asked. Throws error if it is set up and fails, in
  /// words that say where and what was expected: access_denied if it refuses, invalid_argument if a setting is wrong, timed_out,
  /// connection_lost or unavailable if it may answer later. It must not block the thread; a stop ends its waits with cancelled, and
  /// it may be destroyed wherever it waits.
  [[nodiscard]] virtual task<std::optional<aws::credentials>> fetch(ring::reactor& loop) = 0;
};

/// A source of the region that this program runs in, of the same kind.
class region_provider {
 public:
  region_provider() = default;
  region_provider(const region_provider&) = delete;
  region_provider& operator=(const region_provider&) = delete;
  virtual ~region_provider() = default;

  /// Nothing: it knows none. Fails and ends as credentials_provider::fetch does.
  [[nodiscard]] virtual task<std::optional<std::string>> fetch_region(ring::reactor& loop) = 0;
};

}  // namespace s3pager
