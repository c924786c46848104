// The answer to ListObjectsV2: which part of a bucket is asked for, and its XML. Knows buckets and parameters, not HTTP.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
#pragma once

#include <openssl/evp.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "s3pager/base/uri_encoding.hpp"
#include "s3pager/testing/bucket.hpp"
#include "s3pager/testing/request.hpp"
#include "s3pager/testing/s3_error.hpp"
#include "s3pager/testing/times.hpp"

namespace s3pager::testing {

namespace detail {

[[nodiscard]] inline std::string base64(std::string_view bytes) {
  std::string out(4 * ((bytes.size() + 2) / 3) + 1, '\0');  // EVP_EncodeBlock ends with a zero
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                   reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(size));
  return out;
}

[[nodiscard]] inline std::optional<std::string> from_base64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0) return std::nullopt;
  std::string out(text.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (size < 0) return std::nullopt;
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  out.resize(static_cast<std::size_t>(size) - padding);
  return out;
}

/// A continuation token: the entry after which to go on, with a mark that makes it opaque and others' tokens invalid.
inline constexpr std::string_view token_mark = "1\xff";

/// The least key that is greater than every key that begins with `prefix`; nothing if there is none.
[[nodiscard]] inline std::optional<std::string> beyond_prefix(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xff') prefix.pop_back();
  if (prefix.empty()) return std::nullopt;
  prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

struct list_parameters {
  std::string prefix = {};
  std::string delimiter = {};
  std::optional<std::string> start_after = {};
  std::optional<std::string> token = {};  ///< as it came
  std::string after = {};                 ///< entries up to this one are not listed
  std::size_t max_keys = 1000;
  bool fetch_owner = false;
  bool restore_status = false;
  bool url = false;

  [[nodiscard]] s3_error read(const s3_request& request) {
    const auto text = [&](std::string_view name) { return std::string(request.parameter(name).value_or("")); };
    const auto invalid = [](std::string_view name, std::string value, std::string message) {
      return s3_error{400, "InvalidArgument", std::move(message),
                      {{"ArgumentName", std::string(name)}, {"ArgumentValue", std::move(value)}}};
    };
    prefix = text("prefix");
    delimiter = text("delimiter");
    fetch_owner = text("fetch-owner") == "true";
    restore_status = request.headers.find("x-amz-optional-object-attributes").value_or("") == "RestoreStatus";
    if (const auto encoding = request.parameter("encoding-type")) {
      if (*encoding != "url")
        return invalid("encoding-type", std::string(*encoding), "Invalid Encoding Method specified in Request");
      url = true;
    }
    if (const auto most = request.parameter("max-keys")) {
      int value = 0;
      const auto [stop, code] = std::from_chars(most->data(), most->data() + most->size(), value);
      if (code != std::errc{} || stop != most->data() + most->size() || value < 0)
        return invalid("max-keys", std::string(*most), "Provided max-keys not an integer or within integer range");
      max_keys = std::min<std::size_t>(static_cast<std::size_t>(value), 1000);
    }
    if (const auto value = request.parameter("start-after")) after = start_after.emplace(*value);
    if (const auto value = request.parameter("continuation-token")) {
      const auto decoded = from_base64(token.emplace(*value));
      if (!decoded || decoded->rfind(token_mark, 0) != 0)
        return invalid("continuation-token", *token, "The continuation token provided is incorrect");
      after = decoded->substr(token_mark.size());
    }
    return {};
  }
};

/// Gathers the entries of one page: keys, and common prefixes, in one order.
class list_page_writer final : private bucket::visitor {
 public:
  list_page_writer(const bucket& from, const list_parameters& asked, std::size_t most)
      : asked_(asked), most_(std::min(asked.max_keys, most)) {
    if (most_ == 0) return;
    std::string at = asked.prefix;
    if (!asked.after.empty() && asked.after >= at) {
      at = asked.after + '\0';
      // A key within a common prefix hides that whole prefix: an entry is listed if it is beyond `after`.
      if (const auto whole = common_prefix_of(asked.after)) {
        const auto next = beyond_prefix(std::string(*whole));
        if (!next) return;
        at = *next;
      }
    }
    for (;;) {
      next_ = std::nullopt;
      from.scan(at, *this);
      if (!next_) return;
      at = std::move(*next_);
    }
  }

  [[nodiscard]] const std::string& contents() const noexcept { return contents_; }
  [[nodiscard]] const std::string& common_prefixes() const noexcept { return common_prefixes_; }
  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  [[nodiscard]] bool truncated() const noexcept { return truncated_; }
  [[nodiscard]] const std::string& last() const noexcept { return last_; }

  [[nodiscard]] std::string encoded(std::string_view text) const {
    if (!asked_.url) return std::string(text);
    std::string out;
    append_uri_encoded(out, text, slash::keep);
    // As AWS writes spaces.
    for (std::size_t at = out.find("%20"); at != std::string::npos; at = out.find("%20", at)) out.replace(at, 3, "+");
    return out;
  }

 private:
  [[nodiscard]] std::optional<std::string_view> common_prefix_of(std::string_view key) const {
    if (asked_.delimiter.empty() || key.substr(0, asked_.prefix.size()) != asked_.prefix) return std::nullopt;
    const std::size_t at = key.find(asked_.delimiter, asked_.prefix.size());
    if (at == std::string_view::npos) return std::nullopt;
    return key.substr(0, at + asked_.delimiter.size());
  }

  bool visit(const object_info& object) override {
    if (object.key.compare(0, asked_.prefix.size(), asked_.prefix) != 0) return false;
    if (count_ == most_) {
      truncated_ = true;
      return false;
    }
    ++count_;
    if (const auto common = common_prefix_of(object.key)) {
      last_ = *common;
      common_prefixes_ += "<CommonPrefixes>";
      append_element(common_prefixes_, "Prefix", encoded(*common));
      common_prefixes_ += "</CommonPrefixes>";
      next_ = beyond_prefix(last_);
      return false;
    }
    last_ = object.key;
    contents_ += "<Contents>";
    append_element(contents_, "Key", encoded(object.key));
    append_element(contents_, "LastModified", format_iso_time(object.last_modified));
    append_element(contents_, "ETag", '"' + object.etag + '"');
    append_element(contents_, "Size", std::to_string(object.size));
    if (asked_.fetch_owner) contents_ += "<Owner><ID>origin</ID><DisplayName>origin</DisplayName></Owner>";
    append_element(contents_, "StorageClass", object.storage_class);
    if (asked_.restore_status && (object.restore_in_progress || object.restore_expiry)) {
      contents_ += "<RestoreStatus>";
      append_element(contents_, "IsRestoreInProgress", object.restore_in_progress ? "true" : "false");
      if (object.restore_expiry) append_element(contents_, "RestoreExpiryDate", format_iso_time(*object.restore_expiry));
      contents_ += "</RestoreStatus>";
    }
    contents_ += "</Contents>";
    return true;
  }

  const list_parameters& asked_;
  std::size_t most_;
  std::size_t count_ = 0;
  bool truncated_ = false;
  std::string last_;
  std::optional<std::string> next_;  ///< where to go on behind a common prefix
  std::string contents_;
  std::string common_prefixes_;
};

}  // namespace detail

/// Writes the answer to `body`, with `most` entries at most (a page's size of the server's own choice).
[[nodiscard]] inline s3_error write_list_answer(const bucket& from, const s3_request& request, std::size_t most,
                                                std::string& body) {
  detail::list_parameters asked;
  if (s3_error refused = asked.read(request)) return refused;
  const detail::list_page_writer page(from, asked, most);
  body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
         "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">";
  append_element(body, "Name", request.bucket);
  append_element(body, "Prefix", page.encoded(asked.prefix));
  if (asked.start_after) append_element(body, "StartAfter", page.encoded(*asked.start_after));
  if (asked.token) append_element(body, "ContinuationToken", *asked.token);
  if (page.truncated())
    append_element(body, "NextContinuationToken", detail::base64(std::string(detail::token_mark) + page.last()));
  append_element(body, "KeyCount", std::to_string(page.count()));
  append_element(body, "MaxKeys", std::to_string(asked.max_keys));
  if (!asked.delimiter.empty()) append_element(body, "Delimiter", page.encoded(asked.delimiter));
  if (asked.url) append_element(body, "EncodingType", "url");
  append_element(body, "IsTruncated", page.truncated() ? "true" : "false");
  body += page.contents();
  body += page.common_prefixes();
  body += "</ListBucketResult>";
  return {};
}

}  // namespace s3pager::testing
