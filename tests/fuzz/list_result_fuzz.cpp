// Any bytes as the answer to ListObjectsV2: an error, or a page that holds what the API promises.
#include "s3pager/xml/list_result.hpp"

#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace {

using namespace s3pager;

void require(bool holds) {
  if (!holds) std::abort();
}

std::error_code parse(std::string_view bytes, ref<xml::list_page>& page) {
  // Exactly as large as the body, so that a sanitizer sees each byte too many.
  auto body = std::make_unique<char[]>(bytes.size());
  if (!bytes.empty()) std::memcpy(body.get(), bytes.data(), bytes.size());
  const auto code = xml::parse_list_page(std::move(body), bytes.size(), page);
  require((body == nullptr) == !code);
  if (code == xml::xml_errc::error_answer) require(std::string_view(body.get(), bytes.size()) == bytes);
  return code;
}

/// Reads each byte that a view shows.
void touch(std::string_view text) {
  for (const char c : text) [[maybe_unused]] const volatile char seen = c;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes{reinterpret_cast<const char*>(data), size};
  ref<xml::list_page> page;
  if (const auto code = parse(bytes, page)) {
    require(!page);
    require(code == errc::protocol_violation);
    return 0;
  }
  require(!page->is_truncated() || !page->next_continuation_token().empty());
  for (const auto text : {page->name(), page->prefix(), page->next_continuation_token()}) touch(text);
  for (const auto& object : page->contents()) {
    require(!object.key.empty());
    for (const auto text : {object.key, object.etag, object.storage_class, object.owner_id, object.checksum_algorithm})
      touch(text);
  }
  for (const auto& prefix : page->common_prefixes()) {
    require(!prefix.empty());
    touch(prefix);
  }

  // Without comments and sections, which may hold one, the last end tag is the root's: a page without it is cut off.
  if (bytes.find("<!") == bytes.npos && bytes.find("<?") == bytes.npos) {
    const std::size_t whole = bytes.rfind("</");
    require(whole != bytes.npos);
    for (const std::size_t length : {whole, whole / 2, whole - whole / 3})
      require(bool(parse(bytes.substr(0, length), page)));
  }
  return 0;
}
