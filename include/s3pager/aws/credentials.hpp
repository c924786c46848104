// The credentials that requests are signed with, as a value that wipes its secrets. Knows neither where they come from
// nor how they are used.
#pragma once

#include <optional>
#include <string>

#include "s3pager/base/clock.hpp"
#include "s3pager/base/secret.hpp"

namespace s3pager::aws {

/// An access key with its secret, or, default-constructed, anonymous: requests then go unsigned.
struct credentials {
  std::string access_key_id = {};
  secret secret_access_key = {};
  secret session_token = {};                      ///< empty: long-term credentials
  std::optional<wall_time> expiration = {};       ///< none: they do not expire

  [[nodiscard]] bool anonymous() const noexcept { return access_key_id.empty(); }

  [[nodiscard]] bool expired(wall_time now) const noexcept { return expiration && *expiration <= now; }

  /// For messages: the first four characters of the access key id at most, and nothing of the secrets.
  [[nodiscard]] std::string redacted() const {
    if (anonymous()) return "anonymous";
    return access_key_id.size() <= 4 ? "****" : access_key_id.substr(0, 4) + "****";
  }
};

}  // namespace s3pager::aws
