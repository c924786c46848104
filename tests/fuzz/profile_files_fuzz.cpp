// Any bytes as the shared config and credentials files: profiles whose names and values are of the text, or a message that names file and
// line and repeats no value.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "s3pager/aws/profile_files.hpp"

namespace {

using namespace s3pager;

void must(bool holds) {
  if (!holds) std::abort();
}

void check(const aws::section_map& file, const char* setting) {
  for (const auto& [name, section] : file) {
    must(section.line >= 1);
    if (const auto value = section.find(setting)) must(value->empty() || (value->front() != ' ' && value->back() != ' '));
    if (const auto inner = section.find("s3", setting)) must(section.has("s3"));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Copies of their own, so that a sanitizer sees each byte too many: the two files, by a byte that is in no text.
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const std::size_t cut = all.find('\x7f');
  const std::vector<char> first(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(cut == std::string_view::npos ? size : cut));
  const std::vector<char> second(all.begin() + static_cast<std::ptrdiff_t>(cut == std::string_view::npos ? size : cut + 1), all.end());
  const std::string_view config(first.data(), first.size());
  const std::string_view credentials(second.data(), second.size());

  const auto made = aws::parse_profile_files(config, "CONFIG", credentials, "CREDENTIALS");
  must(made.ok() == made.message().empty());
  if (!made) {
    must(made.message().starts_with("CONFIG, line ") || made.message().starts_with("CREDENTIALS, line "));
    return 0;
  }
  const aws::profile_files& files = made.value();
  for (const aws::section_map* const file : {&files.config_profiles, &files.credentials_profiles, &files.sso_sessions, &files.services})
    check(*file, "region");
  for (const auto& [name, section] : files.credentials_profiles)
    if (const auto value = section.find("region")) must(files.has_profile(name) && files.find(name, "region") == value);
  // What was read is read again, whatever stands behind it.
  std::string longer(config);
  longer += "\n[profile added by this]\nregion = x\n";
  must(aws::parse_profile_files(longer, "CONFIG", {}, "CREDENTIALS").ok());
  return 0;
}
