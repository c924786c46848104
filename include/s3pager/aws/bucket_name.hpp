// What a bucket's name says of it: whether it can be in a host name, and whether it is a directory bucket or one on an Outpost.
// Knows no endpoint.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string_view>

#include "s3pager/aws/detail/host_label.hpp"

namespace s3pager::aws {

/// Whether a bucket can be a label, or several, of a host name: 3 to 63 of a-z, 0-9, '-' and '.', and not four numbers with dots.
[[nodiscard]] constexpr bool is_dns_compatible(std::string_view bucket) noexcept {
  if (bucket.size() < 3 || bucket.size() > 63 || detail::has_upper_case(bucket) || !detail::are_host_labels(bucket)) return false;
  const bool numeric = bucket.find_first_not_of("0123456789.") == std::string_view::npos;
  return !numeric || std::count(bucket.begin(), bucket.end(), '.') != 3;
}

/// Whether it can be one label: a certificate's wildcard stands for no more.
[[nodiscard]] constexpr bool is_dns_label(std::string_view bucket) noexcept {
  return bucket.find('.') == std::string_view::npos && is_dns_compatible(bucket);
}

namespace detail {

/// Before it stand a name, `--` and a zone.
[[nodiscard]] constexpr std::string_view directory_suffix(std::string_view bucket) noexcept {
  for (const std::string_view each : {std::string_view("--x-s3"), std::string_view("--xa-s3")})
    if (bucket.ends_with(each)) return each;
  return {};
}

}  // namespace detail

/// A bucket of S3 Express One Zone (`--x-s3`), or an access point to one (`--xa-s3`).
[[nodiscard]] constexpr bool is_directory_bucket(std::string_view bucket) noexcept {
  return !detail::directory_suffix(bucket).empty();
}

/// The id of the zone that a directory bucket is in (`usw2-az1`); empty if its name holds none.
[[nodiscard]] constexpr std::string_view zone_of(std::string_view directory_bucket) noexcept {
  const std::size_t end = directory_bucket.size() - detail::directory_suffix(directory_bucket).size();
  // The lengths that AWS's rules know.
  for (const std::size_t size : {8U, 9U, 13U, 14U, 20U})
    if (end >= size + 2 && directory_bucket.substr(end - size - 2, 2) == "--") return directory_bucket.substr(end - size, size);
  return {};
}

/// What an alias of an access point to an Outpost says, by its places from the end.
struct outposts_alias {
  std::string_view outpost_id = {};
  bool beta = false;     ///< it is a test's, whose endpoint is not public
  char hardware = '\0';  ///< `e`: a server (EC2), `o`: a rack
};

/// https://docs.aws.amazon.com/AmazonS3/latest/s3-outposts/s3-outposts-access-points-alias.html
[[nodiscard]] constexpr std::optional<outposts_alias> parse_outposts_alias(std::string_view bucket) noexcept {
  constexpr std::size_t least = 50;
  if (bucket.size() < least || !bucket.ends_with("--op-s3")) return std::nullopt;
  const std::string_view end = bucket.substr(bucket.size() - least);
  return outposts_alias{.outpost_id = end.substr(1, 17), .beta = end.substr(38, 4) == "beta", .hardware = end.front()};
}

}  // namespace s3pager::aws
