// Where AWS's services besides S3 are asked. Looks nothing up.
#pragma once

#include <string>
#include <string_view>

#include "s3pager/aws/partition.hpp"

namespace s3pager::identity {

/// `https://SERVICE.REGION.amazonaws.com`, or in the domain of another partition.
[[nodiscard]] inline std::string service_url(std::string_view service, std::string_view region) {
  std::string made("https://");
  made.append(service).append(1, '.').append(region);
  return made.append(1, '.').append(aws::partition_of(region).dns_suffix);
}

}  // namespace s3pager::identity
