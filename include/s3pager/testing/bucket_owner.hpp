// Whether a request expects the bucket to be of an account that it is not of. Knows no bucket.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
#pragma once

#include <algorithm>
#include <string_view>

#include "s3pager/testing/request.hpp"
#include "s3pager/testing/s3_error.hpp"

namespace s3pager::testing {

/// No error: go on. `owner` is the number of the account that all buckets are of.
[[nodiscard]] inline s3_error check_expected_owner(const s3_request& request, std::string_view owner) {
  // S3 knows it as a parameter of a presigned URL, in lower case: https://github.com/aws/aws-sdk-go-v2/issues/2508
  auto expected = request.headers.find("x-amz-expected-bucket-owner");
  if (!expected) expected = request.parameter("x-amz-expected-bucket-owner");
  if (!expected) return {};
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (expected->size() != 12 || !std::all_of(expected->begin(), expected->end(), digit))
    return {400, "InvalidBucketOwnerAWSAccountID", "The value of the expected bucket owner parameter must be an AWS account ID.", {}};
  if (*expected == owner) return {};
  return {403, "AccessDenied", "Access Denied", {}};
}

}  // namespace s3pager::testing
