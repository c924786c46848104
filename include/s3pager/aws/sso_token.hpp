// The token that `aws sso login` leaves for AWS's tools, and its renewal. No I/O; no value is repeated in a message.
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-sso-credentials.html
#pragma once

#include <jansson.h>
#include <openssl/evp.h>
#include <string.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "s3pager/aws/credential_answers.hpp"
#include "s3pager/aws/json.hpp"
#include "s3pager/base/bytes.hpp"
#include "s3pager/base/checked_setting.hpp"
#include "s3pager/base/clock.hpp"
#include "s3pager/base/secret.hpp"
#include "s3pager/base/timestamp.hpp"

namespace s3pager::aws {

/// The token that `aws sso login` has left, with what a new one can be had by, of an sso-session alone.
struct sso_token {
  secret access_token = {};
  wall_time expires_at = {};
  secret refresh_token = {};  ///< empty: no new one can be had without a login
  std::string client_id = {};
  secret client_secret = {};
  std::optional<wall_time> registration_expires_at = {};
};

/// Reads the file of `~/.aws/sso/cache`. `where` names it in messages.
[[nodiscard]] inline checked_setting<sso_token> parse_sso_token(std::string_view json, std::string_view where) {
  using result = checked_setting<sso_token>;
  auto parsed = json_object::parse(json, where);
  if (!parsed) return result::failure(parsed.message());
  detail::member_reader members(parsed.value(), where);
  sso_token made{.access_token = members.needed("accessToken"),
                 .refresh_token = members.optional("refreshToken"),
                 .client_id = std::string(members.optional("clientId")),
                 .client_secret = members.optional("clientSecret"),
                 .registration_expires_at = members.optional_time("registrationExpiresAt")};
  const auto expires_at = members.optional_time("expiresAt");
  if (!expires_at) members.wrong("expiresAt", "is missing");
  if (!members.message().empty()) return result::failure(members.message());
  made.expires_at = *expires_at;
  return made;
}

/// What SSO's OIDC answers to CreateToken.
/// https://docs.aws.amazon.com/singlesignon/latest/OIDCAPIReference/API_CreateToken.html
struct sso_new_token {
  secret access_token = {};
  std::chrono::seconds expires_in{0};
  secret refresh_token = {};  ///< empty: the one before goes on
};

[[nodiscard]] inline checked_setting<sso_new_token> parse_sso_new_token(std::string_view json) {
  using result = checked_setting<sso_new_token>;
  constexpr std::string_view where = "the answer of the SSO's token service";
  auto parsed = json_object::parse(json, where);
  if (!parsed) return result::failure(parsed.message());
  detail::member_reader members(parsed.value(), where);
  sso_new_token made{.access_token = members.needed("accessToken"), .refresh_token = members.optional("refreshToken")};
  const auto expires_in = parsed.value().integer("expiresIn");
  if (!expires_in || *expires_in <= 0 || *expires_in > 366 * 86400)
    members.wrong("expiresIn", "is missing, or no number of seconds of a year at most");
  if (!members.message().empty()) return result::failure(members.message());
  made.expires_in = std::chrono::seconds(*expires_in);
  return made;
}

/// The name of the file in the cache: the SHA-1 of the sso-session's name, or of the start URL where a profile has no session, as
/// AWS's tools have it. Empty if OpenSSL has no SHA-1 here.
[[nodiscard]] inline std::string sso_cache_name(std::string_view session_or_start_url) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  if (EVP_Digest(session_or_start_url.data(), session_or_start_url.size(), digest.data(), &size, EVP_sha1(), nullptr) != 1) return {};
  std::string made(2 * std::size_t{size}, ' ');
  write_hex(std::span<const unsigned char>(digest).first(size), made.data());
  return made + ".json";
}

namespace detail {

/// `text`, or the object {} if that is empty, with these members set.
[[nodiscard]] inline std::optional<secret> with_members(std::string_view text,
                                                        std::initializer_list<std::pair<const char*, std::string_view>> members) {
  const std::unique_ptr<json_t, wiping_release> root(text.empty() ? ::json_object() : ::json_loadb(text.data(), text.size(), 0, nullptr));
  if (!json_is_object(root.get())) return std::nullopt;
  for (const auto& [name, value] : members)
    if (::json_object_set_new(root.get(), name, ::json_stringn(value.empty() ? "" : value.data(), value.size())) != 0) return std::nullopt;
  char* const written = ::json_dumps(root.get(), JSON_COMPACT);
  if (written == nullptr) return std::nullopt;
  secret made{std::string_view(written)};
  ::explicit_bzero(written, made.view().size());
  std::free(written);
  return made;
}

}  // namespace detail

/// The body of CreateToken for a new token.
[[nodiscard]] inline std::optional<secret> sso_renewal_request(const sso_token& token) {
  return detail::with_members({}, {{"clientId", token.client_id},
                                   {"clientSecret", token.client_secret.view()},
                                   {"grantType", "refresh_token"},
                                   {"refreshToken", token.refresh_token.view()}});
}

/// The cached file with a new token in it; all else stays.
[[nodiscard]] inline std::optional<secret> renewed_sso_cache(std::string_view json, const sso_token& token) {
  return detail::with_members(json, {{"accessToken", token.access_token.view()},
                                     {"expiresAt", format_timestamp(token.expires_at)},
                                     {"refreshToken", token.refresh_token.view()}});
}

}  // namespace s3pager::aws
