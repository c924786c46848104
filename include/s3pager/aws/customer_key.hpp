// A key of the caller's that the service decrypts objects with (SSE-C), as headers have it. Knows no request.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerSideEncryptionCustomerKeys.html
#pragma once

#include <string.h>

#include <openssl/evp.h>

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "s3pager/base/base64.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/base/secret.hpp"

namespace s3pager {

/// The AES-256 key that objects were stored under: 32 bytes, which the service is sent with each GET and does not keep. For https
/// endpoints only. What of it the library copies is overwritten after use, and it is in no error and no log.
struct customer_key {
  std::span<const std::byte> key = {};  ///< empty: none

  [[nodiscard]] constexpr bool empty() const noexcept { return key.empty(); }
};

namespace aws {

inline constexpr std::string_view customer_algorithm_header = "x-amz-server-side-encryption-customer-algorithm";
inline constexpr std::string_view customer_key_header = "x-amz-server-side-encryption-customer-key";
inline constexpr std::string_view customer_key_md5_header = "x-amz-server-side-encryption-customer-key-md5";

struct encoded_customer_key {
  secret key;
  secret md5;  ///< by which the service sees that the key came as it was sent
};

/// Throws error: invalid_argument if the key has another length, unavailable if this OpenSSL (or `from`) has no MD5.
[[nodiscard]] inline encoded_customer_key encode_customer_key(const customer_key& of, OSSL_LIB_CTX* from = nullptr) {
  if (of.key.size() != 32)
    throw error(errc::invalid_argument, "customer_key has " + std::to_string(of.key.size()) + " bytes, 32 are needed");
  std::array<std::byte, EVP_MAX_MD_SIZE> digest;
  std::size_t size = 0;
  if (::EVP_Q_digest(from, "MD5", nullptr, of.key.data(), of.key.size(), reinterpret_cast<unsigned char*>(digest.data()), &size) != 1)
    throw error(errc::unavailable, "customer_key: OpenSSL has no MD5 here, as in FIPS mode, and the service wants that of the key");
  std::string text = to_base64(of.key);
  encoded_customer_key made{.key = text, .md5 = to_base64(std::span(digest).first(size))};
  ::explicit_bzero(text.data(), text.size());
  return made;
}

}  // namespace aws
}  // namespace s3pager
