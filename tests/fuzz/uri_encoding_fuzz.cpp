// Any bytes survive encoding and decoding, an encoding holds only the characters it may, and decoding any bytes appends
// to its output or leaves it alone.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "s3pager/base/uri_encoding.hpp"

namespace {

void must(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using s3pager::plus;
  using s3pager::slash;
  const std::string input(reinterpret_cast<const char*>(data), size);

  for (const slash mode : {slash::keep, slash::encode}) {
    std::string encoded;
    s3pager::append_uri_encoded(encoded, input, mode);
    must(encoded.size() == s3pager::uri_encoded_size(input, mode));
    must(encoded.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~%/") ==
         std::string::npos);
    if (mode == slash::encode) must(encoded.find('/') == std::string::npos);
    for (const plus sign : {plus::literal, plus::space}) {
      std::string decoded;
      must(s3pager::append_uri_decoded(decoded, encoded, sign));
      must(decoded == input);
    }
  }

  std::string decoded = "before";
  if (!s3pager::append_uri_decoded(decoded, input, plus::space)) {
    must(decoded == "before");
    must(input.find('%') != std::string::npos);
  } else {
    must(decoded.size() <= input.size() + 6);
    must(decoded.compare(0, 6, "before") == 0);
  }
  return 0;
}
