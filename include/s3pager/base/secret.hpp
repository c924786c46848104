// Text that must not be found in memory later, nor in a log. Knows not what it is for.
#pragma once

#include <string.h>

#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace s3pager {

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
    if (text_) ::explicit_bzero(text_.get(), size_);
  }

  [[nodiscard]] std::string_view view() const noexcept { return {text_.get(), size_}; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

 private:
  std::unique_ptr<char[]> text_;
  std::size_t size_ = 0;
};

}  // namespace s3pager
