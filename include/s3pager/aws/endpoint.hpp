// Where the requests for a bucket go, and what they are signed for: AWS's rules of addressing for GetObject, ListObjectsV2 and
// CreateSession. Knows no sockets and looks nothing up.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "s3pager/aws/arn.hpp"
#include "s3pager/aws/bucket_name.hpp"
#include "s3pager/aws/detail/access_point_rules.hpp"
#include "s3pager/aws/detail/bucket_rules.hpp"
#include "s3pager/aws/detail/destination.hpp"
#include "s3pager/aws/detail/directory_bucket_rules.hpp"
#include "s3pager/aws/detail/endpoint_url.hpp"
#include "s3pager/aws/detail/host_label.hpp"
#include "s3pager/aws/detail/outposts_rules.hpp"
#include "s3pager/aws/endpoint_options.hpp"
#include "s3pager/aws/partition.hpp"
#include "s3pager/base/authority.hpp"
#include "s3pager/base/bytes.hpp"
#include "s3pager/base/checked_setting.hpp"

namespace s3pager::aws {

struct endpoint {
  bool tls = true;
  std::string host = {};         ///< to resolve and connect to, and for TLS to verify; an IPv6 address without brackets
  std::uint16_t port = 443;
  std::string host_header = {};  ///< with brackets around IPv6, with the port unless it is the scheme's own
  std::string path_prefix = {};  ///< encoded; what comes before `/key`: empty, or `/...` without a slash at its end
  std::string signing_region = {};
  std::string_view signing_name = "s3";  ///< a literal: also `s3express`, `s3-outposts` and `s3-object-lambda`
  bool session = false;          ///< requests are to be signed by a session of CreateSession, which is signed by the credentials themselves
  bool directory_bucket = false; ///< lists come without order, and can't begin after a key
};

/// Whether what is sent to an endpoint by this URL, which may be empty, goes by TLS.
[[nodiscard]] inline bool uses_tls(std::string_view endpoint_url) noexcept {
  constexpr std::string_view scheme = "https:";
  return endpoint_url.empty() || equals_ignoring_case(endpoint_url.substr(0, scheme.size()), scheme);
}

namespace detail {

/// What is wrong with it as a name of anything; empty: nothing.
[[nodiscard]] inline std::string_view why_no_bucket(std::string_view name) noexcept {
  if (name.empty()) return "a bucket is needed";
  if (looks_like_arn(name)) return {};
  for (const char c : name)
    if (c == '/' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return "a bucket's name holds no '/' and no control characters";
  if (name == "." || name == "..") return "a bucket's name can't be . or ..";
  return {};
}

/// Whatever endpoint it is for: it becomes a part of Amazon's host names, and of what is signed.
[[nodiscard]] inline std::string_view why_no_region(const question& asked) noexcept {
  for (const char c : asked.region)
    if (asked.own == nullptr && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-')
      return "a region holds only a-z, 0-9 and '-'";
  if (!is_host_label(asked.region)) return "a region has 1 to 63 letters, digits and '-', and none of these at an end";
  return {};
}

[[nodiscard]] inline std::string why_no_combination(const question& asked) {
  const endpoint_options& o = asked.options;
  if (o.accelerate && o.fips) return "FIPS can't be combined with transfer acceleration";
  if (asked.own != nullptr) {
    if (std::string why = refused_ways{o.dual_stack, o.fips, o.accelerate}.why("an endpoint URL"); !why.empty()) return why;
    if (asked.own->ip_literal && o.addressing == addressing::virtual_hosted)
      return "virtual-hosted addressing needs an endpoint with a host name, not an IP address";
  }
  if (o.fips && asked.within.name == "aws-cn") return "the partition aws-cn has no FIPS endpoints";
  return {};
}

[[nodiscard]] inline checked_setting<destination> named_by_arn(const question& asked) {
  using result = checked_setting<destination>;
  const auto parsed = parse_arn(asked.options.bucket);
  if (!parsed) return result::failure(parsed.message());
  const arn& name = parsed.value();
  if (asked.options.addressing == addressing::path) return result::failure("an ARN can't be addressed in the path");
  if (asked.own != nullptr && asked.own->ip_literal)
    return result::failure("an ARN needs an endpoint with a host name, not an IP address");
  const bool lambda = name.service == "s3-object-lambda";
  if (name.part(0) == "accesspoint") {
    const std::string_view point = name.part(1).value_or("");
    if (point.empty()) return result::failure("the ARN of an access point names none");
    if (name.region.empty() && !lambda) return result::failure(why_no_multi_region_access_point(asked, name, point));
    return access_point(asked, name, point);
  }
  if (lambda || name.service != "s3-outposts") return result::failure("this ARN is of something other than an access point");
  return outposts_access_point(asked, name);
}

[[nodiscard]] inline checked_setting<destination> destination_of(const question& asked) {
  const std::string_view bucket = asked.options.bucket;
  if (is_directory_bucket(bucket)) return directory_bucket(asked);
  if (const auto alias = parse_outposts_alias(bucket)) return outposts_bucket(asked, *alias);
  if (looks_like_arn(bucket)) return named_by_arn(asked);
  return general_purpose_bucket(asked);
}

}  // namespace detail

/// Where the requests for a bucket go, or why nowhere: as AWS's published rules for its SDKs have it. Stricter than they: a region is
/// a host label; an endpoint URL that is none is a failure always; no name is put before an IP address, nor, unless it is forced,
/// before `localhost`; a label has at most 63 characters; SigV4A is refused. Freer: virtual-hosted addressing can be forced for
/// names with dots, and no region is needed with an endpoint URL.
[[nodiscard]] inline checked_setting<endpoint> resolve_endpoint(const endpoint_options& options) {
  using result = checked_setting<endpoint>;
  const auto failure = [](std::string_view why) { return result::failure(std::string(why)); };
  if (const auto why = detail::why_no_bucket(options.bucket); !why.empty()) return failure(why);
  std::optional<detail::endpoint_url> own;
  if (!options.endpoint_url.empty()) {
    auto parsed = detail::parse_endpoint_url(options.endpoint_url);
    if (!parsed) return failure(parsed.message());
    own = std::move(parsed).value();
  } else if (options.region.empty()) {
    return failure("a region or an endpoint URL is needed");
  }
  const std::string_view region = options.region.empty() ? detail::region_of_global : options.region;
  const detail::question asked{options, region, partition_of(region), own ? &*own : nullptr};
  if (const auto why = detail::why_no_region(asked); !why.empty()) return failure(why);
  if (const auto why = detail::why_no_combination(asked); !why.empty()) return failure(why);

  auto found = detail::destination_of(asked);
  if (!found) return failure(found.message());
  detail::destination to = std::move(found).value();
  if (!to.at.ipv6 && !is_host_name(to.at.host))
    return failure("the bucket and the endpoint make too long a host name: a label has at most 63 characters, the whole 253");
  const std::uint16_t standard_port = to.at.tls ? 443 : 80;
  endpoint out{.tls = to.at.tls, .host = std::move(to.at.host), .port = to.at.port == 0 ? standard_port : to.at.port};
  out.host_header = to.at.ipv6 ? "[" + out.host + "]" : out.host;
  if (out.port != standard_port) out.host_header.append(1, ':').append(std::to_string(out.port));
  out.path_prefix = std::move(to.at.path);
  out.signing_region = to.signing_region;
  out.signing_name = to.signing_name;
  out.session = to.session;
  out.directory_bucket = to.directory_bucket;
  return out;
}

}  // namespace s3pager::aws
