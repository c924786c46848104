// Reads markup in place, once, from front to back, and makes no tree of it: what a list is read with, where a tree costs more
// than all the rest. Takes what pugixml takes with parse_flags. Knows nothing of lists.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

#include "s3pager/base/bytes.hpp"
#include "s3pager/xml/detail/markup.hpp"
#include "s3pager/xml/xml_error.hpp"

namespace s3pager::xml::detail {

/// Nodes and attributes. A real object has 6 to 14 nodes, and with 14 is so long that 4 MiB of such objects have fewer than this.
inline constexpr std::size_t max_markup = 128 * 1024;

inline constexpr std::size_t max_depth = 16;

/// What names are made of, for pugixml and for us.
enum name_character : std::uint8_t {
  in_names = 1,
  begins_names = 2,  // digits, '-' and '.' do not
  splits_names = 4,  // a prefix from the local name
};

[[nodiscard]] constexpr std::array<std::uint8_t, 256> name_characters() noexcept {
  std::array<std::uint8_t, 256> kinds{};
  for (std::size_t c = 0; c < kinds.size(); ++c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (letter || c == '_' || c == ':' || c >= 128) kinds[c] = in_names | begins_names;
    else if ((c >= '0' && c <= '9') || c == '-' || c == '.') kinds[c] = in_names;
    if (c == ':') kinds[c] |= splits_names;
  }
  return kinds;
}
inline constexpr std::array<std::uint8_t, 256> kinds_of_characters = name_characters();

[[nodiscard]] inline std::uint8_t kind_of(char c) noexcept { return kinds_of_characters[static_cast<unsigned char>(c)]; }
[[nodiscard]] inline bool begins_name(char c) noexcept { return (kind_of(c) & begins_names) != 0; }

/// Writes the UTF-8 of a code point up to U+10FFFF to `out`, and returns the end of it.
[[nodiscard]] inline char* write_utf8(char* out, std::uint32_t code) noexcept {
  const auto put = [&out](std::uint32_t byte) { *out++ = static_cast<char>(static_cast<unsigned char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | code >> 6);
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3F));
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  }
  return out;
}

/// Puts what the references in `text` stand for in their place; `text` is then what remains. Entities that nobody has declared
/// stay as they are. False, with the bytes partly changed, if there is a reference to what is no character.
[[nodiscard]] inline bool decode_references(std::span<char>& text) noexcept {
  struct entity {
    std::string_view name;
    char character;
  };
  static constexpr std::array<entity, 5> entities{{{"quot;", '"'}, {"amp;", '&'}, {"lt;", '<'}, {"gt;", '>'}, {"apos;", '\''}}};

  std::string_view rest{text.data(), text.size()};
  char* out = text.data();
  for (;;) {
    const std::size_t plain = std::min(rest.find('&'), rest.size());
    if (plain > 0) {
      if (out != rest.data()) std::memmove(out, rest.data(), plain);
      out += plain;
      rest.remove_prefix(plain);
    }
    if (rest.empty()) break;
    rest.remove_prefix(1);
    char made = '&';
    if (rest.starts_with('#')) {
      std::uint32_t code = 0;
      const std::size_t size = read_character_reference(rest.substr(1), code);
      if (size == 0) return false;
      rest.remove_prefix(1 + size);
      out = write_utf8(out, code);
      continue;
    }
    for (const entity& each : entities) {
      if (!rest.starts_with(each.name)) continue;
      made = each.character;
      rest.remove_prefix(each.name.size());
      break;
    }
    *out++ = made;
  }
  text = text.first(static_cast<std::size_t>(out - text.data()));
  return true;
}

/// Goes through a document from element to element. Once it has failed, everything ends: error() need only be asked for in the
/// end. Never looks beyond the body, and keeps nothing but the names of the elements that are open.
class scanner {
 public:
  /// Of a body that outlives it, which it changes: texts are decoded where they stand. No NUL may be in it.
  explicit scanner(std::span<char> body) noexcept : at_(body.data()), end_(body.data() + body.size()) {
    // Behind it, names and white space are looked through without asking for the end: this is neither.
    while (at_ != end_ && is_space(end_[-1])) --end_;
    if (at_ == end_ || end_[-1] != '>') fail(xml_errc::malformed);
  }
  scanner(const scanner&) = delete;
  scanner& operator=(const scanner&) = delete;

  [[nodiscard]] std::error_code error() const noexcept { return error_; }

  /// The first step: enters the root. False if that fails.
  [[nodiscard]] bool enter_root() noexcept {
    if (std::string_view(at_, end_).starts_with("\xEF\xBB\xBF")) at_ += 3;
    if (!pass_miscellany()) return false;
    return at_ != end_ && *at_ == '<' ? enter() : fail(xml_errc::malformed);
  }

  /// Enters the next child of the element that it is in; or leaves that one, if there is none, and returns false.
  [[nodiscard]] bool next_child() noexcept {
    if (error_) return false;
    if (std::exchange(is_empty_, false)) {
      close();
      return false;
    }
    const char* const tag = pass_to_tag();
    if (tag == nullptr) return false;
    if (tag[1] != '/') return enter();
    leave();
    return false;
  }

  /// The local name of the element that was entered last.
  [[nodiscard]] std::string_view local_name() const noexcept { return local_name_; }

  /// Leaves the element that was entered last, which holds nothing but this text. False if it holds markup.
  [[nodiscard]] bool read_text(std::string_view& text) noexcept {
    text = {};
    if (error_) return false;
    if (std::exchange(is_empty_, false)) {
      close();
      return true;
    }
    char* const mark = find('<');
    if (mark == nullptr) return false;
    if (mark[1] != '/') return read_marked_text(text);
    const std::span<char> value{at_, mark};
    at_ = mark;
    return leave() && decode(value, text);
  }

  /// Leaves the element that was entered last, whatever it holds.
  void skip() noexcept {
    for (const std::size_t level = depth_; depth_ >= level && !error_;) static_cast<void>(next_child());
  }

  /// The last step, when the root has been left: false unless nothing of importance follows.
  [[nodiscard]] bool finish() noexcept {
    if (error_ || !pass_miscellany()) return false;
    return at_ == end_ || fail(xml_errc::malformed);
  }

 private:
  enum class kind : std::uint8_t { text, comment, section, instruction, declaration };

  /// What has been passed in the element that it is in. As for pugixml, the first text is the element's value if no node is
  /// before it; any other is a node.
  struct content {
    std::span<char> value = {};
    std::size_t nodes = 0;
    kind last = kind::text;              // of the nodes
    std::string_view last_text = {};     // of a section
  };

  bool fail(xml_errc why) noexcept {
    if (!error_) error_ = why;
    at_ = end_;
    return false;
  }

  /// The next `what`; null, with the failure noted, if there is none.
  [[nodiscard]] char* find(char what) noexcept {
    auto* const found = static_cast<char*>(std::memchr(at_, what, static_cast<std::size_t>(end_ - at_)));
    if (found == nullptr) fail(xml_errc::malformed);
    return found;
  }

  bool count_markup() noexcept { return ++markup_ <= max_markup || fail(xml_errc::too_large); }
  /// Of what pugixml makes a node.
  bool count_node() noexcept { return count_markup() && (depth_ < max_depth || fail(xml_errc::too_deep)); }

  bool check_references(std::string_view text) noexcept { return has_good_references(text) || fail(xml_errc::malformed); }

  bool decode(std::span<char> value, std::string_view& text) noexcept {
    if (!decode_references(value)) return fail(xml_errc::malformed);
    text = {value.data(), value.size()};
    return true;
  }

  /// Up to the next start tag or end tag, where it stands then; null if there is none.
  [[nodiscard]] char* pass_to_tag() noexcept {
    for (;;) {
      // Between elements there is mostly nothing, which is seen in less time.
      char* const mark = at_ != end_ && *at_ == '<' ? at_ : find('<');
      if (mark == nullptr || (mark != at_ && !pass_text(mark))) return nullptr;
      if (mark[1] != '!' && mark[1] != '?') return mark;
      if (!pass_other()) return nullptr;
    }
  }

  /// Text up to `mark`.
  bool pass_text(char* mark) noexcept {
    const std::span<char> run{at_, mark};
    const std::string_view text{run.data(), run.size()};
    at_ = mark;
    // White space is kept where it is all of a value.
    if (skip_space(text).empty() && (mark[1] != '/' || inside_.nodes > 0)) return true;
    if (!check_references(text)) return false;
    if (inside_.nodes == 0 && inside_.value.empty()) {
      inside_.value = run;
      return true;
    }
    ++inside_.nodes;
    inside_.last = kind::text;
    return count_node();
  }

  static void pass_space(char*& at) noexcept {
    while (is_space(*at)) ++at;
  }
  /// Returns all that its characters are.
  static unsigned pass_name(char*& at) noexcept {
    unsigned seen = 0;
    for (unsigned kind = kind_of(*at); kind != 0; kind = kind_of(*++at)) seen |= kind;
    return seen;
  }

  /// From the '<' of a start tag.
  bool enter() noexcept {
    char* at = at_ + 1;
    char* const name = at;
    if (!begins_name(*name)) return fail(xml_errc::malformed);
    const unsigned seen = pass_name(at);
    if (!count_node()) return false;
    const std::string_view whole(name, at);
    local_name_ = (seen & splits_names) != 0 ? detail::local_name(whole) : whole;
    open_[depth_++] = whole;
    inside_.value = {};
    inside_.nodes = 0;
    if (is_space(*at) && !pass_attributes(at)) return false;
    if (*at == '/') {
      ++at;
      is_empty_ = true;
    }
    if (*at != '>') return fail(xml_errc::malformed);
    at_ = at + 1;
    return true;
  }

  bool pass_attributes(char*& at) noexcept {
    for (;;) {
      pass_space(at);
      if (!begins_name(*at)) return true;
      if (!count_markup()) return false;
      pass_name(at);
      pass_space(at);
      if (*at != '=') return fail(xml_errc::malformed);
      ++at;
      pass_space(at);
      const char quote = *at;
      if (quote != '"' && quote != '\'') return fail(xml_errc::malformed);
      at_ = at + 1;
      char* const closing = find(quote);
      if (closing == nullptr || !check_references({at_, closing})) return false;
      at = closing + 1;
      if (begins_name(*at)) return fail(xml_errc::malformed);
    }
  }

  /// From the '<' of an end tag.
  bool leave() noexcept {
    const std::string_view name = open_[depth_ - 1];
    const std::string_view rest(at_ + 2, end_);
    if (rest.size() <= name.size() || std::memcmp(rest.data(), name.data(), name.size()) != 0) return fail(xml_errc::malformed);
    char* at = at_ + 2 + name.size();
    if (*at != '>') {
      pass_space(at);
      if (*at != '>') return fail(xml_errc::malformed);
    }
    at_ = at + 1;
    close();
    return true;
  }
  void close() noexcept {
    --depth_;
    inside_.nodes = 2;  // with the element that was left: whatever they are, no lone section
  }

  /// A comment, a section or an instruction, from its '<'.
  bool pass_other() noexcept {
    const std::string_view rest(at_, end_);
    kind what = kind::comment;
    std::size_t begin = 0;
    std::string_view closing;
    if (rest.starts_with("<!--")) {
      begin = 4;
      closing = "-->";
    } else if (rest.starts_with("<![CDATA[")) {
      what = kind::section;
      begin = 9;
      closing = "]]>";
    } else if (rest.starts_with("<?") && begins_name(rest[2])) {
      char* at = at_ + 2;
      pass_name(at);
      what = equals_ignoring_case({at_ + 2, at}, "xml") ? kind::declaration : kind::instruction;
      if (what == kind::instruction && !is_space(*at) && (at[0] != '?' || at[1] != '>')) return fail(xml_errc::malformed);
      begin = static_cast<std::size_t>(at - at_);
      closing = "?>";
    } else {
      return fail(xml_errc::malformed);
    }
    const std::size_t end = rest.find(closing, begin);
    if (end == std::string_view::npos) return fail(xml_errc::malformed);
    const std::string_view text = rest.substr(begin, end - begin);
    at_ += end + closing.size();
    if (!check_references(text)) return false;
    // Wherever a declaration stands, pugixml makes nothing of it.
    if (what == kind::declaration) return count_markup();
    ++inside_.nodes;
    inside_.last = what;
    inside_.last_text = text;
    return count_node();
  }

  /// What may come before the root and behind it.
  bool pass_miscellany() noexcept {
    for (;;) {
      if (error_) return false;
      while (at_ != end_ && is_space(*at_)) ++at_;
      const std::string_view rest(at_, end_);
      if (!rest.starts_with("<!--") && !rest.starts_with("<?")) return true;
      if (!pass_other()) return false;
    }
  }

  /// The rare rest of read_text(): a value may be one section, and white space around that is none of it.
  [[nodiscard]] bool read_marked_text(std::string_view& text) noexcept {
    for (;;) {
      const char* const tag = pass_to_tag();
      if (tag == nullptr) return false;
      if (tag[1] == '/') break;
      if (!enter()) return false;
      skip();
      if (error_) return false;
    }
    const content seen = inside_;
    if (!leave()) return false;
    if (seen.nodes == 0) return decode(seen.value, text);
    if (seen.nodes > 1 || seen.last != kind::section || !seen.value.empty()) return false;
    text = seen.last_text;
    return true;
  }

  char* at_;
  char* end_;
  std::array<std::string_view, max_depth> open_{};
  std::size_t depth_ = 0;
  std::string_view local_name_;
  std::size_t markup_ = 0;
  bool is_empty_ = false;  // the element that was entered last ended itself
  content inside_;
  std::error_code error_;
};

}  // namespace s3pager::xml::detail
