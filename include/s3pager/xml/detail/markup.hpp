// What the parsers of this layer share: checks that pugixml leaves out, and reading of single elements.
// Knows nothing of lists or errors.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <pugixml.hpp>
#include <string_view>
#include <system_error>

#include "s3pager/xml/xml_error.hpp"

namespace s3pager::xml::detail {

// Nodes and attributes. pugixml takes 64 bytes for a node and 40 for an attribute, from pages of 32 KiB, so this bounds its
// memory to 8.1 MiB. A real object has 6 to 14 nodes, and with 14 is so long that 4 MiB of such objects have fewer than this.
inline constexpr std::size_t max_markup = 128 * 1024;

inline constexpr int max_depth = 16;

// Comments and sections become nodes, so that they can't silently split a value; white space is kept where it is all
// of a value, since a key may be a single space. Line ends are left alone: keys are opaque.
inline constexpr unsigned parse_flags = pugi::parse_escapes | pugi::parse_cdata | pugi::parse_comments |
                                        pugi::parse_pi | pugi::parse_ws_pcdata_single | pugi::parse_embed_pcdata;

/// `name` without its namespace prefix.
[[nodiscard]] inline std::string_view local_name(std::string_view name) noexcept {
  const std::size_t colon = name.rfind(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

[[nodiscard]] inline bool is_space(char c) noexcept { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

[[nodiscard]] inline std::string_view skip_space(std::string_view text) noexcept {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  return text;
}

/// Takes what is between the front of `text` and the first `end` off; false if there is no `end`.
[[nodiscard]] inline bool skip_past(std::string_view& text, std::string_view end) noexcept {
  const std::size_t at = text.find(end);
  if (at == std::string_view::npos) return false;
  text.remove_prefix(at + end.size());
  return true;
}

/// Finds the local name of the root element without parsing, and so without changing, `body`.
[[nodiscard]] inline std::error_code find_root(std::string_view body, std::string_view& name) noexcept {
  if (body.starts_with("\xEF\xBB\xBF")) body.remove_prefix(3);
  for (;;) {
    body = skip_space(body);
    if (body.starts_with("<!--")) {
      body.remove_prefix(4);
      if (!skip_past(body, "-->")) return xml_errc::malformed;
    } else if (body.starts_with("<?")) {
      if (!skip_past(body, "?>")) return xml_errc::malformed;
    } else {
      break;
    }
  }
  if (body.starts_with("<!")) return xml_errc::doctype_refused;
  if (!body.starts_with('<')) return xml_errc::malformed;
  body.remove_prefix(1);
  const std::size_t end = body.find_first_of(" \t\r\n/>");
  if (end == 0 || end == std::string_view::npos) return xml_errc::malformed;
  name = local_name(body.substr(0, end));
  return {};
}

/// Whether the character reference whose text after "&#" begins `text` is that of a character. One of zero would end
/// a value early, since pugixml's values are C strings, and pugixml lets a large one wrap around to zero.
[[nodiscard]] inline bool is_character_reference(std::string_view text) noexcept {
  const bool hexadecimal = text.starts_with('x');
  if (hexadecimal) text.remove_prefix(1);
  std::uint32_t value = 0;
  for (const char c : text) {
    if (c == ';') break;
    const bool decimal_digit = c >= '0' && c <= '9';
    const char lower = static_cast<char>(c | 0x20);
    const bool letter_digit = hexadecimal && lower >= 'a' && lower <= 'f';
    if (!decimal_digit && !letter_digit) return false;
    const auto digit = static_cast<std::uint32_t>(decimal_digit ? c - '0' : lower - 'a' + 10);
    value = value * (hexadecimal ? 16 : 10) + digit;
    if (value > 0x10FFFF) return false;
  }
  return value != 0;
}

/// Takes a start tag off the front of `text`, and gives the number of its attributes. `open`: whether it does not
/// end itself.
[[nodiscard]] inline std::size_t skip_start_tag(std::string_view& text, bool& open) noexcept {
  std::size_t attributes = 0;
  std::size_t at = 0;
  for (; at < text.size() && text[at] != '>'; ++at) {
    if (text[at] == '=') ++attributes;
    // A value may hold what would end the tag.
    if (text[at] == '"' || text[at] == '\'') at = std::min(text.find(text[at], at + 1), text.size() - 1);
  }
  open = at == 0 || text[at - 1] != '/';
  text.remove_prefix(std::min(at + 1, text.size()));
  return attributes;
}

/// Whether pugixml would make more of `body` than any real answer has. This goes by the marks that pugixml goes by: where they
/// are wrong, it stops as well.
[[nodiscard]] inline std::error_code check_markup(std::string_view body) noexcept {
  // A page of 1,000 objects has too few marks for it, which is seen in less time.
  std::size_t marks = 2 * static_cast<std::size_t>(std::count(body.begin(), body.end(), '<'));
  for (std::size_t at = body.find('='); at != std::string_view::npos; at = body.find('=', at + 1)) ++marks;
  if (marks <= max_markup) return {};

  bool embeds = false;  // behind a start tag, where text is the element's value; elsewhere it is a node
  for (std::size_t count = 0; count <= max_markup;) {
    const std::string_view text = body.substr(0, body.find('<'));
    if (!embeds && !skip_space(text).empty()) ++count;
    body.remove_prefix(text.size());
    if (body.empty()) return count > max_markup ? xml_errc::too_large : std::error_code{};
    embeds = false;
    if (!body.starts_with("</")) ++count;
    bool ended = true;
    if (body.starts_with("<!--")) {
      body.remove_prefix(4);
      ended = skip_past(body, "-->");
    } else if (body.starts_with("<![CDATA[")) {
      ended = skip_past(body, "]]>");
    } else if (body.starts_with("<!")) {
      return xml_errc::malformed;
    } else if (body.starts_with("<?")) {
      ended = skip_past(body, "?>");
    } else if (body.starts_with("</")) {
      ended = skip_past(body, ">");
    } else {
      count += skip_start_tag(body, embeds);
    }
    if (!ended) return xml_errc::malformed;
  }
  return xml_errc::too_large;
}

/// What pugixml takes, but must not pass: a NUL (written or referred to), too much markup, no end of the root.
[[nodiscard]] inline std::error_code check_bytes(std::string_view body) noexcept {
  if (body.find('\0') != std::string_view::npos) return xml_errc::malformed;
  if (const auto code = check_markup(body)) return code;
  while (!body.empty() && is_space(body.back())) body.remove_suffix(1);
  if (!body.ends_with('>')) return xml_errc::malformed;
  while (skip_past(body, "&#"))
    if (!is_character_reference(body)) return xml_errc::malformed;
  return {};
}

/// The one element at the top of `document`; null if there are several.
[[nodiscard]] inline pugi::xml_node root_of(const pugi::xml_document& document) noexcept {
  pugi::xml_node root;
  for (pugi::xml_node node = document.first_child(); node; node = node.next_sibling()) {
    if (node.type() != pugi::node_element) continue;
    if (root) return {};
    root = node;
  }
  return root;
}

[[nodiscard]] inline bool is_too_deep(pugi::xml_document& document) noexcept {
  struct depth_limit final : pugi::xml_tree_walker {
    bool for_each(pugi::xml_node&) override { return depth() < max_depth; }
  } limit;
  return !document.traverse(limit);
}

[[nodiscard]] inline std::error_code to_code(const pugi::xml_parse_result& result) noexcept {
  if (result.status == pugi::status_ok) return {};
  return result.status == pugi::status_out_of_memory ? xml_errc::out_of_memory : xml_errc::malformed;
}

/// The text of an element that holds nothing else. It lies in the parsed buffer, or is empty.
[[nodiscard]] inline std::error_code read_text(pugi::xml_node node, std::string_view& text) noexcept {
  const pugi::xml_node child = node.first_child();
  if (!child) {
    text = node.value();
    return {};
  }
  // Without embedded text, a lone section is all of the value.
  if (child.type() != pugi::node_cdata || child.next_sibling() || *node.value() != '\0')
    return xml_errc::unexpected_markup;
  text = child.value();
  return {};
}

}  // namespace s3pager::xml::detail
