// Records under the keys of a TLS 1.3 server, of which it never would send some.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3pager/tls/record_keys.hpp"

namespace s3pager::test {

class record_forger {
 public:
  /// `sequence` is the number of its first record.
  record_forger(const tls::record_suite& suite, std::string_view secret, std::uint64_t sequence = 0)
      : suite_(&suite), secret_(secret.begin(), secret.end()), sequence_(sequence) {
    must(keys_->set(suite, secret_));
  }

  [[nodiscard]] std::string record(unsigned char type, std::string_view content, std::size_t padding = 0) {
    std::vector<std::byte> made(tls::record_header_bytes + content.size() + 1 + padding + tls::record_tag_bytes);
    const std::size_t body = made.size() - tls::record_header_bytes;
    const unsigned char header[] = {23, 3, 3, static_cast<unsigned char>(body >> 8), static_cast<unsigned char>(body & 0xff)};
    std::memcpy(made.data(), header, sizeof header);
    if (!content.empty()) std::memcpy(made.data() + sizeof header, content.data(), content.size());
    made[sizeof header + content.size()] = static_cast<std::byte>(type);
    must(keys_->seal(sequence_++, made.data(), std::span(made).subspan(sizeof header)));
    return {reinterpret_cast<const char*>(made.data()), made.size()};
  }

  /// As a server does behind its message of a key update (RFC 8446 7.2).
  void update() {
    std::vector<unsigned char> next(secret_.size());
    must(tls::expand_label(suite_->digest(), secret_, "traffic upd", next));
    secret_ = std::move(next);
    sequence_ = 0;
    must(keys_->set(*suite_, secret_));
  }
  [[nodiscard]] std::span<const unsigned char> secret() const noexcept { return secret_; }

 private:
  static void must(bool condition) {
    if (!condition) std::abort();
  }

  const tls::record_suite* suite_;
  std::vector<unsigned char> secret_;
  std::uint64_t sequence_;
  std::unique_ptr<tls::record_keys> keys_ = std::make_unique<tls::record_keys>();
};

}  // namespace s3pager::test
