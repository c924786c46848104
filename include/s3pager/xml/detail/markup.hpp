// What the parsers of this layer share: checks that pugixml leaves out, and reading of single elements.
// Knows nothing of lists or errors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <pugixml.hpp>
#include <string_view>
#include <system_error>

#include "s3pager/xml/xml_error.hpp"

namespace s3pager::xml::detail {

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

/// Reads the character reference whose text after "&#" begins `text`, and returns how much of it that is; 0 if it is that of no
/// character. One of zero would end a value early, since pugixml's values are C strings, and pugixml lets a large one wrap around
/// to zero.
[[nodiscard]] inline std::size_t read_character_reference(std::string_view text, std::uint32_t& value) noexcept {
  const bool hexadecimal = text.starts_with('x');
  value = 0;
  for (std::size_t at = hexadecimal ? 1 : 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == ';') return value == 0 ? 0 : at + 1;
    const bool decimal_digit = c >= '0' && c <= '9';
    const char lower = static_cast<char>(c | 0x20);
    const bool letter_digit = hexadecimal && lower >= 'a' && lower <= 'f';
    if (!decimal_digit && !letter_digit) return 0;
    const auto digit = static_cast<std::uint32_t>(decimal_digit ? c - '0' : lower - 'a' + 10);
    value = value * (hexadecimal ? 16 : 10) + digit;
    if (value > 0x10FFFF) return 0;
  }
  return 0;
}

/// Whether all character references in `text` are those of characters.
[[nodiscard]] inline bool has_good_references(std::string_view text) noexcept {
  std::uint32_t value = 0;
  while (skip_past(text, "&#"))
    if (read_character_reference(text, value) == 0) return false;
  return true;
}

/// What pugixml takes, but must not pass: a NUL (written or referred to), no end of the root.
[[nodiscard]] inline std::error_code check_bytes(std::string_view body) noexcept {
  if (body.find('\0') != std::string_view::npos) return xml_errc::malformed;
  while (!body.empty() && is_space(body.back())) body.remove_suffix(1);
  if (!body.ends_with('>')) return xml_errc::malformed;
  return has_good_references(body) ? std::error_code{} : xml_errc::malformed;
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
