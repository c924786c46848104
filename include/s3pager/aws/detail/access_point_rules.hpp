// Where an access point is that an ARN names: of S3 in a region or in many, or of Object Lambda. Knows no Outpost.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-naming.html
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "s3pager/aws/arn.hpp"
#include "s3pager/aws/detail/destination.hpp"
#include "s3pager/aws/detail/endpoint_url.hpp"
#include "s3pager/aws/detail/host_label.hpp"
#include "s3pager/aws/detail/regional_arn.hpp"
#include "s3pager/aws/partition.hpp"
#include "s3pager/base/checked_setting.hpp"

namespace s3pager::aws::detail {

/// `accesspoint:NAME` of the service s3 or s3-object-lambda
[[nodiscard]] inline checked_setting<destination> access_point(const question& asked, const arn& name, std::string_view access_point) {
  using result = checked_setting<destination>;
  const endpoint_options& o = asked.options;
  const bool lambda = name.service == "s3-object-lambda";
  if (!lambda && name.service != "s3")
    return result::failure("the ARN of an access point is of the service s3, s3-object-lambda or s3-outposts");
  std::string why = lambda ? refused_ways{.dual_stack = o.dual_stack, .accelerate = o.accelerate}.why("S3 Object Lambda")
                           : refused_ways{.accelerate = o.accelerate}.why("an access point");
  if (why.empty()) why = why_not_regional(asked, name);
  if (!why.empty()) return result::failure(std::move(why));
  if (name.part(2)) return result::failure("the ARN of an access point ends in accesspoint/NAME");
  if (!is_host_label(access_point)) return result::failure(std::string(no_access_point_name));

  destination to{.signing_region = name.region, .signing_name = lambda ? "s3-object-lambda" : "s3"};
  if (asked.own != nullptr) {
    to.at = *asked.own;
  } else {
    std::string service = lambda ? "s3-object-lambda" : "s3-accesspoint";
    if (o.fips) service += "-fips";
    to.at = amazon_url(std::move(service), o.dual_stack, name.region, partition_of(name.region).dns_suffix);
  }
  to.at.add_label(account_label(name, access_point));
  return to;
}

/// Why none can be asked: signatures for many regions at once are another algorithm than the one that this library has.
[[nodiscard]] inline std::string why_no_multi_region_access_point(const question& asked, const arn& name, std::string_view access_point) {
  const endpoint_options& o = asked.options;
  if (!are_host_labels(access_point)) return "this Multi-Region Access Point's name can't be part of a host name";
  if (std::string why = refused_ways{o.dual_stack, o.fips, o.accelerate}.why("a Multi-Region Access Point"); !why.empty()) return why;
  if (o.disable_multi_region_access_points) return "Multi-Region Access Points are disabled";
  if (name.partition != asked.within.name)
    return std::string("the ARN is of another partition than ").append(asked.within.name).append(", which the client is in");
  return "a Multi-Region Access Point needs requests that are signed by SigV4A, which is not supported";
}

}  // namespace s3pager::aws::detail
