#include "s3pager/testing/bucket_owner.hpp"

#include <string>
#include <string_view>

#include "support/catch.hpp"
#include "unit/testing/parsed.hpp"

using namespace s3pager;
using namespace s3pager::testing;
using test::fields;
using test::parsed;

namespace {

std::string verdict(const fields& headers, std::string_view target = "/b/k") {
  const parsed asked("GET", target, headers);
  REQUIRE(asked.complete());
  const s3_error refused = check_expected_owner(asked.request, "111122223333");
  return refused ? std::to_string(refused.status) + ' ' + std::string(refused.code) : "";
}

}  // namespace

TEST_CASE("a bucket of another account than is expected is denied", "[testing][bucket_owner]") {
  CHECK(verdict({{"Host", "h"}}) == "");
  CHECK(verdict({{"Host", "h"}, {"x-amz-expected-bucket-owner", "111122223333"}}) == "");
  CHECK(verdict({{"Host", "h"}, {"X-Amz-Expected-Bucket-Owner", "444455556666"}}) == "403 AccessDenied");
  CHECK(verdict({{"Host", "h"}}, "/b/k?x-amz-expected-bucket-owner=111122223333") == "");
  CHECK(verdict({{"Host", "h"}}, "/b/k?x-amz-expected-bucket-owner=444455556666") == "403 AccessDenied");
  CHECK(verdict({{"Host", "h"}}, "/b/k?X-Amz-Expected-Bucket-Owner=444455556666") == "");
  for (const char* each : {"", "11112222333", "1111222233334", "11112222333x"})
    CHECK(verdict({{"Host", "h"}, {"x-amz-expected-bucket-owner", each}}) == "400 InvalidBucketOwnerAWSAccountID");
}
