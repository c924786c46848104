// The chunked transfer coding (RFC 9112 7.1), decoded in place: pieces of the body are views into the input.
// Knows nothing of heads; trailers are kept apart and never mixed with headers.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "s3pager/base/bytes.hpp"
#include "s3pager/base/uri_encoding.hpp"
#include "s3pager/http/detail/characters.hpp"
#include "s3pager/http/detail/section_reader.hpp"
#include "s3pager/http/error.hpp"
#include "s3pager/http/header_fields.hpp"
#include "s3pager/http/step.hpp"

namespace s3pager::http {

struct chunked_limits {
  std::size_t max_extension_bytes = 256;   ///< of one chunk, all between its size and its CR
  std::size_t max_trailer_bytes = 8 * 1024;  ///< all after the last chunk's line, the empty line too
};

/// Decodes one chunked body: feed() until it says end or error. Strict: no bare LF, no sign, blank or more than 16
/// digits in a size.
class chunked_decoder {
 public:
  static constexpr std::size_t max_trailers = 32;

  explicit chunked_decoder(chunked_limits limits = {}) noexcept
      : max_extension_bytes_(limits.max_extension_bytes), trailers_(limits.max_trailer_bytes) {}

  /// Makes ready for the next body. Allocates nothing and keeps the memory it has.
  void reset() noexcept {
    state_ = state::size;
    digits_ = 0;
    size_ = 0;
    extension_bytes_ = 0;
    error_ = detail::no_error;
    trailers_.clear();
  }

  /// Takes the next input and says what came first in it: need_more, body, end or error.
  [[nodiscard]] step feed(std::span<const std::byte> input) noexcept {
    const char* const begin = as_chars(input).data();
    const char* const end = begin + input.size();
    const char* cursor = begin;
    const auto consumed = [&] { return static_cast<std::size_t>(cursor - begin); };
    while (error_ == detail::no_error && state_ != state::trailers && state_ != state::done) {
      if (cursor == end) return {.kind = step_kind::need_more, .consumed = consumed()};
      if (state_ == state::data) {
        const std::size_t piece = static_cast<std::size_t>(std::min<std::uint64_t>(size_, input.size() - consumed()));
        const std::span<const std::byte> body = input.subspan(consumed(), piece);
        cursor += piece;
        size_ -= piece;
        if (size_ == 0) state_ = state::data_cr;
        return {.kind = step_kind::body, .consumed = consumed(), .body = body};
      }
      error_ = take(*cursor);
      if (error_ == detail::no_error) ++cursor;
    }
    if (error_ == detail::no_error && state_ == state::trailers) {
      const auto section = trailers_.feed(as_chars(input).substr(consumed()));
      cursor += section.consumed;
      error_ = trailer_error(section.error);
      if (section.done) state_ = state::done;
    }
    if (error_ != detail::no_error) return detail::failed(error_, consumed());
    return {.kind = state_ == state::done ? step_kind::end : step_kind::need_more, .consumed = consumed()};
  }

  /// The connection ended: end if the body was complete, else error.
  [[nodiscard]] step on_eof() noexcept {
    if (error_ == detail::no_error && state_ == state::done) return {.kind = step_kind::end};
    if (error_ == detail::no_error) error_ = protocol_error::truncated_body;
    return detail::failed(error_);
  }

  /// Bytes of the body that the sizes read so far promise.
  [[nodiscard]] std::uint64_t chunk_remaining() const noexcept { return state_ == state::data ? size_ : 0; }

  /// Once feed() said end. Views into the input of that feed() or into the decoder: good until the caller lets go of
  /// the one and resets the other.
  [[nodiscard]] header_fields trailers() const noexcept { return trailers_.fields(); }

 private:
  enum class state : std::uint8_t { size, blank, extension, size_lf, data, data_cr, data_lf, trailers, done };

  /// One character of a chunk's frame.
  [[nodiscard]] protocol_error take(char c) noexcept {
    switch (state_) {
      case state::size: return take_size(c);
      case state::blank:
        // Blanks are tolerated before an extension only (RFC 9112 7.1.1).
        if (c == ';') state_ = state::extension;
        return c == ';' || detail::is_blank(c) ? count_extension() : protocol_error::bad_chunk_size;
      case state::extension:
        if (c == '\n') return protocol_error::bare_lf;
        if (c == '\r') {
          state_ = state::size_lf;
          return detail::no_error;
        }
        return detail::is_text(c) ? count_extension() : protocol_error::bad_chunk_extension;
      case state::size_lf:
        if (c != '\n') return protocol_error::bare_cr;
        state_ = size_ == 0 ? state::trailers : state::data;
        return detail::no_error;
      case state::data_cr:
        if (c != '\r') return protocol_error::bad_chunk_end;
        state_ = state::data_lf;
        return detail::no_error;
      case state::data_lf:
        if (c != '\n') return protocol_error::bad_chunk_end;
        state_ = state::size;
        digits_ = 0;
        extension_bytes_ = 0;
        return detail::no_error;
      case state::data:
      case state::trailers:
      case state::done: break;
    }
    return protocol_error::bad_chunk_size;
  }

  [[nodiscard]] protocol_error take_size(char c) noexcept {
    if (const int value = hex_value(c); value >= 0) {
      if (digits_ == 16) return protocol_error::bad_chunk_size;
      ++digits_;
      size_ = size_ << 4 | static_cast<std::uint64_t>(value);
      return detail::no_error;
    }
    if (c == '\n') return protocol_error::bare_lf;
    if (digits_ == 0) return protocol_error::bad_chunk_size;
    if (c == '\r') {
      state_ = state::size_lf;
      return detail::no_error;
    }
    if (c != ';' && !detail::is_blank(c)) return protocol_error::bad_chunk_size;
    state_ = c == ';' ? state::extension : state::blank;
    return count_extension();
  }

  [[nodiscard]] protocol_error count_extension() noexcept {
    return ++extension_bytes_ > max_extension_bytes_ ? protocol_error::chunk_extension_too_long : detail::no_error;
  }

  [[nodiscard]] static protocol_error trailer_error(protocol_error error) noexcept {
    const bool too_large = error == protocol_error::head_too_large || error == protocol_error::too_many_headers;
    return too_large ? protocol_error::trailers_too_large : error;
  }

  state state_ = state::size;
  unsigned digits_ = 0;
  std::uint64_t size_ = 0;  ///< of the chunk, less what was handed on
  std::size_t extension_bytes_ = 0;
  protocol_error error_ = detail::no_error;
  std::size_t max_extension_bytes_;
  detail::section_reader<detail::no_start_line, max_trailers> trailers_;
};

}  // namespace s3pager::http
