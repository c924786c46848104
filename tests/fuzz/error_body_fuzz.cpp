// Any bytes as an error's body: nothing, or an error with a code and fields of bounded length.
#include "s3pager/xml/error_body.hpp"

#include <cstdint>
#include <cstdlib>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // A copy of its own, so that a sanitizer sees each byte too many.
  const std::vector<char> copy(data, data + size);
  const auto body = s3pager::xml::parse_error_body({copy.data(), copy.size()});
  if (!body) return 0;
  if (body->code.empty()) std::abort();
  for (const std::string* field : {&body->code, &body->message, &body->request_id, &body->host_id, &body->bucket_name,
                                   &body->key, &body->region, &body->endpoint}) {
    if (field->size() > s3pager::xml::max_error_field_bytes) std::abort();
    if (field->find('\0') != std::string::npos) std::abort();
  }
  return 0;
}
