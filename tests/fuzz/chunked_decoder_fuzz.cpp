// Any bytes, as a chunked body cut in any way: the transcript is that of the whole, and nothing outside the input is
// read (each piece lies alone in memory). The first two bytes choose the limits and the cuts.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "s3pager/http/chunked_decoder.hpp"
#include "unit/http/events.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace s3pager;
  if (size < 2) return 0;
  const bool small = (data[0] & 0x80) != 0;
  const http::chunked_limits limits =
      small ? http::chunked_limits{.max_extension_bytes = 4, .max_trailer_bytes = 16} : http::chunked_limits{};
  const std::size_t stride = data[0] % 64 + std::size_t{1};
  const std::size_t first = data[1];
  const std::string_view input(reinterpret_cast<const char*>(data) + 2, size - 2);

  http::chunked_decoder decoder(limits);
  const test::transcript whole = test::run(decoder, input);
  test::must(whole.ended != static_cast<bool>(whole.error));
  test::must(whole.body.size() <= whole.consumed);

  std::vector<std::string_view> pieces = {input.substr(0, first)};
  for (std::size_t at = pieces[0].size(); at < input.size(); at += stride) pieces.push_back(input.substr(at, stride));
  decoder.reset();
  test::must(test::run(decoder, pieces) == whole);

  pieces.clear();
  for (std::size_t at = 0; at < input.size(); ++at) pieces.push_back(input.substr(at, 1));
  decoder.reset();
  test::must(test::run(decoder, pieces) == whole);
  return 0;
}
