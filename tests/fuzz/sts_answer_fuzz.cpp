// Any bytes as an answer of STS or of CreateSession: credentials that can go into headers, or a message.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "s3pager/base/visible_text.hpp"
#include "s3pager/xml/sts_answer.hpp"

namespace {

using namespace s3pager;

void must(bool holds) {
  if (!holds) std::abort();
}

void check(const checked_setting<xml::sts_credentials>& made) {
  must(made.ok() == made.message().empty());
  if (!made) return;
  const xml::sts_credentials& keys = made.value();
  for (const std::string_view each : {std::string_view(keys.access_key_id), keys.secret_access_key.view(), keys.session_token.view()})
    must(!each.empty() && all_visible(each));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<char> copy(data, data + size);
  const std::string_view text(copy.data(), copy.size());
  check(xml::parse_sts_answer(text, "AssumeRole"));
  check(xml::parse_create_session_answer(text));
  return 0;
}
