// A value that was read from what the user has set, or in plain words why it can't be used.
#pragma once

#include <cassert>
#include <optional>
#include <string>
#include <utility>

namespace s3pager {

/// Either a value, or a message for the user that says what is wrong and where. Never holds a secret in the message.
template <class T>
class checked_setting {
 public:
  checked_setting(T value) : value_(std::move(value)) {}

  [[nodiscard]] static checked_setting failure(std::string message) {
    checked_setting out;
    out.message_ = std::move(message);
    return out;
  }

  [[nodiscard]] bool ok() const noexcept { return value_.has_value(); }
  [[nodiscard]] explicit operator bool() const noexcept { return ok(); }

  /// Only if ok().
  [[nodiscard]] const T& value() const& noexcept {
    assert(ok());
    return *value_;
  }
  [[nodiscard]] T&& value() && noexcept {
    assert(ok());
    return *std::move(value_);
  }

  /// Empty if ok().
  [[nodiscard]] const std::string& message() const noexcept { return message_; }

 private:
  checked_setting() = default;

  std::optional<T> value_;
  std::string message_;
};

}  // namespace s3pager
