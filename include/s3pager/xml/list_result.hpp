// Reads the answer to ListObjectsV2 in place: all strings of a page stay in the body that was received, which the page
// keeps. No I/O; knows nothing of requests.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <pugixml.hpp>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "s3pager/base/bytes.hpp"
#include "s3pager/base/clock.hpp"
#include "s3pager/base/counted.hpp"
#include "s3pager/base/uri_encoding.hpp"
#include "s3pager/xml/detail/markup.hpp"
#include "s3pager/xml/timestamp.hpp"
#include "s3pager/xml/xml_error.hpp"

namespace s3pager::xml {

/// Longer list bodies are refused. The worst real page, 1,000 keys of 1,024 bytes that are all encoded, is 3.5 MB.
inline constexpr std::size_t max_list_bytes = 4 * 1024 * 1024;

/// Lists of more objects and common prefixes are refused. S3 gives at most 1,000; this leaves room for services that are
/// configured to give more, as radosgw can be.
inline constexpr std::size_t max_list_entries = 10'000;

/// An object as a list shows it. The views live as long as the list_page that it is in.
struct listed {
  std::string_view key = {};                 ///< opaque bytes, URL-decoded if the answer was encoded; never empty
  std::string_view etag = {};                ///< with its quotes, as If-Match wants it; empty if missing
  std::string_view storage_class = {};       ///< empty if missing
  std::string_view owner_id = {};            ///< only with fetch-owner; empty if missing
  std::string_view checksum_algorithm = {};  ///< as the service names it (`CRC64NVME`); the first if there are several
  std::uint64_t size = 0;                    ///< bytes
  std::optional<wall_time> last_modified = {};   ///< nothing if missing or not a time
  std::optional<wall_time> restore_expiry = {};  ///< of an archived object's restored copy
  bool restore_in_progress = false;
};
static_assert(sizeof(listed) <= 128);

/// One page of a list. Immutable; may be shared between threads.
class list_page final : public shared_counted {
 public:
  /// In the service's order.
  [[nodiscard]] std::span<const listed> contents() const noexcept { return contents_; }
  [[nodiscard]] std::span<const std::string_view> common_prefixes() const noexcept { return common_prefixes_; }
  /// Whether more pages follow; then next_continuation_token() is not empty.
  [[nodiscard]] bool is_truncated() const noexcept { return is_truncated_; }
  /// Opaque bytes, never URL-decoded: to be sent back as they are. radosgw's may hold control characters.
  [[nodiscard]] std::string_view next_continuation_token() const noexcept { return next_continuation_token_; }
  /// Whether the answer echoed encoding-type=url (and keys and prefixes were decoded).
  [[nodiscard]] bool url_encoded() const noexcept { return url_encoded_; }
  /// As the service counted; nothing if missing.
  [[nodiscard]] std::optional<std::uint64_t> key_count() const noexcept { return key_count_; }
  /// The bucket's name.
  [[nodiscard]] std::string_view name() const noexcept { return name_; }
  /// The prefix that the service says it listed, decoded where it can be. Some services don't encode it.
  [[nodiscard]] std::string_view prefix() const noexcept { return prefix_; }

 private:
  friend class list_reader;
  list_page() noexcept = default;

  std::unique_ptr<char[]> body_;
  std::vector<listed> contents_;
  std::vector<std::string_view> common_prefixes_;
  std::string_view next_continuation_token_;
  std::string_view name_;
  std::string_view prefix_;
  std::optional<std::uint64_t> key_count_;
  bool is_truncated_ = false;
  bool url_encoded_ = false;
};

/// Reads a body of `size` bytes into `page`. On success the page owns `body`. On failure `page` is as it was and `body`
/// stays the caller's: its bytes are changed by then, except with xml_errc::error_answer, for parse_error_body().
/// Takes less than 10 MiB besides the body, whatever that holds; when it is done, the page keeps at most 1.25 MiB of them.
[[nodiscard]] inline std::error_code parse_list_page(std::unique_ptr<char[]>&& body, std::size_t size,
                                                     ref<list_page>& page) noexcept;

/// Decodes percent-encoding (and '+' as a space) where it stands; `text` is then what remains. False, with the bytes
/// partly changed, if a '%' isn't followed by two hexadecimal digits.
[[nodiscard]] inline bool url_decode_in_place(std::span<char>& text) noexcept {
  std::size_t to = 0;
  for (std::size_t from = 0; from < text.size(); ++from) {
    char c = text[from];
    if (c == '+') {
      c = ' ';
    } else if (c == '%') {
      const int high = text.size() - from > 2 ? hex_value(text[from + 1]) : -1;
      const int low = high >= 0 ? hex_value(text[from + 2]) : -1;
      if (low < 0) return false;
      c = static_cast<char>(high * 16 + low);
      from += 2;
    }
    text[to++] = c;
  }
  text = text.first(to);
  return true;
}

/// The steps of parse_list_page().
class list_reader {
 public:
  [[nodiscard]] static std::error_code read(std::unique_ptr<char[]>&& body, std::size_t size, ref<list_page>& page) {
    if (size > max_list_bytes) return xml_errc::too_large;
    const std::string_view bytes{body.get(), size};
    std::string_view root_name;
    if (const auto code = detail::find_root(bytes, root_name)) return code;
    if (root_name == "Error" || root_name == "ErrorResponse") return xml_errc::error_answer;
    if (root_name != "ListBucketResult") return xml_errc::wrong_root;
    if (const auto code = detail::check_bytes(bytes)) return code;

    // The encoding is given, or pugixml would convert a body with another byte order mark into memory of its own.
    pugi::xml_document document;
    const auto parsed = document.load_buffer_inplace(body.get(), size, detail::parse_flags, pugi::encoding_utf8);
    if (const auto code = detail::to_code(parsed)) return code;
    if (detail::is_too_deep(document)) return xml_errc::too_deep;
    const pugi::xml_node root = detail::root_of(document);
    if (!root) return xml_errc::malformed;

    list_reader reader{ref<list_page>(new list_page)};
    if (const auto code = reader.read_root(root)) return code;
    reader.page_->body_ = std::move(body);
    page = std::move(reader.page_);
    return {};
  }

 private:
  /// An element that may occur once.
  struct field {
    std::string_view text = {};
    bool present = false;

    [[nodiscard]] std::error_code read(pugi::xml_node node) noexcept {
      if (std::exchange(present, true)) return xml_errc::repeated_element;
      return detail::read_text(node, text);
    }
  };

  explicit list_reader(ref<list_page> page) noexcept : page_(std::move(page)) {}

  [[nodiscard]] std::error_code read_root(pugi::xml_node root) {
    field name, prefix, is_truncated, token, encoding_type, key_count;
    std::size_t objects = 0;
    std::size_t prefixes = 0;
    for (pugi::xml_node node = root.first_child(); node; node = node.next_sibling()) {
      const std::string_view tag = detail::local_name(node.name());
      std::error_code code;
      if (tag == "Contents") ++objects;
      else if (tag == "CommonPrefixes") prefixes += count_prefixes(node);
      else if (tag == "Name") code = name.read(node);
      else if (tag == "Prefix") code = prefix.read(node);
      else if (tag == "IsTruncated") code = is_truncated.read(node);
      else if (tag == "NextContinuationToken") code = token.read(node);
      else if (tag == "EncodingType") code = encoding_type.read(node);
      else if (tag == "KeyCount") code = key_count.read(node);
      if (code) return code;
    }

    if (objects + prefixes > max_list_entries) return xml_errc::too_large;

    list_page& page = *page_;
    const auto truncated = read_bool(is_truncated.text);
    if (!truncated) return xml_errc::bad_is_truncated;
    if (*truncated && token.text.empty()) return xml_errc::missing_token;
    page.is_truncated_ = *truncated;
    page.next_continuation_token_ = token.text;
    page.url_encoded_ = encoding_type.text == "url";
    page.name_ = name.text;
    page.key_count_ = read_number(key_count.text);
    // radosgw of some versions sends it as it is, so that what can't be decoded isn't encoded.
    page.prefix_ = prefix.text;
    if (is_decodable(prefix.text)) static_cast<void>(decode(page.prefix_));

    // EncodingType comes before or after the objects, depending on the service: hence the second pass.
    page.contents_.reserve(objects);
    page.common_prefixes_.reserve(prefixes);
    for (pugi::xml_node node = root.first_child(); node; node = node.next_sibling()) {
      const std::string_view tag = detail::local_name(node.name());
      std::error_code code;
      if (tag == "Contents") code = read_object(node);
      else if (tag == "CommonPrefixes") code = read_common_prefixes(node);
      if (code) return code;
    }
    return {};
  }

  [[nodiscard]] std::error_code read_object(pugi::xml_node object) {
    field key, size, etag, last_modified, storage_class;
    listed result;
    for (pugi::xml_node node = object.first_child(); node; node = node.next_sibling()) {
      const std::string_view tag = detail::local_name(node.name());
      std::error_code code;
      if (tag == "Key") code = key.read(node);
      else if (tag == "Size") code = size.read(node);
      else if (tag == "ETag") code = etag.read(node);
      else if (tag == "LastModified") code = last_modified.read(node);
      else if (tag == "StorageClass") code = storage_class.read(node);
      else if (tag == "Owner") code = read_owner(node, result);
      else if (tag == "RestoreStatus") code = read_restore_status(node, result);
      else if (tag == "ChecksumAlgorithm" && result.checksum_algorithm.empty())
        code = detail::read_text(node, result.checksum_algorithm);
      if (code) return code;
    }
    if (key.text.empty()) return xml_errc::missing_key;
    const auto bytes = read_number(size.text);
    if (!bytes) return xml_errc::bad_size;
    result.key = key.text;
    if (!decode(result.key)) return xml_errc::bad_url_escape;
    result.size = *bytes;
    result.etag = etag.text;
    result.last_modified = parse_timestamp(last_modified.text);
    result.storage_class = storage_class.text;
    page_->contents_.push_back(result);
    return {};
  }

  [[nodiscard]] static std::error_code read_owner(pugi::xml_node owner, listed& result) noexcept {
    for (pugi::xml_node node = owner.first_child(); node; node = node.next_sibling())
      if (detail::local_name(node.name()) == "ID")
        if (const auto code = detail::read_text(node, result.owner_id)) return code;
    return {};
  }

  [[nodiscard]] static std::error_code read_restore_status(pugi::xml_node status, listed& result) noexcept {
    for (pugi::xml_node node = status.first_child(); node; node = node.next_sibling()) {
      const std::string_view tag = detail::local_name(node.name());
      if (tag != "IsRestoreInProgress" && tag != "RestoreExpiryDate") continue;
      std::string_view text;
      if (const auto code = detail::read_text(node, text)) return code;
      if (tag == "RestoreExpiryDate") result.restore_expiry = parse_timestamp(text);
      else result.restore_in_progress = read_bool(text).value_or(false);
    }
    return {};
  }

  [[nodiscard]] static std::size_t count_prefixes(pugi::xml_node prefixes) noexcept {
    std::size_t count = 0;
    for (pugi::xml_node node = prefixes.first_child(); node; node = node.next_sibling())
      if (detail::local_name(node.name()) == "Prefix") ++count;
    return count;
  }

  /// AWS sends one element a prefix; others put several prefixes into one.
  [[nodiscard]] std::error_code read_common_prefixes(pugi::xml_node prefixes) {
    bool any = false;
    for (pugi::xml_node node = prefixes.first_child(); node; node = node.next_sibling()) {
      if (detail::local_name(node.name()) != "Prefix") continue;
      std::string_view prefix;
      if (const auto code = detail::read_text(node, prefix)) return code;
      if (prefix.empty()) return xml_errc::missing_key;
      if (!decode(prefix)) return xml_errc::bad_url_escape;
      page_->common_prefixes_.push_back(prefix);
      any = true;
    }
    return any ? std::error_code{} : xml_errc::missing_key;
  }

  /// Undoes the URL encoding, if there is one, of a view into the body.
  [[nodiscard]] bool decode(std::string_view& text) const noexcept {
    if (!page_->url_encoded_ || text.empty()) return true;
    // The body isn't const: pugixml merely hands its text out that way.
    std::span<char> bytes{const_cast<char*>(text.data()), text.size()};
    if (!url_decode_in_place(bytes)) return false;
    text = {bytes.data(), bytes.size()};
    return true;
  }

  [[nodiscard]] static bool is_decodable(std::string_view text) noexcept {
    for (std::size_t at = text.find('%'); at != std::string_view::npos; at = text.find('%', at + 1))
      if (text.size() - at < 3 || hex_value(text[at + 1]) < 0 || hex_value(text[at + 2]) < 0) return false;
    return true;
  }

  [[nodiscard]] static std::optional<bool> read_bool(std::string_view text) noexcept {
    if (equals_ignoring_case(text, "true")) return true;
    if (equals_ignoring_case(text, "false")) return false;
    return std::nullopt;
  }

  [[nodiscard]] static std::optional<std::uint64_t> read_number(std::string_view text) noexcept {
    std::uint64_t value = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, code] = std::from_chars(text.data(), end, value);
    if (code != std::errc{} || stop != end) return std::nullopt;
    return value;
  }

  ref<list_page> page_;
};

inline std::error_code parse_list_page(std::unique_ptr<char[]>&& body, std::size_t size,
                                       ref<list_page>& page) noexcept {
  try {
    return list_reader::read(std::move(body), size, page);
  } catch (const std::bad_alloc&) {
    return xml_errc::out_of_memory;
  }
}

}  // namespace s3pager::xml
