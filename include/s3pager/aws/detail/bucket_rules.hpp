// Where a general purpose bucket is: in the host name, or in the path. Knows no ARN.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "s3pager/aws/bucket_name.hpp"
#include "s3pager/aws/detail/destination.hpp"
#include "s3pager/aws/detail/endpoint_url.hpp"
#include "s3pager/aws/endpoint_options.hpp"
#include "s3pager/base/checked_setting.hpp"
#include "s3pager/base/uri_encoding.hpp"

namespace s3pager::aws::detail {

inline constexpr std::string_view global_region = "aws-global";
inline constexpr std::string_view region_of_global = "us-east-1";

[[nodiscard]] inline endpoint_url amazon_bucket_host(const question& asked) {
  const endpoint_options& o = asked.options;
  const bool global = asked.region == global_region;
  if (o.accelerate)  // has one name for all regions, but for this case, in which AWS's rules name one
    return amazon_url("s3-accelerate", o.dual_stack, global && o.dual_stack ? region_of_global : "", asked.within.dns_suffix);
  const std::string_view region = global ? region_of_global : asked.region;
  const bool wants_global = global || (o.use_global_endpoint && region == region_of_global);
  const bool regional = !wants_global || o.fips || o.dual_stack;
  return amazon_url(o.fips ? "s3-fips" : "s3", o.dual_stack, regional ? region : "", asked.within.dns_suffix);
}

[[nodiscard]] inline checked_setting<destination> general_purpose_bucket(const question& asked) {
  using result = checked_setting<destination>;
  const endpoint_options& o = asked.options;
  destination to{.at = asked.own != nullptr ? *asked.own : amazon_bucket_host(asked)};
  to.signing_region = asked.region == global_region ? region_of_global : asked.region;

  bool in_host = false;
  switch (o.addressing) {
    // A certificate's wildcard stands for one label: a bucket with dots has no valid name under it.
    case addressing::automatic:
      in_host = !asked.lacks_subdomains() && (to.at.tls ? is_dns_label(o.bucket) : is_dns_compatible(o.bucket));
      break;
    case addressing::path: break;
    case addressing::virtual_hosted:
      if (!is_dns_compatible(o.bucket)) return result::failure("this bucket's name can't be part of a host name");
      in_host = true;
      break;
  }
  if (o.accelerate && !(in_host && is_dns_label(o.bucket)))
    return result::failure("transfer acceleration needs a bucket that is named in the host, without dots in its name");
  if (o.accelerate && asked.within.name == "aws-cn") return result::failure("the partition aws-cn has no transfer acceleration");

  if (in_host) {
    to.at.add_label(o.bucket);
  } else {
    to.at.path += '/';
    append_uri_encoded(to.at.path, o.bucket, slash::encode);
  }
  return to;
}

}  // namespace s3pager::aws::detail
