// Credentials as metadata services, programs and the SSO portal write them in JSON. No I/O; no value is repeated in a message.
// https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "s3pager/aws/credentials.hpp"
#include "s3pager/aws/json.hpp"
#include "s3pager/base/checked_setting.hpp"
#include "s3pager/base/clock.hpp"
#include "s3pager/base/timestamp.hpp"
#include "s3pager/base/visible_text.hpp"

namespace s3pager::aws {

namespace detail {

inline constexpr std::size_t max_credential_bytes = 32 * 1024;  // session tokens are up to a few KiB

/// Takes members of a JSON object, and keeps the first thing that is wrong with one.
class member_reader {
 public:
  member_reader(const json_object& from, std::string_view where) : from_(from), where_(where) {}

  [[nodiscard]] std::string_view needed(const char* name) {
    const auto found = from_.text(name);
    if (!found || found->empty()) return wrong(name, "is missing, empty or no text");
    return checked(name, *found);
  }
  [[nodiscard]] std::string_view optional(const char* name) {
    const auto found = from_.text(name);
    return found ? checked(name, *found) : std::string_view();
  }
  [[nodiscard]] std::optional<wall_time> optional_time(const char* name) {
    const auto text = from_.text(name);
    if (!text || text->empty()) return std::nullopt;
    const auto time = parse_timestamp(*text);
    // No time, as some programs write it, and a time that never comes, or is later than times here can be.
    if (!time && (text->starts_with("0001-01-01T") || (text->size() >= 20 && *text > "2262" && *text < ":"))) return std::nullopt;
    if (!time) wrong(name, "is no time as in RFC 3339");
    return time;
  }
  std::string_view wrong(const char* name, std::string_view what) {
    if (message_.empty()) message_ = std::string(where_) + ": " + name + " " + std::string(what);
    return {};
  }
  [[nodiscard]] const std::string& message() const noexcept { return message_; }

 private:
  [[nodiscard]] std::string_view checked(const char* name, std::string_view text) {
    if (text.size() > max_credential_bytes) return wrong(name, "is longer than 32 KiB");
    if (!all_visible(text)) {
      if (message_.empty()) message_ = std::string(where_) + ": " + not_visible_message(name);
      return {};
    }
    return text;
  }

  const json_object& from_;
  std::string_view where_;
  std::string message_;
};

struct credential_names {
  const char* access_key_id;
  const char* secret_access_key;
  const char* session_token;
  const char* expiration;
  bool temporary;  ///< the token must be there
};

[[nodiscard]] inline checked_setting<credentials> read_credentials(const json_object& from, std::string_view where,
                                                                   const credential_names& names) {
  member_reader members(from, where);
  credentials made{.access_key_id = std::string(members.needed(names.access_key_id)),
                   .secret_access_key = members.needed(names.secret_access_key),
                   .session_token = names.temporary ? members.needed(names.session_token) : members.optional(names.session_token),
                   .expiration = names.expiration != nullptr ? members.optional_time(names.expiration) : std::nullopt};
  if (!members.message().empty()) return checked_setting<credentials>::failure(members.message());
  return made;
}

}  // namespace detail

/// A code and a message of an answer that tells of a failure in JSON, as IMDS, containers' endpoints, SSO and OIDC do; 200 bytes at
/// most. Empty if it is no such answer, or tells of success.
[[nodiscard]] inline std::string service_error_words(std::string_view body) {
  const auto parsed = json_object::parse(body, "the answer");
  if (!parsed) return {};
  const auto first_of = [&](std::initializer_list<const char*> names) {
    for (const char* const name : names)
      if (const auto found = parsed.value().text(name); found && !found->empty()) return *found;
    return std::string_view();
  };
  const std::string_view code = first_of({"Code", "code", "__type", "error"});
  const std::string_view message = first_of({"Message", "message", "error_description"});
  if (code == "Success") return {};
  std::string words(code.substr(0, 80));
  if (!code.empty() && !message.empty()) words += ": ";
  words += message.substr(0, 200 - words.size());
  return words;
}

/// What IMDS and containers' endpoints answer: AccessKeyId, SecretAccessKey, Token, Expiration; IMDS has a Code as well, which tells
/// of failures under the status 200. `where` names the service: "the instance metadata service".
/// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html
[[nodiscard]] inline checked_setting<credentials> parse_metadata_credentials(std::string_view json, std::string_view where) {
  using result = checked_setting<credentials>;
  const std::string what = "the answer of " + std::string(where);
  auto parsed = json_object::parse(json, what);
  if (!parsed) return result::failure(parsed.message());
  if (const auto code = parsed.value().text("Code"); code && *code != "Success")
    return result::failure(std::string(where) + " has no credentials: " + service_error_words(json));
  return detail::read_credentials(parsed.value(), what, {"AccessKeyId", "SecretAccessKey", "Token", "Expiration", true});
}

/// What a credential_process writes: Version 1, AccessKeyId, SecretAccessKey, SessionToken and Expiration if they are temporary.
/// https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
[[nodiscard]] inline checked_setting<credentials> parse_process_credentials(std::string_view json) {
  using result = checked_setting<credentials>;
  constexpr std::string_view where = "the output of credential_process";
  auto parsed = json_object::parse(json, where);
  if (!parsed) return result::failure(parsed.message());
  if (parsed.value().integer("Version") != 1) return result::failure(std::string(where) + ": Version is not 1, the one that is known");
  return detail::read_credentials(parsed.value(), where, {"AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration", false});
}

/// What the SSO portal answers to GetRoleCredentials; its expiration is in milliseconds since 1970.
/// https://docs.aws.amazon.com/singlesignon/latest/PortalAPIReference/API_GetRoleCredentials.html
[[nodiscard]] inline checked_setting<credentials> parse_sso_role_credentials(std::string_view json) {
  using result = checked_setting<credentials>;
  constexpr std::string_view where = "the answer of the SSO portal";
  auto parsed = json_object::parse(json, where);
  if (!parsed) return result::failure(parsed.message());
  const auto within = parsed.value().object("roleCredentials");
  if (!within) return result::failure(std::string(where) + ": roleCredentials is missing or no object");
  auto made = detail::read_credentials(*within, where, {"accessKeyId", "secretAccessKey", "sessionToken", nullptr, true});
  if (!made) return made;
  constexpr std::int64_t most = std::chrono::milliseconds(std::chrono::years(290)).count();  // nanoseconds hold no more
  const auto expiration = within->integer("expiration");
  if (!expiration || *expiration <= 0 || *expiration > most)
    return result::failure(std::string(where) + ": expiration is missing, or no number of milliseconds since 1970");
  credentials given = std::move(made).value();
  given.expiration = wall_time(std::chrono::milliseconds(*expiration));
  return given;
}

}  // namespace s3pager::aws
