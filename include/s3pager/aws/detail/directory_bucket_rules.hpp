// Where a directory bucket of S3 Express One Zone is, or an access point to one: at its zone. Knows no other bucket.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-express-Regions-and-Zones.html
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "s3pager/aws/arn.hpp"
#include "s3pager/aws/bucket_name.hpp"
#include "s3pager/aws/detail/destination.hpp"
#include "s3pager/aws/detail/endpoint_url.hpp"
#include "s3pager/base/checked_setting.hpp"
#include "s3pager/base/uri_encoding.hpp"

namespace s3pager::aws::detail {

[[nodiscard]] inline checked_setting<destination> directory_bucket(const question& asked) {
  using result = checked_setting<destination>;
  const endpoint_options& o = asked.options;
  destination to{.signing_region = asked.region,
                 .signing_name = "s3express",
                 .session = !o.disable_s3_express_session_auth,
                 .directory_bucket = true};
  if (std::string why = refused_ways{.accelerate = o.accelerate}.why("a directory bucket"); !why.empty())
    return result::failure(std::move(why));
  if (looks_like_arn(o.bucket)) return result::failure("a directory bucket and its access points have names, not ARNs, to be asked by");
  if (asked.lacks_subdomains()) {
    to.at = *asked.own;
    std::string path = "/";  // the bucket before the endpoint's own path, unlike elsewhere: so AWS's rules have it
    append_uri_encoded(path, o.bucket, slash::encode);
    to.at.path.insert(0, path);
    return to;
  }
  if (!is_dns_label(o.bucket)) return result::failure("this directory bucket's name can't be part of a host name");
  if (asked.own != nullptr) {
    to.at = *asked.own;
  } else {
    const std::string_view zone = zone_of(o.bucket);
    if (zone.empty()) return result::failure("a directory bucket's name ends in its zone, as in name--usw2-az1--x-s3");
    to.at = amazon_url(std::string(o.fips ? "s3express-fips-" : "s3express-").append(zone), o.dual_stack, asked.region,
                       asked.within.dns_suffix);
  }
  to.at.add_label(o.bucket);
  return to;
}

}  // namespace s3pager::aws::detail
