// Patterns that keys are held against. Knows no filters and no services; bytes are bytes, whatever their encoding.
#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3pager/base/checked_setting.hpp"

namespace s3pager {

/// A pattern that a whole text matches or not. `*` is any run of bytes without a slash, also an empty one, and `**` any run at all; `**/`
/// at the beginning or behind a slash is any number of directories, also none, as git has it: `a/**/b` matches `a/b`, `a/x/b` and
/// `a/x/y/b`. `?` is one byte but a slash; `[a-z_]` one of these, `[!a-z]` or `[^a-z]` one of no others, but neither ever a slash; within
/// a class, `]` may come first and `-` first or last. `\` takes the byte behind it for itself. Nothing else is special: a dot is a dot.
/// Whatever the pattern and the text, a match takes a time of at most the text's bytes times the pattern's parts by 64.
class glob {
 public:
  /// Longer patterns than keys can be are refused.
  static constexpr std::size_t max_parts = 1023;

  /// Or says what is wrong with the pattern, and at which of its bytes, counted from 0.
  [[nodiscard]] static checked_setting<glob> parse(std::string_view pattern) {
    reader from(pattern);
    if (!from.read()) return checked_setting<glob>::failure(std::move(from.wrong));
    return glob(from.parts);
  }

  [[nodiscard]] bool matches(std::string_view text) const noexcept {
    // All places in the pattern that what was read so far can have come to, so that nothing is ever read again.
    state_set now{};
    now[0] = 1;
    skip_optional(now);
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      const std::uint64_t* const advance = &advance_[byte * words_];
      const std::uint64_t* const stay = &stay_[byte == '/' ? words_ : 0];
      state_set moved{};
      for (std::size_t i = 0; i < words_; ++i) moved[i] = now[i] & advance[i];
      shift(moved);
      skip_optional(moved);
      std::uint64_t any = 0;
      for (std::size_t i = 0; i < words_; ++i) any |= now[i] = moved[i] | (now[i] & stay[i]);
      if (any == 0) return false;
    }
    return (now[parts_ / 64] >> (parts_ % 64) & 1) != 0;
  }

 private:
  using byte_set = std::bitset<256>;
  enum class kind : std::uint8_t { one_of, run, any_run, directories };
  struct part {
    kind what = kind::one_of;
    byte_set bytes = {};
  };

  struct reader {
    explicit reader(std::string_view pattern) noexcept : text(pattern) {}

    [[nodiscard]] bool read() {
      while (at < text.size()) {
        const char c = text[at];
        if (c == '*') {
          read_stars();
        } else if (c == '?') {
          ++at;
          add(kind::one_of, byte_set().set().reset('/'));
        } else if (c == '[') {
          if (!read_class()) return false;
        } else {
          unsigned char byte = 0;
          if (!read_byte(byte)) return false;
          add(kind::one_of, byte_set().set(byte));
          at_name = byte == '/';
        }
        if (parts.size() > max_parts) return fail("the pattern has more than " + std::to_string(max_parts) + " parts");
      }
      return true;
    }

    void read_stars() {
      const std::size_t begin = at;
      while (at < text.size() && text[at] == '*') ++at;
      const bool directories_before = !parts.empty() && parts.back().what == kind::directories;
      if (at - begin == 1) {
        add(kind::run);
      } else if (at_name && at < text.size() && text[at] == '/') {
        ++at;
        if (!directories_before) add(kind::directories);
        at_name = true;
      } else {
        // Directories and whatever follows are whatever follows.
        if (directories_before) parts.pop_back();
        add(kind::any_run);
      }
    }

    [[nodiscard]] bool read_class() {
      const std::size_t begin = at++;
      const auto unclosed = [&] { return fail("the class at offset " + std::to_string(begin) + " is not closed by ]"); };
      const bool inverted = at < text.size() && (text[at] == '!' || text[at] == '^');
      if (inverted) ++at;
      byte_set bytes;
      for (const std::size_t first = at;; ) {
        if (at == text.size()) return unclosed();
        if (text[at] == ']' && at != first) break;
        if (text[at] == '[' && at + 1 < text.size() && std::string_view(":.=").find(text[at + 1]) != std::string_view::npos)
          return fail("names of classes, as at offset " + std::to_string(at) + ", are not understood");
        const std::size_t from_at = at;
        unsigned char from = 0;
        if (!read_byte(from)) return false;
        unsigned char to = from;
        if (at + 1 < text.size() && text[at] == '-' && text[at + 1] != ']') {
          ++at;
          if (!read_byte(to)) return false;
        }
        if (to < from) return fail("the range at offset " + std::to_string(from_at) + " ends before it begins");
        for (unsigned each = from; each <= to; ++each) bytes.set(each);
      }
      ++at;
      if (inverted) bytes.flip();
      add(kind::one_of, bytes.reset('/'));
      return true;
    }

    /// A byte that stands for itself, or is made to.
    [[nodiscard]] bool read_byte(unsigned char& byte) {
      if (text[at] == '\\' && ++at == text.size())
        return fail("the \\ at offset " + std::to_string(at - 1) + " has nothing behind it");
      byte = static_cast<unsigned char>(text[at++]);
      return true;
    }

    void add(kind what, const byte_set& bytes = {}) {
      parts.push_back({what, bytes});
      at_name = false;
    }
    [[nodiscard]] bool fail(std::string why) {
      wrong = std::move(why);
      return false;
    }

    std::string_view text;
    std::size_t at = 0;
    bool at_name = true;  // at the beginning, or behind a slash
    std::vector<part> parts;
    std::string wrong;
  };

  static constexpr std::size_t max_words = (max_parts + 1) / 64;
  using state_set = std::array<std::uint64_t, max_words>;  // bit n: the first n parts are matched

  explicit glob(const std::vector<part>& parts)
      : parts_(parts.size()), words_(parts_ / 64 + 1), advance_(256 * words_), stay_(2 * words_), optional_(words_) {
    for (std::size_t i = 0; i < parts_; ++i) {
      const part& each = parts[i];
      const std::size_t word = i / 64;
      const std::uint64_t bit = std::uint64_t{1} << (i % 64);
      for (std::size_t byte = 0; byte < 256; ++byte)
        if (goes_on(each, byte)) advance_[byte * words_ + word] |= bit;
      if (each.what == kind::one_of) continue;
      optional_[word] |= bit;
      stay_[word] |= bit;
      if (each.what != kind::run) stay_[words_ + word] |= bit;
    }
  }

  /// Whether a part may end with this byte.
  [[nodiscard]] static bool goes_on(const part& what, std::size_t byte) noexcept {
    switch (what.what) {
      case kind::one_of: return what.bytes[byte];
      case kind::run: return byte != '/';
      case kind::any_run: return true;
      case kind::directories: return byte == '/';
    }
    return false;
  }

  void shift(state_set& states) const noexcept {
    for (std::size_t i = words_; i-- > 1;) states[i] = states[i] << 1 | states[i - 1] >> 63;
    states[0] <<= 1;
  }
  /// Whoever comes to a part that may be empty is behind it as well. No more than two of them follow each other.
  void skip_optional(state_set& states) const noexcept {
    for (int times = 0; times < 2; ++times) {
      state_set behind{};
      for (std::size_t i = 0; i < words_; ++i) behind[i] = states[i] & optional_[i];
      shift(behind);
      for (std::size_t i = 0; i < words_; ++i) states[i] |= behind[i];
    }
  }

  std::size_t parts_;
  std::size_t words_;
  std::vector<std::uint64_t> advance_;   // of each byte: the parts that may end with it
  std::vector<std::uint64_t> stay_;      // the parts that may go on behind any byte but a slash; behind a slash
  std::vector<std::uint64_t> optional_;  // the parts that may be empty
};

}  // namespace s3pager
