// Amazon Resource Names, taken apart. Knows no service, and not which names there are.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

#include "s3pager/base/checked_setting.hpp"

namespace s3pager::aws {

/// `arn:partition:service:region:account-id:resource`. Views of what was parsed; partition, service and resource are not empty.
struct arn {
  std::string_view partition = {};
  std::string_view service = {};
  std::string_view region = {};
  std::string_view account_id = {};
  std::string_view resource = {};

  /// What stands in the resource at `index` from 0, between ':' and '/' alike; nullopt where it has ended, which an empty part is not.
  [[nodiscard]] constexpr std::optional<std::string_view> part(std::size_t index) const noexcept {
    std::string_view rest = resource;
    for (; index > 0; --index) {
      const std::size_t end = rest.find_first_of(":/");
      if (end == std::string_view::npos) return std::nullopt;
      rest.remove_prefix(end + 1);
    }
    return rest.substr(0, rest.find_first_of(":/"));
  }
};

[[nodiscard]] constexpr bool looks_like_arn(std::string_view text) noexcept { return text.starts_with("arn:"); }

/// For what looks like one. The message does not repeat the text.
[[nodiscard]] inline checked_setting<arn> parse_arn(std::string_view text) {
  using result = checked_setting<arn>;
  const bool printable = std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (!printable) return result::failure("an ARN holds no control characters");
  std::array<std::string_view, 5> before;
  for (std::string_view& each : before) {
    const std::size_t end = text.find(':');
    if (end == std::string_view::npos) return result::failure("an ARN is arn:partition:service:region:account-id:resource");
    each = text.substr(0, end);
    text.remove_prefix(end + 1);
  }
  const arn made{.partition = before[1], .service = before[2], .region = before[3], .account_id = before[4], .resource = text};
  if (made.partition.empty() || made.service.empty() || made.resource.empty())
    return result::failure("an ARN names a partition, a service and a resource");
  return made;
}

}  // namespace s3pager::aws
