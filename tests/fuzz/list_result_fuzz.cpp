// Any bytes as the answer to ListObjectsV2: an error, or a page that holds what pugixml makes of them.
#include "s3pager/xml/list_result.hpp"

#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "support/pugixml_list.hpp"

namespace {

using namespace s3pager;
using xml::xml_errc;

void require(bool holds) {
  if (!holds) std::abort();
}

std::error_code parse(std::string_view bytes, ref<xml::list_page>& page) {
  // Exactly as large as the body, so that a sanitizer sees each byte too many.
  auto body = std::make_unique<char[]>(bytes.size());
  if (!bytes.empty()) std::memcpy(body.get(), bytes.data(), bytes.size());
  const auto code = xml::parse_list_page(std::move(body), bytes.size(), page);
  require((body == nullptr) == !code);
  if (code == xml_errc::error_answer) require(std::string_view(body.get(), bytes.size()) == bytes);
  return code;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes{reinterpret_cast<const char*>(data), size};
  const test::pugixml_list expected(bytes);
  ref<xml::list_page> page;
  const auto code = parse(bytes, page);
  // Both take it or none. Where more than one thing is wrong, either may be said: it is met in another order.
  require(!code == !expected.failed);
  if (code) {
    require(!page);
    require(code == errc::protocol_violation);
    for (const xml_errc early : {xml_errc::error_answer, xml_errc::wrong_root, xml_errc::doctype_refused})
      require((code == early) == (expected.failed == early));
    return 0;
  }
  require(same(*page, expected));
  require(!page->is_truncated() || !page->next_continuation_token().empty());
  for (const auto& object : page->contents()) require(!object.key.empty());
  for (const auto& prefix : page->common_prefixes()) require(!prefix.empty());

  // Without comments and sections, which may hold one, the last end tag is the root's: a page without it is cut off.
  if (bytes.find("<!") == bytes.npos && bytes.find("<?") == bytes.npos) {
    const std::size_t whole = bytes.rfind("</");
    require(whole != bytes.npos);
    for (const std::size_t length : {whole, whole / 2, whole - whole / 3})
      require(bool(parse(bytes.substr(0, length), page)));
  }
  return 0;
}
