// The answer to ListObjectsV2 read from pugixml's tree: what s3pager::xml reads without one is held against it. As it was
// read once, but that only elements count (not an instruction of an element's name), and that nothing but white space, comments
// and instructions may stand behind the root. Does not bound the markup.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <pugixml.hpp>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "s3pager/base/bytes.hpp"
#include "s3pager/base/clock.hpp"
#include "s3pager/base/uri_encoding.hpp"
#include "s3pager/xml/detail/markup.hpp"
#include "s3pager/xml/detail/scanner.hpp"
#include "s3pager/xml/list_result.hpp"
#include "s3pager/base/timestamp.hpp"
#include "s3pager/xml/xml_error.hpp"

namespace s3pager::test {

struct pugixml_object {
  std::string key = {};
  std::string etag = {};
  std::string storage_class = {};
  std::string owner_id = {};
  std::string checksum_algorithm = {};
  std::uint64_t size = 0;
  std::optional<wall_time> last_modified = {};
  std::optional<wall_time> restore_expiry = {};
  bool restore_in_progress = false;
};

/// All of a page, or why there is none.
class pugixml_list {
 public:
  explicit pugixml_list(std::string_view body) { failed = read(body); }

  std::error_code failed;
  std::vector<pugixml_object> contents;
  std::vector<std::string> common_prefixes;
  std::string next_continuation_token;
  std::string name;
  std::string prefix;
  std::optional<std::uint64_t> key_count;
  bool is_truncated = false;
  bool url_encoded = false;

 private:
  using xml_errc = xml::xml_errc;

  struct field {
    std::string_view text = {};
    bool present = false;

    std::error_code read(pugi::xml_node node) {
      if (present) return xml_errc::repeated_element;
      present = true;
      return xml::detail::read_text(node, text);
    }
  };

  static std::string_view tag_of(pugi::xml_node node) {
    return node.type() == pugi::node_element ? xml::detail::local_name(node.name()) : std::string_view();
  }

  std::error_code read(std::string_view body) {
    if (body.size() > xml::max_list_bytes) return xml_errc::too_large;
    std::string_view root_name;
    if (const auto code = xml::detail::find_root(body, root_name)) return code;
    if (root_name == "Error" || root_name == "ErrorResponse") return xml_errc::error_answer;
    if (root_name != "ListBucketResult") return xml_errc::wrong_root;
    if (const auto code = xml::detail::check_bytes(body)) return code;

    pugi::xml_document document;
    constexpr unsigned flags = xml::detail::parse_flags | pugi::parse_fragment | pugi::parse_doctype;
    if (!document.load_buffer(body.data(), body.size(), flags, pugi::encoding_utf8)) return xml_errc::malformed;
    for (pugi::xml_node node = document.first_child(); node; node = node.next_sibling())
      if (node.type() == pugi::node_pcdata || node.type() == pugi::node_cdata || node.type() == pugi::node_doctype)
        return xml_errc::malformed;
    if (is_too_deep(document)) return xml_errc::too_deep;
    const pugi::xml_node root = xml::detail::root_of(document);
    return root ? read_root(root) : xml_errc::malformed;
  }

  static bool is_too_deep(pugi::xml_document& document) {
    struct depth_limit final : pugi::xml_tree_walker {
      bool for_each(pugi::xml_node&) override { return depth() < static_cast<int>(xml::detail::max_depth); }
    } limit;
    return !document.traverse(limit);
  }

  std::error_code read_root(pugi::xml_node root) {
    field name_field, prefix_field, is_truncated_field, token, encoding_type, key_count_field;
    std::size_t entries = 0;
    for (pugi::xml_node node = root.first_child(); node; node = node.next_sibling()) {
      const std::string_view tag = tag_of(node);
      std::error_code code;
      if (tag == "Contents") ++entries;
      else if (tag == "CommonPrefixes") entries += count_prefixes(node);
      else if (tag == "Name") code = name_field.read(node);
      else if (tag == "Prefix") code = prefix_field.read(node);
      else if (tag == "IsTruncated") code = is_truncated_field.read(node);
      else if (tag == "NextContinuationToken") code = token.read(node);
      else if (tag == "EncodingType") code = encoding_type.read(node);
      else if (tag == "KeyCount") code = key_count_field.read(node);
      if (code) return code;
    }
    if (entries > xml::max_list_entries) return xml_errc::too_large;

    const auto truncated = bool_of(is_truncated_field.text);
    if (!truncated) return xml_errc::bad_is_truncated;
    if (*truncated && token.text.empty()) return xml_errc::missing_token;
    is_truncated = *truncated;
    next_continuation_token = token.text;
    url_encoded = encoding_type.text == "url";
    name = name_field.text;
    key_count = number_of(key_count_field.text);
    if (!decode(prefix_field.text, prefix)) prefix = prefix_field.text;

    for (pugi::xml_node node = root.first_child(); node; node = node.next_sibling()) {
      const std::string_view tag = tag_of(node);
      std::error_code code;
      if (tag == "Contents") code = read_object(node);
      else if (tag == "CommonPrefixes") code = read_common_prefixes(node);
      if (code) return code;
    }
    return {};
  }

  std::error_code read_object(pugi::xml_node object) {
    field key, size, etag, last_modified, storage_class;
    std::string_view owner_id, checksum_algorithm;
    pugixml_object made;
    for (pugi::xml_node node = object.first_child(); node; node = node.next_sibling()) {
      const std::string_view tag = tag_of(node);
      std::error_code code;
      if (tag == "Key") code = key.read(node);
      else if (tag == "Size") code = size.read(node);
      else if (tag == "ETag") code = etag.read(node);
      else if (tag == "LastModified") code = last_modified.read(node);
      else if (tag == "StorageClass") code = storage_class.read(node);
      else if (tag == "Owner") code = read_owner(node, owner_id);
      else if (tag == "RestoreStatus") code = read_restore_status(node, made);
      else if (tag == "ChecksumAlgorithm" && checksum_algorithm.empty())
        code = xml::detail::read_text(node, checksum_algorithm);
      if (code) return code;
    }
    if (key.text.empty()) return xml_errc::missing_key;
    const auto bytes = number_of(size.text);
    if (!bytes) return xml_errc::bad_size;
    if (!decode(key.text, made.key)) return xml_errc::bad_url_escape;
    made.size = *bytes;
    made.etag = etag.text;
    made.last_modified = parse_timestamp(last_modified.text);
    made.storage_class = storage_class.text;
    made.owner_id = owner_id;
    made.checksum_algorithm = checksum_algorithm;
    contents.push_back(std::move(made));
    return {};
  }

  static std::error_code read_owner(pugi::xml_node owner, std::string_view& id) {
    for (pugi::xml_node node = owner.first_child(); node; node = node.next_sibling())
      if (tag_of(node) == "ID")
        if (const auto code = xml::detail::read_text(node, id)) return code;
    return {};
  }

  static std::error_code read_restore_status(pugi::xml_node status, pugixml_object& made) {
    for (pugi::xml_node node = status.first_child(); node; node = node.next_sibling()) {
      const std::string_view tag = tag_of(node);
      if (tag != "IsRestoreInProgress" && tag != "RestoreExpiryDate") continue;
      std::string_view text;
      if (const auto code = xml::detail::read_text(node, text)) return code;
      if (tag == "RestoreExpiryDate") made.restore_expiry = parse_timestamp(text);
      else made.restore_in_progress = bool_of(text).value_or(false);
    }
    return {};
  }

  static std::size_t count_prefixes(pugi::xml_node prefixes) {
    std::size_t count = 0;
    for (pugi::xml_node node = prefixes.first_child(); node; node = node.next_sibling()) count += tag_of(node) == "Prefix";
    return count;
  }

  std::error_code read_common_prefixes(pugi::xml_node prefixes) {
    bool any = false;
    for (pugi::xml_node node = prefixes.first_child(); node; node = node.next_sibling()) {
      if (tag_of(node) != "Prefix") continue;
      std::string_view text;
      if (const auto code = xml::detail::read_text(node, text)) return code;
      if (text.empty()) return xml_errc::missing_key;
      if (!decode(text, common_prefixes.emplace_back())) return xml_errc::bad_url_escape;
      any = true;
    }
    return any ? std::error_code{} : xml_errc::missing_key;
  }

  bool decode(std::string_view text, std::string& into) const {
    if (url_encoded) return append_uri_decoded(into, text, plus::space);
    into = text;
    return true;
  }

  static std::optional<bool> bool_of(std::string_view text) {
    if (equals_ignoring_case(text, "true")) return true;
    if (equals_ignoring_case(text, "false")) return false;
    return std::nullopt;
  }

  static std::optional<std::uint64_t> number_of(std::string_view text) {
    std::uint64_t value = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, code] = std::from_chars(text.data(), end, value);
    if (code != std::errc{} || stop != end) return std::nullopt;
    return value;
  }
};

/// Whether a page holds what pugixml makes of its body.
[[nodiscard]] inline bool same(const xml::list_page& page, const pugixml_list& expected) {
  const auto same_object = [](const xml::listed& a, const pugixml_object& b) {
    return a.key == b.key && a.etag == b.etag && a.size == b.size && a.last_modified == b.last_modified &&
           a.storage_class() == b.storage_class && a.owner_id() == b.owner_id && a.checksum_algorithm() == b.checksum_algorithm &&
           a.traits().restore_expiry == b.restore_expiry && a.traits().restore_in_progress == b.restore_in_progress;
  };
  return !expected.failed && page.name() == expected.name && page.prefix() == expected.prefix &&
         page.next_continuation_token() == expected.next_continuation_token && page.is_truncated() == expected.is_truncated &&
         page.url_encoded() == expected.url_encoded && page.key_count() == expected.key_count &&
         std::ranges::equal(page.common_prefixes(), expected.common_prefixes) &&
         std::ranges::equal(page.contents(), expected.contents, same_object);
}

}  // namespace s3pager::test
