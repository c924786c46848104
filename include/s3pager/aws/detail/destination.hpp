// What every rule of addressing is asked, and what it answers. Knows no rule.
#pragma once

#include <string>
#include <string_view>

#include "s3pager/aws/detail/endpoint_url.hpp"
#include "s3pager/aws/endpoint_options.hpp"
#include "s3pager/aws/partition.hpp"
#include "s3pager/base/bytes.hpp"

namespace s3pager::aws::detail {

struct question {
  const endpoint_options& options;
  std::string_view region;  ///< never empty
  const partition& within;  ///< where the region is
  const endpoint_url* own;  ///< what options.endpoint_url says; null: Amazon's

  /// Whether no name can be put before the host's. That of this machine seldom has any below it.
  [[nodiscard]] bool lacks_subdomains() const noexcept {
    if (own == nullptr) return false;
    return own->ip_literal || (options.addressing != addressing::virtual_hosted && equals_ignoring_case(own->host, "localhost"));
  }
};

struct destination {
  endpoint_url at = {};                    ///< the bucket is in its host or path
  std::string_view signing_region = {};    ///< lives as long as the options
  std::string_view signing_name = "s3";    ///< a literal
  bool session = false;
  bool directory_bucket = false;
};

/// Ways to reach a bucket that are asked for where they can't be had.
struct refused_ways {
  bool dual_stack = false;
  bool fips = false;
  bool accelerate = false;

  /// Empty if none is asked for.
  [[nodiscard]] std::string why(std::string_view what) const {
    const std::string_view which = dual_stack ? "dual-stack" : fips ? "FIPS" : accelerate ? "transfer acceleration" : "";
    if (which.empty()) return {};
    return std::string(what).append(" can't be combined with ").append(which);
  }
};

}  // namespace s3pager::aws::detail
