// What is asked of the rules that say where a bucket's requests go. Knows none of them.
#pragma once

#include <string_view>

namespace s3pager::aws {

/// How a request names its bucket.
enum class addressing {
  automatic,       ///< in the host if name, endpoint and TLS allow it, else in the path
  path,            ///< `/bucket/key`; not for ARNs, and nothing that directory buckets and Outposts know
  virtual_hosted,  ///< `bucket.host`, or a failure
};

struct endpoint_options {
  std::string_view region = {};        ///< needed only without an endpoint_url; us-east-1 if none is given with one
  std::string_view endpoint_url = {};  ///< `https://host:port/path`; empty: Amazon S3 of the region, by TLS
  std::string_view bucket = {};        ///< or an alias of an access point, or an ARN of one
  aws::addressing addressing = aws::addressing::automatic;
  bool dual_stack = false;             ///< by IPv6 too
  bool fips = false;                   ///< endpoints whose cryptography is validated by FIPS 140
  bool accelerate = false;             ///< S3 Transfer Acceleration, which the bucket must have
  bool use_arn_region = true;          ///< else an ARN of a region other than `region` is a failure
  bool disable_multi_region_access_points = false;
  bool disable_s3_express_session_auth = false;  ///< sign requests to directory buckets by the credentials themselves
  bool use_global_endpoint = false;    ///< `s3.amazonaws.com` for us-east-1
};

}  // namespace s3pager::aws
