// Any bytes, as a response cut in any way: the transcript is that of the whole, and nothing outside the input is read
// (each piece lies alone in memory). The first three bytes choose the method, the limits and the cuts.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "s3pager/http/response_parser.hpp"
#include "unit/http/events.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace s3pager;
  if (size < 3) return 0;
  const auto method = static_cast<http::request_method>(data[0] % 3);
  const bool small = (data[0] & 0x80) != 0;
  const http::response_limits limits =
      small ? http::response_limits{.max_head_bytes = 128,
                                    .max_interim_responses = 1,
                                    .chunked = {.max_extension_bytes = 4, .max_trailer_bytes = 16}}
            : http::response_limits{};
  const std::size_t stride = data[1] % 64 + std::size_t{1};
  const std::size_t first = data[2];
  const std::string_view input(reinterpret_cast<const char*>(data) + 3, size - 3);

  http::response_parser parser(limits);
  parser.reset(method);
  const test::transcript whole = test::run(parser, input);
  test::must(whole.ended != static_cast<bool>(whole.error));

  std::vector<std::string_view> pieces = {input.substr(0, first)};
  for (std::size_t at = pieces[0].size(); at < input.size(); at += stride) pieces.push_back(input.substr(at, stride));
  parser.reset(method);
  test::must(test::run(parser, pieces) == whole);

  pieces.clear();
  for (std::size_t at = 0; at < input.size(); ++at) pieces.push_back(input.substr(at, 1));
  parser.reset(method);
  test::must(test::run(parser, pieces) == whole);
  return 0;
}
