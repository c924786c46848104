// Any bytes as a pattern and a text, with a zero between: a refusal in words, or an answer that wider patterns agree with. A text whose
// special bytes are escaped matches itself.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "s3pager/base/glob.hpp"

namespace {

void must(bool condition) {
  if (!condition) std::abort();
}

bool matches(const std::string& pattern, std::string_view text) {
  const auto made = s3pager::glob::parse(pattern);
  return made && made.value().matches(text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  const std::size_t zero = std::min(input.find('\0'), input.size());
  const std::string pattern = input.substr(0, zero);
  const std::string text = input.substr(std::min(zero + 1, input.size()));
  const auto made = s3pager::glob::parse(pattern);
  must(made.ok() == made.message().empty());
  if (made && made.value().matches(text) && pattern.size() < 500) {
    must(matches("**" + pattern, text) || pattern.starts_with("*"));
    must(matches(pattern + "**", text) || pattern.ends_with("*"));
    must(matches("[b]" + pattern, "b" + text) || pattern.starts_with("**"));
    must(!matches("[b]" + pattern, "a" + text));
  }
  if (text.size() > 200) return 0;
  std::string escaped;
  for (const char c : text) escaped.append("\\").append(1, c);
  must(matches(escaped, text));
  must(!matches(escaped, text + "x"));
  return 0;
}
