// Where a bucket on an Outpost is, by the alias or the ARN of an access point to it. Knows no other ARN.
// https://docs.aws.amazon.com/AmazonS3/latest/s3-outposts/S3onOutposts.html
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "s3pager/aws/arn.hpp"
#include "s3pager/aws/bucket_name.hpp"
#include "s3pager/aws/detail/destination.hpp"
#include "s3pager/aws/detail/endpoint_url.hpp"
#include "s3pager/aws/detail/host_label.hpp"
#include "s3pager/aws/detail/regional_arn.hpp"
#include "s3pager/base/checked_setting.hpp"

namespace s3pager::aws::detail {

/// Of an endpoint URL the rules for Outposts take host and port only: it is TLS always, without a path.
[[nodiscard]] inline endpoint_url by_tls_alone(endpoint_url own) {
  own.tls = true;
  own.path.clear();
  return own;
}

[[nodiscard]] inline checked_setting<destination> outposts_bucket(const question& asked, const outposts_alias& alias) {
  using result = checked_setting<destination>;
  const std::string_view bucket = asked.options.bucket;
  if (!is_host_label(alias.outpost_id) || !is_dns_label(bucket))
    return result::failure("this alias of an access point to an Outpost can't be part of a host name");
  if (alias.hardware != 'e' && alias.hardware != 'o')
    return result::failure("this alias of an access point to an Outpost names another hardware than e (a server) and o (a rack)");
  if (alias.beta && asked.own == nullptr) return result::failure("this alias of an access point to an Outpost needs an endpoint URL");
  if (alias.beta && asked.own->ip_literal)
    return result::failure("this alias of an access point to an Outpost needs an endpoint with a host name, not an IP address");

  destination to{.signing_region = asked.region, .signing_name = "s3-outposts"};
  // Any other's endpoint is Amazon's, whatever an endpoint URL says.
  to.at = alias.beta ? by_tls_alone(*asked.own) : amazon_url("s3-outposts", false, asked.region, asked.within.dns_suffix);
  to.at.add_label(alias.hardware == 'e' ? "ec2" : "op-" + std::string(alias.outpost_id));
  to.at.add_label(bucket);
  return to;
}

/// `outpost:ID:accesspoint:NAME`
[[nodiscard]] inline checked_setting<destination> outposts_access_point(const question& asked, const arn& name) {
  using result = checked_setting<destination>;
  const endpoint_options& o = asked.options;
  if (std::string why = refused_ways{o.dual_stack, o.fips, o.accelerate}.why("S3 on Outposts"); !why.empty())
    return result::failure(std::move(why));
  const std::string_view outpost = name.part(1).value_or("");
  const auto access_point = name.part(3);
  if (name.part(2) != "accesspoint" || !access_point || name.part(4))
    return result::failure("the ARN of an access point to an Outpost ends in outpost/ID/accesspoint/NAME");
  if (!is_host_label(outpost)) return result::failure("an Outpost's id in an ARN holds only letters, digits and '-'");
  if (!is_host_label(*access_point)) return result::failure(std::string(no_access_point_name));
  if (std::string why = why_not_regional(asked, name); !why.empty()) return result::failure(std::move(why));

  destination to{.signing_region = name.region, .signing_name = "s3-outposts"};
  to.at = asked.own != nullptr ? by_tls_alone(*asked.own)
                               : amazon_url("s3-outposts", false, name.region, partition_of(name.region).dns_suffix);
  to.at.add_label(outpost);
  to.at.add_label(account_label(name, *access_point));
  return to;
}

}  // namespace s3pager::aws::detail
