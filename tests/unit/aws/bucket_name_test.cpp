#include "s3pager/aws/bucket_name.hpp"

#include <cstddef>
#include <string>
#include <string_view>

#include "support/catch.hpp"

using namespace s3pager::aws;

TEST_CASE("a bucket can be in a host name if its labels can", "[aws][bucket_name]") {
  for (const std::string_view bucket : {"abc", "a.b", "a-b.c-d", "1.2.3", "1.2.3.4.5", "1.2.3.x"}) CHECK(is_dns_compatible(bucket));
  for (const std::string_view bucket : {"", "ab", "Abc", "a_b", "a..b", ".ab", "ab.", "-ab", "ab-", "a.-b", "a-.b", "1.2.3.4", "999.1.1.1",
                                        "a/b", "a b", "--x-s3"})
    CHECK_FALSE(is_dns_compatible(bucket));
  CHECK(is_dns_label("a-b"));
  CHECK_FALSE(is_dns_label("a.b"));
  CHECK(is_dns_compatible(std::string(63, 'a')));
  CHECK_FALSE(is_dns_compatible(std::string(64, 'a')));
}

TEST_CASE("a directory bucket is known by its end, and so is an access point to one", "[aws][bucket_name]") {
  for (const std::string_view bucket : {"b--usw2-az1--x-s3", "b--usw2-az1--xa-s3", "--x-s3"}) CHECK(is_directory_bucket(bucket));
  for (const std::string_view bucket : {"", "x-s3", "-x-s3", "b--x-s3-", "b--X-S3", "b--x-s3alias", "b--op-s3"})
    CHECK_FALSE(is_directory_bucket(bucket));
}

TEST_CASE("a directory bucket's name says its zone", "[aws][bucket_name]") {
  for (const std::string_view end : {"--x-s3", "--xa-s3"}) {
    const auto zone_in = [&](std::string_view before) { return std::string(zone_of(std::string(before).append(end))); };
    CHECK(zone_in("b--usw2-az1") == "usw2-az1");
    CHECK(zone_in("my-bucket--apne1-az4") == "apne1-az4");
    CHECK(zone_in("b--usw2-lax1-az1") == "usw2-lax1-az1");
    CHECK(zone_in("b--apne1-tpe1-az1") == "apne1-tpe1-az1");
    CHECK(zone_in("--usw2-az1") == "usw2-az1");
    CHECK(zone_in("b--another--usw2-az1") == "usw2-az1");
    for (const std::string_view none : {"", "b", "b--", "usw2-az1", "-usw2-az1", "b-usw2-az1", "b--az1", "b--1234567", "b--1234567890"})
      CHECK(zone_in(none).empty());
    for (std::size_t size = 0; size < 30; ++size) {
      const bool known = size == 8 || size == 9 || size == 13 || size == 14 || size == 20;
      CHECK(zone_in("b--" + std::string(size, 'z')) == std::string(known ? size : 0, 'z'));
    }
  }
}

TEST_CASE("an alias of an access point to an Outpost says what it is by places from its end", "[aws][bucket_name]") {
  const std::string rack = "test-accessp-o0b1d075431d83bebde8xz5w8ijx1qzlbp3i3kuse10--op-s3";
  const auto alias = parse_outposts_alias(rack);
  REQUIRE(alias);
  CHECK(alias->outpost_id == "0b1d075431d83bebd");
  CHECK(alias->hardware == 'o');
  CHECK_FALSE(alias->beta);
  const std::string server = "test-accessp-e0b1d075431d83bebde8xz5w8ijx1qzlbp3i3kbeta0--op-s3";
  const auto other = parse_outposts_alias(server);
  REQUIRE(other);
  CHECK(other->hardware == 'e');
  CHECK(other->beta);
  CHECK(parse_outposts_alias(rack.substr(rack.size() - 50)));
  CHECK_FALSE(parse_outposts_alias(rack.substr(rack.size() - 49)));
  CHECK_FALSE(parse_outposts_alias(rack.substr(0, rack.size() - 1)));
  CHECK_FALSE(parse_outposts_alias(""));
}
