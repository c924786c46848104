#include "s3pager/aws/arn.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "support/catch.hpp"

using namespace s3pager::aws;

namespace {

std::string failure_of(std::string_view text) {
  const auto parsed = parse_arn(text);
  return parsed ? "none" : parsed.message();
}

}  // namespace

TEST_CASE("an ARN is taken apart at its first five colons", "[aws][arn]") {
  const auto parsed = parse_arn("arn:aws-cn:s3-outposts:cn-north-1:123456789012:outpost/op-1:accesspoint/a b");
  REQUIRE(parsed);
  const arn& name = parsed.value();
  CHECK(name.partition == "aws-cn");
  CHECK(name.service == "s3-outposts");
  CHECK(name.region == "cn-north-1");
  CHECK(name.account_id == "123456789012");
  CHECK(name.resource == "outpost/op-1:accesspoint/a b");
  CHECK(name.part(0) == "outpost");
  CHECK(name.part(1) == "op-1");
  CHECK(name.part(2) == "accesspoint");
  CHECK(name.part(3) == "a b");
  CHECK(name.part(4) == std::nullopt);
  CHECK(name.part(100) == std::nullopt);
}

TEST_CASE("an ARN's region and account may be empty, and so may parts of its resource", "[aws][arn]") {
  const auto parsed = parse_arn("arn:p:s:::/:x:");
  REQUIRE(parsed);
  CHECK(parsed.value().region.empty());
  CHECK(parsed.value().account_id.empty());
  CHECK(parsed.value().part(0) == "");
  CHECK(parsed.value().part(1) == "");
  CHECK(parsed.value().part(2) == "x");
  CHECK(parsed.value().part(3) == "");
  CHECK(parsed.value().part(4) == std::nullopt);
}

TEST_CASE("an ARN that lacks something is a failure that says what", "[aws][arn]") {
  const std::string_view whole = "arn:aws:s3:us-west-2:123456789012:accesspoint/name";
  const std::size_t resource = whole.find("accesspoint");
  for (std::size_t size = 4; size < resource; ++size)
    CHECK(failure_of(whole.substr(0, size)) == "an ARN is arn:partition:service:region:account-id:resource");
  CHECK(failure_of(whole.substr(0, resource)) == "an ARN names a partition, a service and a resource");
  for (std::size_t size = resource + 1; size <= whole.size(); ++size) CHECK(failure_of(whole.substr(0, size)) == "none");
  for (const std::string_view text : {"arn::s3:r:a:x", "arn:aws::r:a:x", "arn:aws:s3:r:a:"})
    CHECK(failure_of(text) == "an ARN names a partition, a service and a resource");
  for (const std::string_view text : {std::string_view("arn:aws:s3:r:a:x\n"), std::string_view("arn:aws:s3:r\0:a:x", 17),
                                      std::string_view("arn:\x7f")})
    CHECK(failure_of(text) == "an ARN holds no control characters");
  CHECK(failure_of("arn:aws:s3:r:a:\xc3\xa9") == "none");
  CHECK(looks_like_arn("arn:"));
  CHECK_FALSE(looks_like_arn("ARN:"));
  CHECK_FALSE(looks_like_arn("arn"));
}
