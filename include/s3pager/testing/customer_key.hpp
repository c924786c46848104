// Whether a request brings the key that an object was stored under (SSE-C). Knows no connection, and so not whether it is a secure one.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerSideEncryptionCustomerKeys.html
#pragma once

#include <openssl/evp.h>

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "s3pager/base/base64.hpp"
#include "s3pager/base/bytes.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/testing/bucket.hpp"
#include "s3pager/testing/request.hpp"
#include "s3pager/testing/s3_error.hpp"

namespace s3pager::testing {

/// No error: go on.
[[nodiscard]] inline s3_error check_customer_key(const s3_request& request, const object_info& object) {
  const auto algorithm = request.headers.find("x-amz-server-side-encryption-customer-algorithm");
  const auto key = request.headers.find("x-amz-server-side-encryption-customer-key");
  const auto md5 = request.headers.find("x-amz-server-side-encryption-customer-key-MD5");
  if (!algorithm && !key && !md5) {
    if (object.customer_key.empty()) return {};
    return {400, "InvalidRequest",
            "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object.", {}};
  }
  const std::string begin = "Requests specifying Server Side Encryption with Customer provided keys must provide ";
  if (!algorithm) return {400, "InvalidArgument", begin + "a valid encryption algorithm.", {}};
  if (*algorithm != "AES256")
    return {400, "InvalidEncryptionAlgorithmError", "The encryption request you specified is not valid. The valid value is AES256.", {}};
  if (!key) return {400, "InvalidArgument", begin + "an appropriate secret key.", {}};
  if (!md5) return {400, "InvalidArgument", begin + "the client calculated MD5 of the secret key.", {}};
  std::array<std::byte, 32> bytes;
  if (!from_base64(*key, bytes)) return {400, "InvalidArgument", "The secret key was invalid for the specified algorithm.", {}};
  std::array<std::byte, 16> computed;
  if (::EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(computed.data()), nullptr, ::EVP_md5(), nullptr) != 1)
    throw error(errc::unavailable, "OpenSSL has no MD5");
  if (*md5 != to_base64(computed))
    return {400, "InvalidArgument", "The calculated MD5 hash of the key did not match the hash that was provided.", {}};
  if (object.customer_key.empty()) return {400, "InvalidRequest", "The encryption parameters are not applicable to this object.", {}};
  if (object.customer_key != as_chars(bytes)) return {403, "AccessDenied", "Access Denied", {}};
  return {};
}

}  // namespace s3pager::testing
