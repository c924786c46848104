// Text that was read, in as much memory as it takes. Knows nothing of what it says.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

#include "s3pager/base/counted.hpp"

namespace s3pager::xml::detail {

/// Pieces of text, of a sum that is known before. Shared between threads once they are all in it.
class text_block final : public shared_counted {
 public:
  explicit text_block(std::size_t bytes) : bytes_(std::make_unique_for_overwrite<char[]>(bytes)), next_(bytes_.get()) {}

  /// A copy of `text` that lives as long as this.
  [[nodiscard]] std::string_view add(std::string_view text) noexcept {
    if (text.empty()) return {};
    char* const begin = next_;
    std::memcpy(begin, text.data(), text.size());
    next_ += text.size();
    return {begin, text.size()};
  }

 private:
  std::unique_ptr<char[]> bytes_;
  char* next_;
};

}  // namespace s3pager::xml::detail
