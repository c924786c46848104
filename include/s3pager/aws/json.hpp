// JSON objects as AWS's services and tools write them, read by jansson. Knows no field.
#pragma once

#include <jansson.h>
#include <string.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "s3pager/base/checked_setting.hpp"

namespace s3pager::aws {

/// Longer texts are not read.
inline constexpr std::size_t max_json_bytes = std::size_t{1} << 20;

namespace detail {

/// Overwrites all text within, as it may be a secret.
inline void wipe_json(json_t* value) noexcept {
  if (json_is_string(value))
    ::explicit_bzero(const_cast<char*>(::json_string_value(value)), ::json_string_length(value));
  else if (json_is_object(value))
    for (void* i = ::json_object_iter(value); i != nullptr; i = ::json_object_iter_next(value, i)) wipe_json(::json_object_iter_value(i));
  else if (json_is_array(value))
    for (std::size_t i = 0; i < ::json_array_size(value); ++i) wipe_json(::json_array_get(value, i));
}

struct wiping_release {
  void operator()(json_t* root) const noexcept {
    wipe_json(root);
    ::json_decref(root);
  }
};

}  // namespace detail

/// A JSON object. What is text in it is overwritten when it is destroyed, as it may be a secret; jansson's own buffers, while it reads, are
/// not.
class json_object {
 public:
  /// A failure that repeats nothing of `text`: `WHERE is no JSON (line 1, column 7)`.
  [[nodiscard]] static checked_setting<json_object> parse(std::string_view text, std::string_view where) {
    using result = checked_setting<json_object>;
    if (text.size() > max_json_bytes) return result::failure(std::string(where) + " is longer than 1 MiB");
    json_error_t at{};
    std::unique_ptr<json_t, detail::wiping_release> root(::json_loadb(text.data(), text.size(), 0, &at));
    if (!root)
      return result::failure(std::string(where) + " is no JSON object" +
                             (text.empty() ? ": it is empty"
                                           : " (line " + std::to_string(at.line) + ", column " + std::to_string(at.column) + ")"));
    if (!json_is_object(root.get())) return result::failure(std::string(where) + " is JSON, but no object");
    return json_object(std::move(root), nullptr);
  }

  json_object(json_object&&) noexcept = default;
  json_object& operator=(json_object&&) noexcept = default;

  /// Views live as long as the object. Nothing: there is no member of that name, or it is no text.
  [[nodiscard]] std::optional<std::string_view> text(const char* name) const noexcept {
    const json_t* const found = ::json_object_get(here_, name);
    if (!json_is_string(found)) return std::nullopt;
    return std::string_view(::json_string_value(found), ::json_string_length(found));
  }
  [[nodiscard]] std::optional<std::int64_t> integer(const char* name) const noexcept {
    const json_t* const found = ::json_object_get(here_, name);
    if (!json_is_integer(found)) return std::nullopt;
    return std::int64_t{::json_integer_value(found)};
  }
  /// The object within; it lives on its own.
  [[nodiscard]] std::optional<json_object> object(const char* name) const {
    json_t* const found = ::json_object_get(here_, name);
    if (!json_is_object(found)) return std::nullopt;
    return json_object(root_, found);
  }

 private:
  json_object(std::shared_ptr<json_t> root, json_t* here) : root_(std::move(root)), here_(here != nullptr ? here : root_.get()) {}

  std::shared_ptr<json_t> root_;
  json_t* here_;
};

}  // namespace s3pager::aws
