// What a parser says after each piece of input: the one currency between the parsers of HTTP and who feeds them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <system_error>

#include "s3pager/http/error.hpp"

namespace s3pager::http {

enum class step_kind : std::uint8_t {
  need_more,  ///< all input is consumed and the message goes on
  head,       ///< the head is complete; feed what is left, even if that is nothing
  body,       ///< `body` is the next piece of the body; feed what is left, even if that is nothing
  end,        ///< the message is complete; bytes after it are not consumed
  error,      ///< the message is refused, now and for every further input, until reset
};

/// One step of a parser. The caller drops `consumed` bytes from the front of its input, whatever the kind.
struct step {
  step_kind kind = step_kind::need_more;
  std::size_t consumed = 0;
  std::span<const std::byte> body = {};  ///< a view into the input, never empty if kind is body
  std::error_code error = {};
};

namespace detail {

[[nodiscard]] inline step failed(protocol_error error, std::size_t consumed = 0) noexcept {
  return {.kind = step_kind::error, .consumed = consumed, .error = error};
}

}  // namespace detail

}  // namespace s3pager::http
