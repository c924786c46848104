// Regions, and the partitions of AWS that they are in: parts that know nothing of each other, each with a domain of its own.
// Knows no service and no host.
// https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

#include "s3pager/aws/detail/host_label.hpp"

namespace s3pager::aws {

/// Whether it can be a region's name: a label of a host name, in lower case.
[[nodiscard]] constexpr bool is_region(std::string_view text) noexcept {
  return detail::is_host_label(text) && !detail::has_upper_case(text);
}

struct partition {
  std::string_view name;
  std::string_view dns_suffix;
  std::string_view global_region;  ///< a name for the partition as a whole, where a region is asked for; empty: it has none
  std::array<std::string_view, 9> areas;  ///< its regions are called `<area>-<word>-<number>`
};

namespace detail {

/// As AWS publishes them for its SDKs, the first for every region that is in none.
inline constexpr std::array<partition, 8> partitions{{
    {"aws", "amazonaws.com", "aws-global", {"us", "eu", "ap", "sa", "ca", "me", "af", "il", "mx"}},
    {"aws-cn", "amazonaws.com.cn", "aws-cn-global", {"cn"}},
    {"aws-us-gov", "amazonaws.com", "aws-us-gov-global", {"us-gov"}},
    {"aws-eusc", "amazonaws.eu", "", {"eusc-de"}},
    {"aws-iso", "c2s.ic.gov", "aws-iso-global", {"us-iso"}},
    {"aws-iso-b", "sc2s.sgov.gov", "aws-iso-b-global", {"us-isob"}},
    {"aws-iso-e", "cloud.adc-e.uk", "aws-iso-e-global", {"eu-isoe"}},
    {"aws-iso-f", "csp.hci.ic.gov", "aws-iso-f-global", {"us-isof"}},
}};

/// The area of `<area>-<word>-<number>`; empty if it is none.
[[nodiscard]] constexpr std::string_view area_of(std::string_view region) noexcept {
  const std::size_t second = region.rfind('-');
  if (second == std::string_view::npos || second == 0) return {};
  const std::size_t first = region.rfind('-', second - 1);
  if (first == std::string_view::npos) return {};
  const std::string_view word = region.substr(first + 1, second - first - 1);
  const std::string_view number = region.substr(second + 1);
  if (word.empty() || number.empty() || number.find_first_not_of("0123456789") != std::string_view::npos) return {};
  return region.substr(0, first);
}

}  // namespace detail

/// Where a region is, new ones too, by their names; what is called like no region of AWS counts as one of the partition `aws`.
[[nodiscard]] constexpr const partition& partition_of(std::string_view region) noexcept {
  const std::string_view area = detail::area_of(region);
  for (const partition& each : detail::partitions) {
    const bool within = !area.empty() && std::find(each.areas.begin(), each.areas.end(), area) != each.areas.end();
    if (within || (!region.empty() && region == each.global_region)) return each;
  }
  return detail::partitions.front();
}

}  // namespace s3pager::aws
