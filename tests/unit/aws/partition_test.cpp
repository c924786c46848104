#include "s3pager/aws/partition.hpp"

#include <string>
#include <string_view>

#include "support/catch.hpp"

using namespace s3pager::aws;

TEST_CASE("a region's name says which partition it is in, whether it is known or new", "[aws][partition]") {
  for (const std::string_view region : {"us-east-1", "eu-west-3", "ap-southeast-7", "sa-east-1", "ca-west-1", "me-south-1", "af-south-1",
                                        "il-central-1", "mx-central-1", "us-middle-42", "eu-1-1", "aws-global"})
    CHECK(partition_of(region).name == "aws");
  for (const std::string_view region : {"cn-north-1", "cn-northwest-1", "cn-new-12", "aws-cn-global"})
    CHECK(partition_of(region).name == "aws-cn");
  for (const std::string_view region : {"us-gov-west-1", "us-gov-new-9", "aws-us-gov-global"})
    CHECK(partition_of(region).name == "aws-us-gov");
  for (const std::string_view region : {"us-iso-east-1", "aws-iso-global"}) CHECK(partition_of(region).name == "aws-iso");
  for (const std::string_view region : {"us-isob-west-1", "aws-iso-b-global"}) CHECK(partition_of(region).name == "aws-iso-b");
  for (const std::string_view region : {"eu-isoe-west-1", "aws-iso-e-global"}) CHECK(partition_of(region).name == "aws-iso-e");
  for (const std::string_view region : {"us-isof-south-1", "aws-iso-f-global"}) CHECK(partition_of(region).name == "aws-iso-f");
  for (const std::string_view region : {"eusc-de-east-1", "eusc-de-new-2"}) CHECK(partition_of(region).name == "aws-eusc");
}

TEST_CASE("what is called like no region counts as one of the first partition", "[aws][partition]") {
  for (const std::string_view region : {"", "-", "--", "---", "garage", "cn", "cn-north", "cn-north-", "cn--1", "-north-1", "cn-north-1a",
                                        "cn-north-1-", "cnx-north-1", "x-cn-north-1", "us-isox-east-1", "us-gov--1", "eusc-fr-east-1",
                                        "eusc-east-1", "aws-eusc-global"})
    CHECK(partition_of(region).name == "aws");
}

TEST_CASE("a partition has a domain of its own", "[aws][partition]") {
  CHECK(partition_of("us-east-1").dns_suffix == "amazonaws.com");
  CHECK(partition_of("cn-north-1").dns_suffix == "amazonaws.com.cn");
  CHECK(partition_of("us-gov-east-1").dns_suffix == "amazonaws.com");
  CHECK(partition_of("eusc-de-east-1").dns_suffix == "amazonaws.eu");
  CHECK(partition_of("us-iso-west-1").dns_suffix == "c2s.ic.gov");
  CHECK(partition_of("us-isob-east-1").dns_suffix == "sc2s.sgov.gov");
  CHECK(partition_of("eu-isoe-west-1").dns_suffix == "cloud.adc-e.uk");
  CHECK(partition_of("us-isof-east-1").dns_suffix == "csp.hci.ic.gov");
}

TEST_CASE("a region is a label of a host name, in lower case", "[aws][partition]") {
  for (const std::string_view region : {"us-east-1", "a", "1", "garage", "us--1"}) CHECK(is_region(region));
  for (const std::string_view region : {"", "-", "us-east-", "-us", "US", "us_east", "us.east", "us east", "us/", "\xc3\xa9"})
    CHECK_FALSE(is_region(region));
  CHECK_FALSE(is_region(std::string_view("u\0s", 3)));
  CHECK(is_region(std::string(63, 'a')));
  CHECK_FALSE(is_region(std::string(64, 'a')));
}

TEST_CASE("labels of host names are told from what is none", "[aws][partition]") {
  using detail::are_host_labels;
  CHECK(detail::is_host_label("aB-9"));
  CHECK(are_host_labels("a"));
  CHECK(are_host_labels("a.b-c.D"));
  CHECK(are_host_labels(std::string(63, 'a') + "." + std::string(63, 'b')));
  for (const std::string_view text : {"", ".", "a.", ".a", "a..b", "a.-b", "a-.b", "a.b_c"}) CHECK_FALSE(are_host_labels(text));
  CHECK_FALSE(are_host_labels("a." + std::string(64, 'b')));
}
