// The header fields of a parsed message, as views into its bytes. Knows no field's meaning.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <span>
#include <string_view>

#include "s3pager/base/bytes.hpp"

namespace s3pager::http {

/// A header or trailer. The value has no whitespace around it.
struct field {
  std::string_view name = {};
  std::string_view value = {};
};

namespace detail {

/// Offsets rather than views: a head that turns out to be split moves into the parser's buffer as it is.
struct field_entry {
  std::uint32_t name_offset = 0;
  std::uint32_t name_size = 0;
  std::uint32_t value_offset = 0;
  std::uint32_t value_size = 0;
};

}  // namespace detail

/// The fields of a message in the order they came. A view: it lives as long as the message's head (see the parser
/// that gave it).
class header_fields {
 public:
  class iterator {
   public:
    using value_type = field;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::forward_iterator_tag;
    using iterator_category = std::input_iterator_tag;
    using pointer = void;
    using reference = field;

    iterator() = default;
    iterator(const char* base, const detail::field_entry* at) noexcept : base_(base), at_(at) {}

    [[nodiscard]] field operator*() const noexcept {
      return {{base_ + at_->name_offset, at_->name_size}, {base_ + at_->value_offset, at_->value_size}};
    }
    iterator& operator++() noexcept {
      ++at_;
      return *this;
    }
    iterator operator++(int) noexcept {
      iterator before = *this;
      ++at_;
      return before;
    }
    [[nodiscard]] bool operator==(const iterator& other) const noexcept { return at_ == other.at_; }

   private:
    const char* base_ = nullptr;
    const detail::field_entry* at_ = nullptr;
  };

  header_fields() = default;
  header_fields(const char* base, std::span<const detail::field_entry> entries) noexcept
      : base_(base), entries_(entries) {}

  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
  [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }
  [[nodiscard]] iterator begin() const noexcept { return {base_, entries_.data()}; }
  [[nodiscard]] iterator end() const noexcept { return {base_, entries_.data() + entries_.size()}; }

  /// The value of the first field of this name, compared without regard to ASCII case.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const noexcept {
    for (const field f : *this)
      if (equals_ignoring_case(f.name, name)) return f.value;
    return std::nullopt;
  }

  /// How many fields have this name: more than one is for the caller to judge.
  [[nodiscard]] std::size_t count(std::string_view name) const noexcept {
    std::size_t found = 0;
    for (const field f : *this) found += equals_ignoring_case(f.name, name) ? 1 : 0;
    return found;
  }

 private:
  const char* base_ = nullptr;
  std::span<const detail::field_entry> entries_ = {};
};

}  // namespace s3pager::http
