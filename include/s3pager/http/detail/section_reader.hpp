// Reads a start line (of a response, a request, or none) and the header lines after it, up to the empty line: in
// place if they come in one piece, else out of a buffer that grows to a bound. Shared by heads and trailers.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <utility>

#include "s3pager/http/detail/characters.hpp"
#include "s3pager/http/error.hpp"
#include "s3pager/http/header_fields.hpp"

namespace s3pager::http::detail {

/// No error: protocol_error has no such value, because who gets an error must have one.
inline constexpr protocol_error no_error{};

/// What a start line's scan() and the scan of the fields say. On an error, the cursor stands on the character that is
/// wrong.
struct scan_result {
  bool done = false;
  protocol_error error = no_error;
};

/// The start line of trailers.
struct no_start_line {
  [[nodiscard]] scan_result scan(const char*&, const char*, const char*, std::uint32_t) noexcept {
    return {.done = true};
  }
};

/// The bytes of a section that came in pieces.
class section_buffer {
 public:
  [[nodiscard]] const char* data() const noexcept { return data_.get(); }

  /// Writes `piece` at `offset`, which is where the last one ended. False: no memory.
  [[nodiscard]] bool append(std::size_t offset, std::string_view piece, std::size_t max_bytes) noexcept {
    if (offset + piece.size() > capacity_ && !grow(offset, offset + piece.size(), max_bytes)) return false;
    if (!piece.empty()) std::memcpy(data_.get() + offset, piece.data(), piece.size());
    return true;
  }

 private:
  [[nodiscard]] bool grow(std::size_t used, std::size_t needed, std::size_t max_bytes) noexcept {
    const std::size_t wanted = std::min(std::max({needed, capacity_ * 2, std::size_t{4096}}), max_bytes);
    std::unique_ptr<char[]> larger(new (std::nothrow) char[wanted]);
    if (!larger) return false;
    if (used != 0) std::memcpy(larger.get(), data_.get(), used);
    data_ = std::move(larger);
    capacity_ = wanted;
    return true;
  }

  std::unique_ptr<char[]> data_;
  std::size_t capacity_ = 0;
};

/// StartLine has `scan_result scan(const char*& cursor, const char* end, const char* begin, uint32 offset_of_begin)`,
/// which goes on where it stopped. Every character is looked at once, however the input is cut, and an error is
/// found at the character that makes it: so the answer doesn't depend on the cuts.
template <class StartLine, std::size_t MaxFields>
class section_reader {
 public:
  struct outcome {
    std::size_t consumed = 0;
    bool done = false;
    protocol_error error = no_error;
  };

  /// max_bytes counts all of the section, the empty line too.
  explicit section_reader(std::size_t max_bytes) noexcept
      : max_bytes_(std::min<std::size_t>(max_bytes, std::size_t{1} << 30)) {}

  section_reader(const section_reader&) = delete;
  section_reader& operator=(const section_reader&) = delete;

  void clear() noexcept {
    start_line_ = {};
    in_fields_ = false;
    state_ = state::line_start;
    count_ = 0;
    size_ = 0;
    base_ = nullptr;
  }

  /// Not to be called again once done, before clear(). If done by the first call, views are into `input`.
  [[nodiscard]] outcome feed(std::string_view input) noexcept {
    const char* const begin = input.data();
    const char* const end = begin + std::min(input.size(), max_bytes_ - size_);
    const char* cursor = begin;
    scan_result result = scan(cursor, end, begin);
    const std::string_view scanned(begin, static_cast<std::size_t>(cursor - begin));
    if (result.error != no_error) return {scanned.size(), false, result.error};

    const bool in_place = result.done && size_ == 0;
    if (!in_place && !buffer_.append(size_, scanned, max_bytes_))
      return {scanned.size(), false, protocol_error::out_of_memory};
    size_ += scanned.size();
    if (result.done) {
      base_ = in_place ? begin : buffer_.data();
      trim_values();
    } else if (size_ == max_bytes_) {
      return {scanned.size(), false, protocol_error::head_too_large};
    }
    return {scanned.size(), result.done, no_error};
  }

  /// Bytes of the section so far.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  // Once done:
  [[nodiscard]] const StartLine& start_line() const noexcept { return start_line_; }
  [[nodiscard]] header_fields fields() const noexcept {
    return {base_, std::span(entries_).first(base_ != nullptr ? count_ : 0)};
  }
  [[nodiscard]] std::string_view text(std::uint32_t offset, std::uint32_t size) const noexcept {
    return base_ != nullptr ? std::string_view(base_ + offset, size) : std::string_view();
  }

 private:
  enum class state : std::uint8_t { line_start, name, before_value, value, value_lf, last_lf };

  [[nodiscard]] scan_result scan(const char*& cursor, const char* end, const char* begin) noexcept {
    if (!in_fields_) {
      const scan_result line = start_line_.scan(cursor, end, begin, static_cast<std::uint32_t>(size_));
      if (!line.done) return line;
      in_fields_ = true;
    }
    return scan_fields(cursor, end, begin);
  }

  [[nodiscard]] scan_result scan_fields(const char*& cursor, const char* end, const char* begin) noexcept {
    const auto offset = [&] { return static_cast<std::uint32_t>(size_ + static_cast<std::size_t>(cursor - begin)); };
    while (cursor != end) {
      switch (state_) {
        case state::line_start:
          if (*cursor == '\r') {
            ++cursor;
            state_ = state::last_lf;
            break;
          }
          if (is_blank(*cursor)) return {.error = protocol_error::obsolete_fold};
          if (!is_token_character(*cursor)) return {.error = name_error(*cursor)};
          if (count_ == MaxFields) return {.error = protocol_error::too_many_headers};
          entries_[count_].name_offset = offset();
          state_ = state::name;
          [[fallthrough]];
        case state::name:
          cursor = skip_token(cursor, end);
          if (cursor == end) break;
          if (*cursor != ':') return {.error = name_error(*cursor)};
          entries_[count_].name_size = offset() - entries_[count_].name_offset;
          ++cursor;
          state_ = state::before_value;
          [[fallthrough]];
        case state::before_value:
          while (cursor != end && is_blank(*cursor)) ++cursor;
          if (cursor == end) break;
          entries_[count_].value_offset = offset();
          state_ = state::value;
          [[fallthrough]];
        case state::value:
          cursor = skip_text(cursor, end);
          if (cursor == end) break;
          if (*cursor != '\r')
            return {.error = *cursor == '\n' ? protocol_error::bare_lf : protocol_error::bad_header_value};
          entries_[count_].value_size = offset() - entries_[count_].value_offset;
          ++cursor;
          state_ = state::value_lf;
          break;
        case state::value_lf:
          if (*cursor != '\n') return {.error = protocol_error::bare_cr};
          ++cursor;
          ++count_;
          state_ = state::line_start;
          break;
        case state::last_lf:
          if (*cursor != '\n') return {.error = protocol_error::bare_cr};
          ++cursor;
          return {.done = true};
      }
    }
    return {};
  }

  [[nodiscard]] static protocol_error name_error(char c) noexcept {
    return c == '\n' ? protocol_error::bare_lf : protocol_error::bad_header_name;
  }

  /// Only now, because the end of a value may have come in an earlier piece than its CR.
  void trim_values() noexcept {
    for (field_entry& entry : std::span(entries_).first(count_))
      while (entry.value_size != 0 && is_blank(base_[entry.value_offset + entry.value_size - 1])) --entry.value_size;
  }

  StartLine start_line_ = {};
  bool in_fields_ = false;
  state state_ = state::line_start;
  std::size_t count_ = 0;
  std::size_t size_ = 0;
  const char* base_ = nullptr;
  section_buffer buffer_;
  std::size_t max_bytes_;
  std::array<field_entry, MaxFields> entries_;
};

}  // namespace s3pager::http::detail
