// What a head's fields say of the length of its body and of the fate of its connection (RFC 9112 6 and 9).
// Whatever two readers could understand in two ways is refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#include "s3pager/base/bytes.hpp"
#include "s3pager/http/detail/characters.hpp"
#include "s3pager/http/detail/section_reader.hpp"
#include "s3pager/http/error.hpp"
#include "s3pager/http/header_fields.hpp"

namespace s3pager::http::detail {

/// Digits only, within 64 bits.
[[nodiscard]] inline std::optional<std::uint64_t> parse_length(std::string_view text) noexcept {
  if (text.empty()) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (!is_digit(c)) return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (value > (std::numeric_limits<std::uint64_t>::max() - digit) / 10) return std::nullopt;
    value = value * 10 + digit;
  }
  return value;
}

/// Calls `visit` for each element of a comma-separated list, without the blanks around it.
template <class Visitor>
void for_each_element(std::string_view list, Visitor visit) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    std::string_view element = list.substr(0, comma);
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
    while (!element.empty() && is_blank(element.front())) element.remove_prefix(1);
    while (!element.empty() && is_blank(element.back())) element.remove_suffix(1);
    visit(element);
  }
}

struct framing {
  std::optional<std::uint64_t> content_length = {};
  bool chunked = false;
  bool close = false;
  bool keep_alive = false;
  bool expect_continue = false;

  /// RFC 9112 9.3: close wins; HTTP/1.1 persists by default, HTTP/1.0 only if asked to.
  [[nodiscard]] bool persistent(int minor_version) const noexcept {
    return !close && (minor_version >= 1 || keep_alive);
  }

  /// Reads the fields of a head, once. On an error what was read must not be used.
  [[nodiscard]] protocol_error read(const header_fields& fields, int minor_version) noexcept {
    for (const field f : fields) {
      protocol_error error = no_error;
      switch (f.name.size()) {
        case 6:
          if (equals_ignoring_case(f.name, "expect")) expect_continue = equals_ignoring_case(f.value, "100-continue");
          break;
        case 10:
          if (equals_ignoring_case(f.name, "connection")) read_connection(f.value);
          break;
        case 14:
          if (equals_ignoring_case(f.name, "content-length")) error = read_length(f.value);
          break;
        case 17:
          if (equals_ignoring_case(f.name, "transfer-encoding")) error = read_coding(f.value, minor_version);
          break;
        default: break;
      }
      if (error != no_error) return error;
    }
    return chunked && content_length ? protocol_error::length_with_transfer_encoding : no_error;
  }

 private:
  void read_connection(std::string_view value) noexcept {
    for_each_element(value, [this](std::string_view option) {
      close = close || equals_ignoring_case(option, "close");
      keep_alive = keep_alive || equals_ignoring_case(option, "keep-alive");
    });
  }

  [[nodiscard]] protocol_error read_length(std::string_view value) noexcept {
    const std::optional<std::uint64_t> length = parse_length(value);
    if (!length) return protocol_error::bad_content_length;
    if (content_length)
      return *content_length == *length ? protocol_error::duplicate_content_length
                                        : protocol_error::conflicting_content_length;
    content_length = length;
    return no_error;
  }

  [[nodiscard]] protocol_error read_coding(std::string_view value, int minor_version) noexcept {
    if (chunked || minor_version < 1 || !equals_ignoring_case(value, "chunked"))
      return protocol_error::unsupported_transfer_coding;
    chunked = true;
    return no_error;
  }
};

}  // namespace s3pager::http::detail
