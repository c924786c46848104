// What gives credentials when it is asked: the one concept that all sources of them have in common, and a user's own as well.
// Knows no source.
#pragma once

#include <optional>
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

}  // namespace s3pager
