// The files that AWS's tools share, ~/.aws/config and ~/.aws/credentials: what is in them, as the AWS CLI reads them. No I/O; knows not
// what a setting means.
// https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
#pragma once

#include <string.h>

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "s3pager/base/bytes.hpp"
#include "s3pager/base/checked_setting.hpp"
#include "s3pager/base/secret.hpp"
#include "s3pager/base/shell_words.hpp"

namespace s3pager::aws {

/// The settings of one section: a name in lower case, a value without blanks around it. A value may be a secret.
class profile_section {
 public:
  std::size_t line = 0;  ///< where it begins

  /// Nothing: it isn't there. Empty: it is, without a value. A view lives as long as the section, unless it is set again.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const {
    const auto found = values_.find(name);
    if (found == values_.end()) return std::nullopt;
    return found->second.view();
  }
  /// Of a setting that has settings of its own (`s3 =`, then indented lines): the inner one's value.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name, std::string_view inner) const {
    const auto found = nested_.find(name);
    if (found == nested_.end()) return std::nullopt;
    const auto value = found->second.find(inner);
    if (value == found->second.end()) return std::nullopt;
    return std::string_view(value->second);
  }
  [[nodiscard]] bool has(std::string_view name) const { return values_.contains(name); }

  void set(std::string name, secret value) { values_.insert_or_assign(std::move(name), std::move(value)); }
  void set_inner(const std::string& name, std::string inner, std::string value) {
    nested_[name].insert_or_assign(std::move(inner), std::move(value));
  }

 private:
  std::map<std::string, secret, std::less<>> values_;
  std::map<std::string, std::map<std::string, std::string, std::less<>>, std::less<>> nested_;
};

using section_map = std::map<std::string, profile_section, std::less<>>;

/// What is in both files.
struct profile_files {
  section_map config_profiles = {};      ///< `[default]`, `[profile NAME]` of the config file
  section_map sso_sessions = {};         ///< `[sso-session NAME]` of the config file
  section_map services = {};             ///< `[services NAME]` of the config file
  section_map credentials_profiles = {};  ///< `[NAME]` of the credentials file

  [[nodiscard]] bool has_profile(std::string_view name) const {
    return config_profiles.contains(name) || credentials_profiles.contains(name);
  }
  /// Of a profile, the credentials file before the config file.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view profile, std::string_view name) const {
    for (const section_map* const file : {&credentials_profiles, &config_profiles})
      if (const auto found = file->find(profile); found != file->end())
        if (const auto value = found->second.find(name)) return value;
    return std::nullopt;
  }
};

namespace detail {

[[nodiscard]] constexpr bool is_blank(char c) noexcept { return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f'; }

[[nodiscard]] constexpr std::string_view without_blanks(std::string_view text) noexcept {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

/// Reads one file into sections by the text between their brackets. The rules are those of Python's configparser, by which the CLI
/// reads: a line that begins with # or ; is a comment, and nothing at the end of one; a line that is indented deeper than its setting
/// goes on with the value; what is written twice is an error.
class profile_parser {
 public:
  explicit profile_parser(std::string_view file) : file_(file) {}

  [[nodiscard]] checked_setting<section_map> parse(std::string_view text) {
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    while (!text.empty() && message_.empty()) {
      ++line_;
      const std::size_t end = text.find('\n');
      read_line(text.substr(0, end));
      text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    end_setting();
    if (!message_.empty()) return checked_setting<section_map>::failure(message_);
    return std::move(sections_);
  }

 private:
  void wrong(std::string_view what) { wrong(line_, what); }
  void wrong(std::size_t line, std::string_view what) {
    if (message_.empty()) message_ = std::string(file_) + ", line " + std::to_string(line) + ": " + std::string(what);
  }

  void read_line(std::string_view whole) {
    if (whole.find('\0') != std::string_view::npos) return wrong("a NUL");
    const std::string_view line = without_blanks(whole);
    if (line.starts_with('#') || line.starts_with(';')) return;
    if (line.empty()) return;
    const auto indent = static_cast<std::size_t>(line.data() - whole.data());
    if (setting_ && indent > indent_) return go_on(line);
    indent_ = indent;
    end_setting();
    // As configparser has it: what comes after the last bracket is passed over.
    if (const std::size_t bracket = line.rfind(']'); line.front() == '[' && bracket != std::string_view::npos && bracket > 1)
      return begin_section(line.substr(1, bracket - 1));
    const std::size_t at = line.find_first_of("=:");
    if (line.front() == '[' && at == std::string_view::npos) return wrong("a [section] has no name, or is not closed by ]");
    if (section_ == nullptr) return wrong("a setting before the first [section]");
    if (at == std::string_view::npos) return wrong("neither a [section] nor a setting (name = value)");
    std::string name(without_blanks(line.substr(0, at)));
    if (name.empty()) return wrong("a value without a name");
    for (char& c : name) c = ascii_lower(c);
    if (section_->has(name)) return wrong(name + " is set twice in its section");
    begin_setting(std::move(name), without_blanks(line.substr(at + 1)));
  }

  void begin_section(std::string_view header) {
    const auto [at, is_new] = sections_.try_emplace(std::string(header));
    if (!is_new) return wrong("the section [" + std::string(header) + "] is there twice");
    section_ = &at->second;
    section_->line = line_;
  }
  void begin_setting(std::string name, std::string_view value) {
    section_->set(name, {});  // there from now on: it can't be set again
    setting_ = std::move(name);
    value_ = value;
    has_inner_ = value.empty();
  }
  void go_on(std::string_view line) {
    (value_ += '\n') += line;
    if (!has_inner_) return;
    const std::size_t at = line.find('=');
    if (at == std::string_view::npos) return wrong("a setting within " + *setting_ + " without a value (name = value)");
    section_->set_inner(*setting_, std::string(without_blanks(line.substr(0, at))), std::string(without_blanks(line.substr(at + 1))));
  }
  void end_setting() {
    if (!setting_) return;
    section_->set(*setting_, value_);
    ::explicit_bzero(value_.data(), value_.size());
    setting_.reset();
  }

  std::string_view file_;
  section_map sections_;
  profile_section* section_ = nullptr;
  std::optional<std::string> setting_;  // that the next lines may go on with
  std::string value_;                   // of it, so far
  bool has_inner_ = false;
  std::size_t indent_ = 0;
  std::size_t line_ = 0;
  std::string message_;
};

}  // namespace detail

/// Longer files are refused.
inline constexpr std::size_t max_profile_file_bytes = std::size_t{4} << 20;

/// Reads both files; a text is empty if there is no such file. The names are those of the files, for messages:
/// `/home/u/.aws/config, line 7: ...`, which repeat names, never a value.
[[nodiscard]] inline checked_setting<profile_files> parse_profile_files(std::string_view config, std::string_view config_name,
                                                                        std::string_view credentials, std::string_view credentials_name) {
  using result = checked_setting<profile_files>;
  profile_files made;
  detail::profile_parser config_parser(config_name);
  auto config_sections = config_parser.parse(config);
  if (!config_sections) return result::failure(config_sections.message());
  section_map all = std::move(config_sections).value();
  for (auto& [header, section] : all) {
    auto words = shell_words(header);
    if (header == "default") words = {"profile", header};
    if (!words || words->size() != 2) continue;
    section_map* const kind = words->front() == "profile"       ? &made.config_profiles
                              : words->front() == "sso-session" ? &made.sso_sessions
                              : words->front() == "services"    ? &made.services
                                                                : nullptr;
    if (kind == nullptr) continue;
    // The same name in two spellings ([default], [profile default]): the later one counts, whole.
    profile_section& kept = (*kind)[words->back()];
    if (kept.line < section.line) kept = std::move(section);
  }
  detail::profile_parser credentials_parser(credentials_name);
  auto credentials_sections = credentials_parser.parse(credentials);
  if (!credentials_sections) return result::failure(credentials_sections.message());
  made.credentials_profiles = std::move(credentials_sections).value();
  return made;
}

}  // namespace s3pager::aws
