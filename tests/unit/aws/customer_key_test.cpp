#include "s3pager/aws/customer_key.hpp"

#include <openssl/crypto.h>
#include <openssl/provider.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "s3pager/base/bytes.hpp"
#include "support/catch.hpp"

using namespace s3pager;
using namespace s3pager::aws;

TEST_CASE("a customer's key is sent with its MD5, both in base64", "[aws][customer_key]") {
  // As printed by: printf 'an AES-256 key has just 32 bytes' | base64; ... | openssl md5 -binary | base64
  const encoded_customer_key made = encode_customer_key({as_byte_span("an AES-256 key has just 32 bytes")});
  CHECK(made.key.view() == "YW4gQUVTLTI1NiBrZXkgaGFzIGp1c3QgMzIgYnl0ZXM=");
  CHECK(made.md5.view() == "UfbgQ/LI3bM6j9siHe5MPA==");
}

TEST_CASE("a customer's key of another length is refused, and not shown", "[aws][customer_key]") {
  for (const std::size_t size : {1U, 16U, 24U, 31U, 33U, 64U}) {
    const std::string key(size, 'k');
    CHECK_THROWS_WITH(encode_customer_key({as_byte_span(key)}),
                      "customer_key has " + std::to_string(size) + " bytes, 32 are needed: invalid argument");
  }
}

TEST_CASE("without MD5 the reason is named", "[aws][customer_key]") {
  struct freed {
    void operator()(OSSL_LIB_CTX* what) const { ::OSSL_LIB_CTX_free(what); }
  };
  const std::unique_ptr<OSSL_LIB_CTX, freed> nothing(::OSSL_LIB_CTX_new());
  REQUIRE(nothing);
  OSSL_PROVIDER* const none = ::OSSL_PROVIDER_load(nothing.get(), "null");
  REQUIRE(none != nullptr);
  try {
    static_cast<void>(encode_customer_key({as_byte_span("an AES-256 key has just 32 bytes")}, nothing.get()));
    FAIL("it was encoded");
  } catch (const error& failed) {
    CHECK(failed.code() == errc::unavailable);
    CHECK(failed.details().message == "customer_key: OpenSSL has no MD5 here, as in FIPS mode, and the service wants that of the key");
  }
  ::OSSL_PROVIDER_unload(none);
}
