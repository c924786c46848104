#include "s3pager/testing/customer_key.hpp"

#include <string>
#include <string_view>

#include "s3pager/aws/customer_key.hpp"
#include "support/catch.hpp"
#include "unit/testing/parsed.hpp"

using namespace s3pager;
using namespace s3pager::testing;
using test::fields;
using test::parsed;

namespace {

const std::string right_key = "an AES-256 key has just 32 bytes";
const std::string wrong_key = "AN AES-256 KEY HAS JUST 32 BYTES";

fields headers_of(std::string_view key, std::string_view algorithm = "AES256") {
  const aws::encoded_customer_key made = aws::encode_customer_key({as_byte_span(key)});
  return {{"Host", "h"},
          {"x-amz-server-side-encryption-customer-algorithm", std::string(algorithm)},
          {"x-amz-server-side-encryption-customer-key", std::string(made.key.view())},
          {"X-Amz-Server-Side-Encryption-Customer-Key-MD5", std::string(made.md5.view())}};
}

std::string verdict(const fields& headers, const std::string& stored_under = right_key) {
  const parsed asked("GET", "/b/k", headers);
  REQUIRE(asked.complete());
  const s3_error refused = check_customer_key(asked.request, {.customer_key = stored_under});
  return refused ? std::to_string(refused.status) + ' ' + std::string(refused.code) : "";
}

}  // namespace

TEST_CASE("an object that was stored under a key is read with this key", "[testing][customer_key]") {
  CHECK(verdict(headers_of(right_key)) == "");
  CHECK(verdict(headers_of(wrong_key)) == "403 AccessDenied");
  CHECK(verdict({{"Host", "h"}}) == "400 InvalidRequest");
  CHECK(verdict({{"Host", "h"}}, "") == "");
  CHECK(verdict(headers_of(right_key), "") == "400 InvalidRequest");
}

TEST_CASE("all three headers of a customer's key are needed, and right", "[testing][customer_key]") {
  CHECK(verdict(headers_of(right_key, "aws:kms")) == "400 InvalidEncryptionAlgorithmError");
  const fields all = headers_of(right_key);
  for (std::size_t i = 1; i < all.size(); ++i) {
    fields without = all;
    without.erase(without.begin() + static_cast<std::ptrdiff_t>(i));
    CHECK(verdict(without) == "400 InvalidArgument");
  }
  fields other = all;
  other[3].second = headers_of(wrong_key)[3].second;
  CHECK(verdict(other) == "400 InvalidArgument");
  other = all;
  other[2].second = "c2hvcnQ=";
  CHECK(verdict(other) == "400 InvalidArgument");
}
