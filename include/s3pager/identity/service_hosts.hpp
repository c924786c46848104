// Where AWS's services besides S3 are asked. Looks nothing up.
#pragma once

#include <string>
#include <string_view>

namespace s3pager::identity {

/// `https://SERVICE.REGION.amazonaws.com`, by the domain of the region's partition.
[[nodiscard]] inline std::string service_url(std::string_view service, std::string_view region) {
  std::string made("https://");
  made.append(service).append(1, '.').append(region);
  return made.append(region.starts_with("cn-") ? ".amazonaws.com.cn" : ".amazonaws.com");
}

}  // namespace s3pager::identity
