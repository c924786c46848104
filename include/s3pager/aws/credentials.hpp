// The credentials that requests are signed with, as a value that wipes its secrets. Knows neither where they come from
// nor how they are used.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <openssl/crypto.h>

#include "s3pager/base/clock.hpp"

namespace s3pager::aws {

/// Text that is overwritten when it is replaced or destroyed. Always on the heap: a small std::string would leave
/// copies behind wherever it was moved from. There is no way to print it but to ask for view().
class secret {
 public:
  secret() noexcept = default;
  secret(std::string_view text)
      : text_(text.empty() ? nullptr : std::make_unique<char[]>(text.size())), size_(text.size()) {
    if (size_ != 0) std::memcpy(text_.get(), text.data(), size_);
  }
  secret(const char* text) : secret(std::string_view(text)) {}
  secret(const std::string& text) : secret(std::string_view(text)) {}
  secret(const secret& other) : secret(other.view()) {}
  secret(secret&& other) noexcept : text_(std::move(other.text_)), size_(std::exchange(other.size_, 0)) {}
  secret& operator=(secret other) noexcept {
    std::swap(text_, other.text_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~secret() {
    if (size_ != 0) OPENSSL_cleanse(text_.get(), size_);
  }

  [[nodiscard]] std::string_view view() const noexcept { return {text_.get(), size_}; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

 private:
  std::unique_ptr<char[]> text_;
  std::size_t size_ = 0;
};

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
