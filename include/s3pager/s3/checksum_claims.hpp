// What the head of an answer says of its body's checksums, and of how much they are.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
#pragma once

#include <optional>
#include <string_view>

#include "s3pager/base/bytes.hpp"
#include "s3pager/checksum/digest.hpp"
#include "s3pager/http/header_fields.hpp"

namespace s3pager::s3 {

/// What an answer says of checksums.
struct checksum_claims {
  std::optional<checksum::claim> claim = {};  ///< of bytes; the cheapest to compute
  bool composite = false;                     ///< there is one of parts' checksums
  bool full_object = false;                   ///< x-amz-checksum-type: FULL_OBJECT
};

/// Values that are none of a known algorithm are passed over: nothing fails because a checksum is not there.
[[nodiscard]] inline checksum_claims read_checksum_claims(const http::header_fields& headers, int http_status) noexcept {
  constexpr std::string_view prefix = "x-amz-checksum-";
  checksum_claims made;
  bool composite_type = false;
  for (const http::field each : headers) {
    if (each.name.size() <= prefix.size() || !equals_ignoring_case(each.name.substr(0, prefix.size()), prefix)) continue;
    if (equals_ignoring_case(each.name.substr(prefix.size()), "type")) {
      made.full_object = each.value == "FULL_OBJECT";
      composite_type = each.value == "COMPOSITE";
      continue;
    }
    for (const checksum::algorithm of : checksum::algorithms) {
      if (!equals_ignoring_case(each.name, checksum::header_name(of))) continue;
      const std::optional<checksum::claim> claim = checksum::parse_claim(of, each.value);
      if (!claim) break;
      if (claim->composite()) made.composite = true;
      else if (!made.claim || claim->algorithm < made.claim->algorithm) made.claim = claim;
      break;
    }
  }
  // Of a whole object it says that the value is of no bytes, whether it has its `-N` or not.
  if (composite_type && http_status == 200 && made.claim) {
    made.claim.reset();
    made.composite = true;
  }
  return made;
}

}  // namespace s3pager::s3
