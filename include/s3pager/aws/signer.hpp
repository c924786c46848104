// AWS Signature Version 4 in the Authorization header, as S3 wants it: the path is signed as it is sent, encoded once
// and never normalised. Knows nothing of sockets or of how a request is written; allocates nothing when it signs.
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
#pragma once

#include <algorithm>
#include <array>
#include <cassert>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <openssl/crypto.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "s3pager/aws/credentials.hpp"
#include "s3pager/aws/sha256.hpp"
#include "s3pager/base/bytes.hpp"
#include "s3pager/base/clock.hpp"
#include "s3pager/base/error.hpp"

namespace s3pager::aws {

/// Values of x-amz-content-sha256 that need no hashing.
inline constexpr std::string_view unsigned_payload = "UNSIGNED-PAYLOAD";
inline constexpr std::string_view empty_payload_hash =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// A header that is signed: the name in lower case, the value as it is sent.
struct signed_header {
  std::string_view name;
  std::string_view value;
};

/// What is signed. The views need to live only as long as the call.
struct request_to_sign {
  std::string_view method;
  /// Absolute and encoded, exactly as it is sent (`/bucket/a%20key`). `//`, `.` and `..` stay.
  std::string_view path;
  /// Encoded, sorted by name, then by value, every parameter with its `=` (see canonical_query.hpp); empty: none.
  std::string_view query = {};
  /// Sorted by name. For S3: host, x-amz-content-sha256, x-amz-date, with temporary credentials
  /// x-amz-security-token, all other x-amz-* that are sent, and whatever else shall be protected. Fields of the same
  /// name stand next to each other in the order in which they are sent.
  std::span<const signed_header> headers;
  /// The value of x-amz-content-sha256: one of the constants above, or a SHA-256 in lower-case hexadecimal.
  std::string_view payload_hash = unsigned_payload;
};

/// Where a signer writes the value of the Authorization header.
class signature {
 public:
  /// For names of some 1,500 characters: room that is not used costs nothing.
  static constexpr std::size_t capacity = 2048;

  /// Lives until the object is signed into again or destroyed. Empty before the first success.
  [[nodiscard]] std::string_view authorization() const noexcept { return {text_, size_}; }

 private:
  friend class signer;
  std::size_t size_ = 0;
  char text_[capacity];
};

/// `YYYYMMDDTHHMMSSZ` of a time in UTC, as x-amz-date has it; the first eight characters are the day.
inline void format_amz_date(wall_time time, std::span<char, 16> out) noexcept {
  const auto second = std::chrono::floor<std::chrono::seconds>(time);
  const auto day = std::chrono::floor<std::chrono::days>(second);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(second - day);
  const auto put = [out](std::size_t at, std::size_t digits, unsigned value) {
    for (; digits != 0; --digits, value /= 10) out[at + digits - 1] = static_cast<char>('0' + value % 10);
  };
  put(0, 4, static_cast<unsigned>(static_cast<int>(date.year())));
  put(4, 2, static_cast<unsigned>(date.month()));
  put(6, 2, static_cast<unsigned>(date.day()));
  out[8] = 'T';
  put(9, 2, static_cast<unsigned>(clock.hours().count()));
  put(11, 2, static_cast<unsigned>(clock.minutes().count()));
  put(13, 2, static_cast<unsigned>(clock.seconds().count()));
  out[15] = 'Z';
}

/// The two SHA-256 midstates of HMAC (RFC 2104) under one key: the key's padded blocks are hashed once, not a message.
class hmac_sha256 {
 public:
  hmac_sha256() noexcept = default;
  /// The key is `prefix` and then `key`, so that a secret need not be copied together.
  explicit hmac_sha256(std::string_view key, std::string_view prefix = {}) noexcept {
    unsigned char block[64] = {};
    if (prefix.size() + key.size() > sizeof block) {
      sha256 digest;
      digest.update(prefix);
      digest.update(key);
      sha256_digest hashed = digest.finish();
      std::memcpy(block, hashed.data(), hashed.size());
      OPENSSL_cleanse(hashed.data(), hashed.size());
      OPENSSL_cleanse(&digest, sizeof digest);
    } else {
      std::copy(key.begin(), key.end(), std::copy(prefix.begin(), prefix.end(), block));
    }
    for (auto& byte : block) byte ^= 0x36;
    inner_.update(block, sizeof block);
    for (auto& byte : block) byte ^= 0x36 ^ 0x5c;
    outer_.update(block, sizeof block);
    OPENSSL_cleanse(block, sizeof block);
  }
  hmac_sha256(const hmac_sha256&) noexcept = default;
  hmac_sha256& operator=(const hmac_sha256&) noexcept = default;
  ~hmac_sha256() {
    OPENSSL_cleanse(&inner_, sizeof inner_);
    OPENSSL_cleanse(&outer_, sizeof outer_);
  }

  /// A digest to give the message to; then finish(it).
  [[nodiscard]] sha256 begin() const noexcept { return inner_; }
  template <std::size_t Size = 0>
  [[nodiscard]] sha256_digest finish(sha256& message, std::span<const unsigned char, Size> last = {}) const noexcept {
    const sha256_digest inside = message.finish(last);
    sha256 outside = outer_;
    return outside.finish(std::span(inside));
  }
  [[nodiscard]] sha256_digest operator()(std::string_view message) const noexcept {
    sha256 digest = begin();
    digest.update(message);
    return finish(digest);
  }

 private:
  sha256 inner_;
  sha256 outer_;
};

/// The key that signs all requests of one day (YYYYMMDD, UTC), region and service.
[[nodiscard]] inline hmac_sha256 derive_signing_key(std::string_view secret_access_key, std::string_view day,
                                                    std::string_view region, std::string_view service) noexcept {
  hmac_sha256 key(secret_access_key, "AWS4");
  for (const std::string_view step : {day, region, service, std::string_view("aws4_request")}) {
    sha256_digest next = key(step);
    key = hmac_sha256(std::string_view(reinterpret_cast<const char*>(next.data()), next.size()));
    OPENSSL_cleanse(next.data(), next.size());
  }
  return key;
}

namespace detail {

/// Gathers many small pieces so that SHA-256 gets them in few large ones.
class hash_stream {
 public:
  void put(char c) noexcept {
    if (size_ == capacity) flush();
    buffer_[size_++] = static_cast<unsigned char>(c);
  }
  void put(std::string_view text) noexcept {
    if (text.size() > capacity - size_) {
      flush();
      if (text.size() > capacity) return digest_.update(text);
    }
    put_text(reinterpret_cast<char*>(buffer_) + size_, text);
    size_ += text.size();
  }
  [[nodiscard]] sha256_digest finish() noexcept {
    if (!flushed_) return sha256::of(buffer_, size_);
    flush();
    return digest_.finish();
  }

 private:
  void flush() noexcept {
    digest_.update(buffer_, size_);
    size_ = 0;
    flushed_ = true;
  }

  static constexpr std::size_t capacity = 1024;

  sha256 digest_;
  std::size_t size_ = 0;
  bool flushed_ = false;
  unsigned char buffer_[capacity + sha256::padding];
};

/// Whether a blank or a control character is in it, of which a value that is hashed as it stands has none.
[[nodiscard]] inline bool has_blank(std::string_view text) noexcept {
  const char* p = text.data();
  const char* const end = p + text.size();
#if defined(__SSE2__)
  const auto block_has = [](const char* at) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    return _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8(' ')), block)) != 0;
  };
  if (text.size() >= 16) {
    for (; end - p >= 16; p += 16)
      if (block_has(p)) return true;
    return p != end && block_has(end - 16);
  }
#endif
  for (; p != end; ++p)
    if (static_cast<unsigned char>(*p) <= ' ') return true;
  return false;
}

/// A header's value as SigV4 hashes it: no blanks at its ends, and one space for each run of spaces within. Tabs
/// within stay, as Amazon's own Go SDK and Ceph leave them.
inline void put_folded(hash_stream& out, std::string_view value) noexcept {
  if (!has_blank(value)) return out.put(value);
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!value.empty() && blank(value.front())) value.remove_prefix(1);
  while (!value.empty() && blank(value.back())) value.remove_suffix(1);
  for (;;) {
    const std::size_t run = value.find("  ");
    if (run == std::string_view::npos) return out.put(value);
    out.put(value.substr(0, run + 1));
    value.remove_prefix(value.find_first_not_of(' ', run));   // there is one: the end is not blank
  }
}

/// `\nname:value` of each header, the values of one name joined by commas. Writes the names, joined by semicolons, to `names`, which has
/// room for them, and gives their end.
[[nodiscard]] inline char* put_headers(hash_stream& out, std::span<const signed_header> headers, char* names) noexcept {
  for (std::size_t i = 0; i < headers.size(); ++i) {
    const auto& [name, value] = headers[i];
    if (i != 0 && headers[i - 1].name == name) {
      out.put(',');
    } else {
      if (i != 0) *names++ = ';';
      names = put_text(names, name);
      out.put('\n');
      out.put(name);
      out.put(':');
    }
    put_folded(out, value);
  }
  return names;
}

}  // namespace detail

/// Signs requests of one region and service. Keeps what does not change from request to request: the key derived for
/// the day, and for the second the digest of all that precedes the request's own hash. Not thread-safe; immovable.
class signer {
 public:
  signer(credentials keys, std::string_view region, std::string_view service = "s3")
      : region_(region), service_(service) {
    set_credentials(std::move(keys));
  }
  signer(const signer&) = delete;
  signer& operator=(const signer&) = delete;
  ~signer() { OPENSSL_cleanse(&begun_, sizeof begun_); }

  /// Takes effect with the next request. If it throws (no memory), the signer is as it was.
  void set_credentials(credentials keys) {
    const std::string scope = "YYYYMMDD/" + region_ + "/" + service_ + "/aws4_request";
    std::string to_sign = "AWS4-HMAC-SHA256\nYYYYMMDDTHHMMSSZ\n" + scope + "\n";
    std::string authorization = "AWS4-HMAC-SHA256 Credential=" + keys.access_key_id + "/";
    const std::size_t day_at = authorization.size();
    authorization += scope + ", SignedHeaders=";
    to_sign_ = std::move(to_sign);
    authorization_ = std::move(authorization);
    authorization_day_at_ = day_at;
    credentials_ = std::move(keys);
    prepared_ = false;
  }

  [[nodiscard]] const credentials& current() const noexcept { return credentials_; }
  [[nodiscard]] std::string_view region() const noexcept { return region_; }

  /// The value for x-amz-date of a request that is signed at `now`. Lives until the signer is asked about another
  /// second, given other credentials or destroyed.
  [[nodiscard]] std::string_view amz_date(wall_time now) noexcept {
    prepare(now);
    return stamp();
  }

  /// Writes the value of the Authorization header to `out`. `invalid_argument` if the credentials are anonymous or
  /// the value would be longer than signature::capacity; `out` is empty then.
  [[nodiscard]] std::error_code sign(const request_to_sign& request, wall_time now, signature& out) noexcept {
    out.size_ = 0;
    static constexpr std::string_view before_signature = ", Signature=";
    static constexpr std::size_t hex_size = 2 * std::tuple_size_v<sha256_digest>;
    std::size_t needed = authorization_.size() + before_signature.size() + hex_size;
    for (const signed_header& header : request.headers) needed += header.name.size() + 1;
    if (credentials_.anonymous() || needed > signature::capacity) return make_error_code(errc::invalid_argument);
    prepare(now);
    assert(consistent(request));

    char* end = std::copy(authorization_.begin(), authorization_.end(), out.text_);
    const char* const names = end;
    detail::hash_stream canonical;
    canonical.put(request.method);
    canonical.put('\n');
    canonical.put(request.path);
    canonical.put('\n');
    canonical.put(request.query);
    end = detail::put_headers(canonical, request.headers, end);
    canonical.put("\n\n");
    canonical.put({names, static_cast<std::size_t>(end - names)});
    canonical.put('\n');
    canonical.put(request.payload_hash);

    std::array<unsigned char, hex_size> request_hash;
    write_hex(canonical.finish(), reinterpret_cast<char*>(request_hash.data()));
    sha256 to_sign = begun_;
    end = put_text(end, before_signature);
    write_hex(key_.finish(to_sign, std::span<const unsigned char, hex_size>(request_hash)), end);
    out.size_ = static_cast<std::size_t>(end + hex_size - out.text_);
    return {};
  }

 private:
  static constexpr std::size_t stamp_at = std::string_view("AWS4-HMAC-SHA256\n").size();
  static constexpr std::size_t stamp_size = 16;
  static constexpr std::size_t day_size = 8;
  static constexpr std::size_t scope_at = stamp_at + stamp_size + 1;

  [[nodiscard]] std::string_view stamp() const noexcept {
    return std::string_view(to_sign_).substr(stamp_at, stamp_size);
  }

  /// Brings all that depends on the time and the credentials up to date.
  void prepare(wall_time now) noexcept {
    const auto second = std::chrono::floor<std::chrono::seconds>(now);
    if (prepared_ && second == second_) return;
    char text[stamp_size];
    format_amz_date(now, text);
    const std::string_view day(text, day_size);
    const bool same_day = prepared_ && stamp().substr(0, day_size) == day;
    to_sign_.replace(stamp_at, stamp_size, text, stamp_size);   // the sizes are the same: nothing is allocated
    if (!same_day) {
      to_sign_.replace(scope_at, day_size, day);
      authorization_.replace(authorization_day_at_, day_size, day);
      key_ = derive_signing_key(credentials_.secret_access_key.view(), day, region_, service_);
    }
    begun_ = key_.begin();
    begun_.update(to_sign_);
    second_ = second;
    prepared_ = true;
  }

  /// What the caller owes: sorted lower-case names, and the date and payload hash of the headers that is signed.
  [[nodiscard]] bool consistent(const request_to_sign& request) const noexcept {
    std::string_view previous;
    for (const auto& [name, value] : request.headers) {
      if (name.empty() || name < previous) return false;
      for (const char c : name)
        if (c != ascii_lower(c)) return false;
      if (name == "x-amz-date" && value != stamp()) return false;
      if (name == "x-amz-content-sha256" && value != request.payload_hash) return false;
      previous = name;
    }
    return true;
  }

  // Written once.
  const std::string region_;
  const std::string service_;

  // Written by set_credentials(); the dates within by prepare().
  credentials credentials_;
  std::string to_sign_;         // the string to sign, up to the request's hash
  std::string authorization_;   // the header's value, up to the names of the signed headers
  std::size_t authorization_day_at_ = 0;

  // Written by prepare().
  bool prepared_ = false;
  std::chrono::time_point<std::chrono::system_clock, std::chrono::seconds> second_;
  hmac_sha256 key_;
  sha256 begun_;   // the signature's inner digest, after to_sign_
};

}  // namespace s3pager::aws
