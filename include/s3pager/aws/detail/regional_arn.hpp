// What all ARNs of access points in a region have in common. Knows no host.
#pragma once

#include <string>
#include <string_view>

#include "s3pager/aws/arn.hpp"
#include "s3pager/aws/detail/destination.hpp"
#include "s3pager/aws/detail/host_label.hpp"
#include "s3pager/aws/partition.hpp"

namespace s3pager::aws::detail {

inline constexpr std::string_view no_access_point_name = "an access point's name in an ARN holds only letters, digits and '-'";

/// What of its region or its account makes it none to be asked here; empty: nothing.
[[nodiscard]] inline std::string why_not_regional(const question& asked, const arn& name) {
  if (!is_region(name.region)) return "the ARN's region is no region's name";
  if (!asked.options.use_arn_region && name.region != asked.region)
    return std::string("the ARN is of ")
        .append(name.region)
        .append(", the client is in ")
        .append(asked.region)
        .append(", and use_arn_region is off");
  if (const partition& of = partition_of(name.region); of.name != asked.within.name)
    return std::string("the ARN is of the partition ").append(of.name).append(", the client is in ").append(asked.within.name);
  if (!is_host_label(name.account_id)) return "an ARN's account id holds only letters, digits and '-'";
  return {};
}

/// Access points are told apart by account.
[[nodiscard]] inline std::string account_label(const arn& name, std::string_view access_point) {
  return std::string(access_point).append(1, '-').append(name.account_id);
}

}  // namespace s3pager::aws::detail
