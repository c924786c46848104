// Headers that all requests of a call have in common: a caller's own, and those of options that go with every request; and what of the
// requests is to be shown nowhere. Checked and put in order once a call, so that a request only refers to them. Knows no request.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3pager/aws/customer_key.hpp"
#include "s3pager/aws/signer.hpp"
#include "s3pager/base/bytes.hpp"
#include "s3pager/base/counted.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/base/secret.hpp"
#include "s3pager/http/detail/characters.hpp"

namespace s3pager {

/// A header of one's own, which is sent and signed with the others. The name is a token of at most 64 characters (RFC 9110 5.6.2), in
/// whatever case, and none that the library sends itself or that would change what it relies on (`range`, `if-match`, `connection` ...).
/// The value holds visible ASCII and spaces; it is in no error. At most 16 of them go with a request, of at most 4,096 bytes together,
/// the client's and the call's: where both have a name, the call's counts.
struct request_header {
  std::string_view name = {};
  std::string_view value = {};
};

namespace s3 {

namespace detail {

/// What a request's own headers are, and those that would make another request of it than the library takes it for.
[[nodiscard]] inline bool is_reserved_header(std::string_view name) noexcept {
  static constexpr std::array<std::string_view, 30> reserved{
      "accept-encoding", "authorization", "connection", "content-encoding", "content-length", "date", "expect", "host", "if-match",
      "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "keep-alive", "proxy-authorization", "proxy-connection",
      "range", "te", "trailer", "transfer-encoding", "upgrade", "user-agent", "x-amz-checksum-mode", "x-amz-content-sha256", "x-amz-date",
      "x-amz-expected-bucket-owner", "x-amz-optional-object-attributes", "x-amz-request-payer", "x-amz-s3session-token",
      "x-amz-security-token"};
  return std::binary_search(reserved.begin(), reserved.end(), name) || name.starts_with("x-amz-server-side-encryption-customer-");
}

[[nodiscard]] inline bool is_visible_text(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char c) { return c == ' ' || http::detail::is_visible(c); });
}

}  // namespace detail

/// Counted: a run refers to those of its call, or of its client.
class common_headers final : public counted {
 public:
  static constexpr std::size_t most_own = 16;
  static constexpr std::size_t most_name_bytes = 64;
  static constexpr std::size_t most_own_bytes = 4096;

  common_headers() = default;
  /// A copy, to add to.
  explicit common_headers(const common_headers& of)
      : counted(), held_(of.held_), hidden_(of.hidden_), own_(of.own_), own_bytes_(of.own_bytes_) {
    point();
  }

  /// Names are in order, and in lower case. They live until the next one is added.
  [[nodiscard]] std::span<const aws::signed_header> sorted() const noexcept { return views_; }

  /// What is masked where a service echoes it. With any, the head of a request is overwritten when it has been sent.
  [[nodiscard]] std::span<const secret> hidden() const noexcept { return hidden_; }

  /// One that the library sends.
  void add(std::string_view name, std::string_view value) {
    held_.insert(place_of(name), {std::string(name), value});
    point();
  }
  /// What is so short that it may be a word is let be.
  void hide(std::string_view what) {
    if (what.size() >= 8) hidden_.emplace_back(what);
  }
  void add_customer_key(const customer_key& key) {
    const aws::encoded_customer_key encoded = aws::encode_customer_key(key);
    add(aws::customer_algorithm_header, "AES256");
    add(aws::customer_key_header, encoded.key.view());
    add(aws::customer_key_md5_header, encoded.md5.view());
    hide(encoded.key.view());
  }
  /// A caller's own, each in the place of one of that name that is there already. Throws error(invalid_argument), which says what is wrong
  /// with which, and shows no value.
  void add_own(std::span<const request_header> headers) {
    for (std::size_t i = 0; i < headers.size(); ++i) {
      std::string name(headers[i].name);
      for (char& c : name) c = ascii_lower(c);
      check(i, name, headers[i].value);
      for (std::size_t before = 0; before < i; ++before)
        if (equals_ignoring_case(headers[before].name, name)) refuse(i, name + " is given twice");
      set_own(std::move(name), headers[i].value);
      if (own_ > most_own) refuse(i, "there are more than " + std::to_string(most_own));
      if (own_bytes_ > most_own_bytes) refuse(i, "they are more than " + std::to_string(most_own_bytes) + " bytes, names and values together");
    }
    point();
  }

 private:
  struct header {
    std::string name;
    secret value;
  };

  [[noreturn]] static void refuse(std::size_t index, const std::string& what) {
    throw error(errc::invalid_argument, "headers[" + std::to_string(index) + "]: " + what);
  }
  static void check(std::size_t index, const std::string& name, std::string_view value) {
    if (name.size() > most_name_bytes || !http::detail::is_token(name))
      refuse(index, "the name is no token of 1 to " + std::to_string(most_name_bytes) + " characters");
    if (detail::is_reserved_header(name)) refuse(index, name + " is the library's own, or would change what it relies on");
    if (!detail::is_visible_text(value)) refuse(index, "the value of " + name + " holds something other than visible ASCII and spaces");
  }

  [[nodiscard]] std::vector<header>::iterator place_of(std::string_view name) {
    return std::lower_bound(held_.begin(), held_.end(), name, [](const header& each, std::string_view of) { return each.name < of; });
  }
  void set_own(std::string name, std::string_view value) {
    const auto at = place_of(name);
    own_bytes_ += value.size();
    if (at != held_.end() && at->name == name) {
      own_bytes_ -= at->value.view().size();
      at->value = value;
      return;
    }
    ++own_;
    own_bytes_ += name.size();
    held_.insert(at, {std::move(name), value});
  }
  void point() {
    views_.clear();
    for (const header& each : held_) views_.push_back({each.name, each.value.view()});
  }

  std::vector<header> held_;
  std::vector<aws::signed_header> views_;
  std::vector<secret> hidden_;
  std::size_t own_ = 0;
  std::size_t own_bytes_ = 0;
};

/// Amazon's number of an account: a bucket of another's is access_denied. Throws error(invalid_argument) if it is none.
/// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
[[nodiscard]] inline std::string_view checked_bucket_owner(std::string_view account) {
  if (account.size() != 12 || !std::all_of(account.begin(), account.end(), http::detail::is_digit))
    throw error(errc::invalid_argument, "expected_bucket_owner is no account's number, which has 12 digits");
  return account;
}

/// What a client says of itself behind the library's name. Throws error(invalid_argument).
[[nodiscard]] inline std::string_view checked_user_agent_suffix(std::string_view text) {
  constexpr std::size_t most = 256;
  if (text.size() > most)
    throw error(errc::invalid_argument, "user_agent_suffix has " + std::to_string(text.size()) + " characters, 256 at most are allowed");
  if (!detail::is_visible_text(text) || text.starts_with(' ') || text.ends_with(' '))
    throw error(errc::invalid_argument, "user_agent_suffix holds something other than visible ASCII, and spaces within");
  return text;
}

}  // namespace s3
}  // namespace s3pager
