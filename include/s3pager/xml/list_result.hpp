// Reads the answer to ListObjectsV2: what a page shows is moved out of the body that was received, into as little memory as it
// takes. No I/O; knows nothing of requests.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "s3pager/base/bytes.hpp"
#include "s3pager/base/clock.hpp"
#include "s3pager/base/counted.hpp"
#include "s3pager/base/timestamp.hpp"
#include "s3pager/base/uri_encoding.hpp"
#include "s3pager/xml/detail/markup.hpp"
#include "s3pager/xml/detail/scanner.hpp"
#include "s3pager/xml/detail/text_block.hpp"
#include "s3pager/xml/listed.hpp"
#include "s3pager/xml/xml_error.hpp"

namespace s3pager::xml {

/// Longer list bodies are refused. The worst real page, 1,000 keys of 1,024 bytes that are all encoded, is 3.5 MB.
inline constexpr std::size_t max_list_bytes = 4 * 1024 * 1024;

/// Lists of more objects and common prefixes are refused. S3 gives at most 1,000; this leaves room for services that are
/// configured to give more, as radosgw can be.
inline constexpr std::size_t max_list_entries = 10'000;

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
  explicit list_page(std::size_t text_bytes) : text_(text_bytes) {}

  detail::text_block text_;  // but for that of objects
  std::vector<listed> contents_;
  std::vector<ref<listed_memory>> memories_;
  std::vector<std::string_view> common_prefixes_;
  std::string_view next_continuation_token_;
  std::string_view name_;
  std::string_view prefix_;
  std::optional<std::uint64_t> key_count_;
  bool is_truncated_ = false;
  bool url_encoded_ = false;
};

/// Reads a body of `size` bytes into `page`. On success the page is all that is left of `body`. On failure `page` is as it was and
/// `body` stays the caller's: its bytes are changed by then, except with xml_errc::error_answer, for parse_error_body().
/// Besides the body, takes less than 3 MiB and what the page keeps: at most 2 MiB, and the text that it shows.
[[nodiscard]] inline std::error_code parse_list_page(std::unique_ptr<char[]>&& body, std::size_t size,
                                                     ref<list_page>& page) noexcept;

/// Decodes percent-encoding (and '+' as a space) where it stands; `text` is then what remains. False, with the bytes
/// partly changed, if a '%' isn't followed by two hexadecimal digits.
[[nodiscard]] inline bool url_decode_in_place(std::span<char>& text) noexcept {
  const std::string_view all{text.data(), text.size()};
  for (std::size_t at = all.find('+'); at != std::string_view::npos; at = all.find('+', at + 1)) text[at] = ' ';
  std::size_t from = std::min(all.find('%'), all.size());
  std::size_t to = from;
  while (from != all.size()) {
    const int high = all.size() - from > 2 ? hex_value(all[from + 1]) : -1;
    const int low = high >= 0 ? hex_value(all[from + 2]) : -1;
    if (low < 0) return false;
    text[to++] = static_cast<char>(high * 16 + low);
    from += 3;
    const std::size_t plain = std::min(all.find('%', from), all.size()) - from;
    std::memmove(text.data() + to, all.data() + from, plain);
    to += plain;
    from += plain;
  }
  text = text.first(to);
  return true;
}

/// The steps of parse_list_page().
class list_reader {
 public:
  [[nodiscard]] static std::error_code read(std::span<char> body, ref<list_page>& page) {
    if (body.size() > max_list_bytes) return xml_errc::too_large;
    const std::string_view bytes{body.data(), body.size()};
    std::string_view root_name;
    if (const auto code = detail::find_root(bytes, root_name)) return code;
    if (root_name == "Error" || root_name == "ErrorResponse") return xml_errc::error_answer;
    if (root_name != "ListBucketResult") return xml_errc::wrong_root;
    if (bytes.find('\0') != std::string_view::npos) return xml_errc::malformed;

    list_reader reader(body);
    if (const auto code = reader.read_root()) return code;
    if (const auto code = reader.decode_names()) return code;
    page = reader.settle();
    return {};
  }

 private:
  /// In line, as the length is known.
  template <std::size_t Size>
  [[nodiscard]] static bool is(std::string_view tag, const char (&name)[Size]) noexcept {
    return tag.size() == Size - 1 && std::memcmp(tag.data(), name, Size - 1) == 0;
  }

  /// An element that may occur once.
  struct field {
    std::string_view text = {};
    bool present = false;
  };

  explicit list_reader(std::span<char> body) noexcept : in_(body) {}

  [[nodiscard]] std::error_code read_root() {
    field name, prefix, is_truncated, token, encoding_type, key_count;
    if (!in_.enter_root()) return in_.error();
    while (in_.next_child()) {
      const std::string_view tag = in_.local_name();
      if (is(tag, "Contents")) read_object(key_count.text);
      else if (is(tag, "CommonPrefixes")) read_common_prefixes();
      else if (is(tag, "Name")) read(name);
      else if (is(tag, "Prefix")) read(prefix);
      else if (is(tag, "IsTruncated")) read(is_truncated);
      else if (is(tag, "NextContinuationToken")) read(token);
      else if (is(tag, "EncodingType")) read(encoding_type);
      else if (is(tag, "KeyCount")) read(key_count);
      else in_.skip();
      if (entries_ > max_list_entries) return xml_errc::too_large;
    }
    if (!in_.finish()) return in_.error();
    if (failed_) return failed_;

    const auto truncated = read_bool(is_truncated.text);
    if (!truncated) return xml_errc::bad_is_truncated;
    if (*truncated && token.text.empty()) return xml_errc::missing_token;
    is_truncated_ = *truncated;
    token_ = token.text;
    url_encoded_ = encoding_type.text == "url";
    name_ = name.text;
    prefix_ = prefix.text;
    key_count_ = read_number(key_count.text);
    return {};
  }

  void note(xml_errc why) noexcept {
    if (!failed_) failed_ = why;
  }

  // That it is no list is noted, and told unless it is not XML either: the rest is read all the same.
  void read(std::string_view& text) noexcept {
    if (!in_.read_text(text)) note(xml_errc::unexpected_markup);
  }
  void read(field& into) noexcept {
    if (std::exchange(into.present, true)) note(xml_errc::repeated_element);
    read(into.text);
  }

  void read_object(std::string_view key_count) {
    field key, size, etag, last_modified, storage_class;
    listed_traits traits;
    ++entries_;
    while (in_.next_child()) {
      const std::string_view tag = in_.local_name();
      if (is(tag, "Key")) read(key);
      else if (is(tag, "Size")) read(size);
      else if (is(tag, "ETag")) read(etag);
      else if (is(tag, "LastModified")) read(last_modified);
      else if (is(tag, "StorageClass")) read(storage_class);
      else if (is(tag, "Owner")) read_owner(traits);
      else if (is(tag, "RestoreStatus")) read_restore_status(traits);
      else if (is(tag, "ChecksumAlgorithm") && traits.checksum_algorithm.empty()) read(traits.checksum_algorithm);
      else in_.skip();
    }
    const auto bytes = read_number(size.text);
    if (key.text.empty()) note(xml_errc::missing_key);
    else if (!bytes) note(xml_errc::bad_size);
    if (failed_ || in_.error()) return;

    traits.storage_class = storage_class.text;
    if (memories_.empty() || memories_.back()->traits() != traits) memories_.push_back(make_ref<listed_memory>(traits));
    // Most services give the number before the objects.
    if (contents_.empty()) contents_.reserve(std::min<std::uint64_t>(read_number(key_count).value_or(1000), max_list_entries));
    listed made(*memories_.back());
    made.key = key.text;
    made.etag = etag.text;
    made.size = *bytes;
    made.last_modified = parse_timestamp(last_modified.text);
    contents_.push_back(made);
  }

  void read_owner(listed_traits& traits) noexcept {
    while (in_.next_child()) {
      if (in_.local_name() == "ID") read(traits.owner_id);
      else in_.skip();
    }
  }

  void read_restore_status(listed_traits& traits) noexcept {
    while (in_.next_child()) {
      const std::string_view tag = in_.local_name();
      std::string_view text;
      if (is(tag, "RestoreExpiryDate")) {
        read(text);
        traits.restore_expiry = parse_timestamp(text);
      } else if (is(tag, "IsRestoreInProgress")) {
        read(text);
        traits.restore_in_progress = read_bool(text).value_or(false);
      } else {
        in_.skip();
      }
    }
  }

  void read_common_prefixes() {
    bool any = false;
    while (in_.next_child()) {
      if (in_.local_name() != "Prefix") {
        in_.skip();
        continue;
      }
      std::string_view prefix;
      read(prefix);
      if (prefix.empty()) note(xml_errc::missing_key);
      if (++entries_ <= max_list_entries) common_prefixes_.push_back(prefix);
      any = true;
    }
    if (!any) note(xml_errc::missing_key);
  }

  /// Whether names are encoded is known in the end only: some services say so behind the objects.
  [[nodiscard]] std::error_code decode_names() noexcept {
    // radosgw of some versions sends it as it is, so that what can't be decoded isn't encoded.
    if (is_decodable(prefix_)) static_cast<void>(decode(prefix_));
    for (listed& each : contents_)
      if (!decode(each.key)) return xml_errc::bad_url_escape;
    for (std::string_view& each : common_prefixes_)
      if (!decode(each)) return xml_errc::bad_url_escape;
    return {};
  }

  /// Moves everything out of the body. Objects may be kept for long: their text is on its own.
  [[nodiscard]] ref<list_page> settle() {
    std::size_t bytes = 0;
    for (const listed& each : contents_) bytes += each.key.size() + each.etag.size();
    for (const ref<listed_memory>& each : memories_)
      bytes += each->traits().storage_class.size() + each->traits().owner_id.size() + each->traits().checksum_algorithm.size();
    const auto kept = make_ref<detail::text_block>(bytes);
    for (listed& each : contents_) {
      each.key = kept->add(each.key);
      each.etag = kept->add(each.etag);
    }
    for (const ref<listed_memory>& each : memories_) each->settle(kept);

    bytes = name_.size() + prefix_.size() + token_.size();
    for (const std::string_view each : common_prefixes_) bytes += each.size();
    const ref<list_page> page(new list_page(bytes));
    page->name_ = page->text_.add(name_);
    page->prefix_ = page->text_.add(prefix_);
    page->next_continuation_token_ = page->text_.add(token_);
    for (std::string_view& each : common_prefixes_) each = page->text_.add(each);
    page->key_count_ = key_count_;
    page->is_truncated_ = is_truncated_;
    page->url_encoded_ = url_encoded_;
    contents_.shrink_to_fit();
    page->contents_ = std::move(contents_);
    page->memories_ = std::move(memories_);
    page->common_prefixes_ = std::move(common_prefixes_);
    return page;
  }

  /// Undoes the URL encoding, if there is one, of a view into the body.
  [[nodiscard]] bool decode(std::string_view& text) const noexcept {
    if (!url_encoded_ || text.empty()) return true;
    // The body isn't const: its text is merely handed out that way.
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

  detail::scanner in_;
  std::error_code failed_;    // the first reason why it is no list
  std::size_t entries_ = 0;
  // Of the page; text is the body's until all is settled.
  std::vector<listed> contents_;
  std::vector<ref<listed_memory>> memories_;
  std::vector<std::string_view> common_prefixes_;
  std::string_view token_;
  std::string_view name_;
  std::string_view prefix_;
  std::optional<std::uint64_t> key_count_;
  bool is_truncated_ = false;
  bool url_encoded_ = false;
};

inline std::error_code parse_list_page(std::unique_ptr<char[]>&& body, std::size_t size,
                                       ref<list_page>& page) noexcept {
  try {
    const std::error_code code = list_reader::read({body.get(), size}, page);
    if (!code) body.reset();
    return code;
  } catch (const std::bad_alloc&) {
    return xml_errc::out_of_memory;
  }
}

}  // namespace s3pager::xml
