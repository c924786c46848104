// A short text with its memory in itself: what is kept of each answer without the heap.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <string_view>

namespace s3pager {

/// At most Capacity characters; of a longer text the first of them.
template <std::size_t Capacity>
class inline_text {
 public:
  // Not defaulted, which would zero the characters where an inline_text is value-initialized: none is read that was not written.
  inline_text() noexcept {}

  void assign(std::string_view text) noexcept {
    size_ = std::min(text.size(), Capacity);
    if (size_ > 0) std::memcpy(text_.data(), text.data(), size_);
  }
  [[nodiscard]] std::string_view view() const noexcept { return {text_.data(), size_}; }

 private:
  std::size_t size_ = 0;
  std::array<char, Capacity> text_;
};

}  // namespace s3pager
