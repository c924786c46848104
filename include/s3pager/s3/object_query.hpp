// What the query of a GetObject says of the version and of the answer's own headers: the same for all requests of a call. Knows no request.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "s3pager/base/error.hpp"
#include "s3pager/base/uri_encoding.hpp"

namespace s3pager {

/// Headers that the service is to give its answer instead of those it keeps with the object; those that are empty it leaves. For who reads
/// the answer as HTTP: a browser that a presigned URL is given to. Only signed requests may ask for them. Any bytes but control
/// characters; at most 2,048 together, as they are encoded.
struct response_overrides {
  std::string_view cache_control = {};
  std::string_view content_disposition = {};
  std::string_view content_encoding = {};
  std::string_view content_language = {};
  std::string_view content_type = {};
  std::string_view expires = {};

  [[nodiscard]] constexpr bool empty() const noexcept {
    return cache_control.empty() && content_disposition.empty() && content_encoding.empty() && content_language.empty() &&
           content_type.empty() && expires.empty();
  }
};

namespace s3 {

/// In canonical order and encoded; empty: there is nothing to say. Throws error(invalid_argument).
[[nodiscard]] inline std::string object_query(std::string_view version_id, const response_overrides& response = {}) {
  constexpr std::size_t most = 2048;
  std::string made;
  for (const auto& [name, value] : {std::pair<std::string_view, std::string_view>{"cache-control", response.cache_control},
                                    {"content-disposition", response.content_disposition},
                                    {"content-encoding", response.content_encoding},
                                    {"content-language", response.content_language},
                                    {"content-type", response.content_type},
                                    {"expires", response.expires}}) {
    if (value.empty()) continue;
    const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    if (std::any_of(value.begin(), value.end(), control))
      throw error(errc::invalid_argument, "response." + std::string(name) + " holds a control character");
    if (!made.empty()) made += '&';
    made.append("response-").append(name).append("=");
    append_uri_encoded(made, value, slash::encode);
  }
  if (made.size() > most)
    throw error(errc::invalid_argument, "response takes " + std::to_string(made.size()) + " characters as it is encoded, " +
                                            std::to_string(most) + " at most are allowed");
  if (version_id.empty()) return made;
  made += made.empty() ? "versionId=" : "&versionId=";
  append_uri_encoded(made, version_id, slash::encode);
  return made;
}

}  // namespace s3
}  // namespace s3pager
