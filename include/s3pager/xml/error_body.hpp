// Reads the body of an S3 error answer, as far as it is one. No I/O; knows nothing of HTTP statuses.
#pragma once

#include <cstddef>
#include <new>
#include <optional>
#include <pugixml.hpp>
#include <string>
#include <string_view>

#include "s3pager/xml/detail/markup.hpp"

namespace s3pager::xml {

/// Longer error bodies are not read.
inline constexpr std::size_t max_error_bytes = 64 * 1024;

/// Longer values in an error body are cut off there.
inline constexpr std::size_t max_error_field_bytes = 1024;

/// What a service says of a failure; what it does not say is empty. The service's bytes: not fit for a terminal as
/// they are.
struct error_body {
  std::string code = {};  ///< `NoSuchKey`; never empty
  std::string message = {};
  std::string request_id = {};
  std::string host_id = {};
  std::string bucket_name = {};
  std::string key = {};
  std::string region = {};    ///< where the bucket is, with a code that says it's elsewhere
  std::string endpoint = {};  ///< likewise
};

namespace detail {

[[nodiscard]] inline std::string* field_of(error_body& body, std::string_view tag) noexcept {
  if (tag == "Code") return &body.code;
  if (tag == "Message") return &body.message;
  if (tag == "RequestId") return &body.request_id;
  if (tag == "HostId") return &body.host_id;
  if (tag == "BucketName") return &body.bucket_name;
  if (tag == "Key") return &body.key;
  if (tag == "Region") return &body.region;
  if (tag == "Endpoint") return &body.endpoint;
  return nullptr;
}

/// The first of each element counts; one with markup inside is passed over.
inline void read_error_fields(pugi::xml_node error, error_body& body) {
  for (pugi::xml_node node = error.first_child(); node; node = node.next_sibling()) {
    std::string* const field = field_of(body, local_name(node.name()));
    std::string_view text;
    if (field == nullptr || !field->empty() || read_text(node, text)) continue;
    field->assign(text.substr(0, max_error_field_bytes));
  }
}

[[nodiscard]] inline std::optional<error_body> read_error_body(std::string_view bytes) {
  std::string_view root_name;
  if (bytes.size() > max_error_bytes || find_root(bytes, root_name) || check_bytes(bytes)) return std::nullopt;
  if (root_name != "Error" && root_name != "ErrorResponse") return std::nullopt;
  pugi::xml_document document;
  if (!document.load_buffer(bytes.data(), bytes.size(), parse_flags, pugi::encoding_utf8)) return std::nullopt;
  const pugi::xml_node root = root_of(document);

  error_body body;
  if (root_name == "ErrorResponse")
    for (pugi::xml_node node = root.first_child(); node; node = node.next_sibling())
      if (local_name(node.name()) == "Error") read_error_fields(node, body);
  // STS puts the request id beside the error, not into it.
  read_error_fields(root, body);
  if (body.code.empty()) return std::nullopt;
  return body;
}

}  // namespace detail

/// Reads `<Error><Code>...`, also inside of the `<ErrorResponse>` that STS and others wrap it in. Nothing if the
/// body is empty, HTML, cut off or anything else without a code: then the HTTP status is all that is known.
[[nodiscard]] inline std::optional<error_body> parse_error_body(std::string_view bytes) noexcept {
  try {
    return detail::read_error_body(bytes);
  } catch (const std::bad_alloc&) {
    return std::nullopt;
  }
}

}  // namespace s3pager::xml
