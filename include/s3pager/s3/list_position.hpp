// Where a list goes on after each of its pages. Knows no requests.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "s3pager/base/error.hpp"
#include "s3pager/xml/list_result.hpp"

namespace s3pager::s3::detail {

/// Where a list goes on. Holds each page against what came before: a service that goes back would list for ever, or give
/// objects twice.
class list_position {
 public:
  [[nodiscard]] const std::string& token() const noexcept { return token_; }
  [[nodiscard]] const std::string& last_key() const noexcept { return last_key_; }  ///< of all pages so far
  [[nodiscard]] bool begun() const noexcept { return begun_; }                      ///< there was a page

  /// From the last key instead of the token.
  void forget_token() { token_.clear(); }

  /// Goes on behind `page`, an answer of `from` to a list after `start_after`. Throws error of errc::protocol_violation if it goes back.
  void follow(const xml::list_page& page, std::string_view start_after, std::string_view from) {
    const auto broken = [&](const char* what, std::string_view key) {
      return error(errc::protocol_violation,
                   error_details{.message = what, .bucket = std::string(from), .key = std::string(key)});
    };
    if (token_.empty() && !start_after.empty() && !page.contents().empty() && page.contents().front().key <= start_after)
      throw broken("the list does not begin behind start-after", page.contents().front().key);
    std::string_view last = last_key_;
    for (const xml::listed& each : page.contents()) {
      if (each.key == last) throw broken("the list gives a key twice", last);
      last = each.key;
    }
    const std::string_view next = page.next_continuation_token();
    if (page.is_truncated() && (next == token_ || next == seen_token_))
      throw broken("the list goes on with a continuation token that it gave before", {});
    if (!page.contents().empty()) last_key_ = last;
    token_ = next;
    begun_ = true;
    // Brent's: a token that is kept for 1, 2, 4, 8 ... pages is met again by whatever goes round in circles.
    if (--until_seen_ == 0) {
      seen_token_ = token_;
      until_seen_ = patience_ *= 2;
    }
  }

 private:
  std::string token_;
  std::string last_key_;
  std::string seen_token_;
  std::uint64_t until_seen_ = 1;
  std::uint64_t patience_ = 1;
  bool begun_ = false;
};

}  // namespace s3pager::s3::detail
