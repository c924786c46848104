// Credentials of a role by IAM Identity Center (SSO), for the token that `aws sso login` has left. Knows no profile, and never logs in.
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-sso-credentials.html
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "s3pager/aws/credential_answers.hpp"
#include "s3pager/aws/credentials.hpp"
#include "s3pager/aws/sso_token.hpp"
#include "s3pager/base/clock.hpp"
#include "s3pager/base/counted.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/base/secret.hpp"
#include "s3pager/base/unique_fd.hpp"
#include "s3pager/base/uri_encoding.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/identity/provider.hpp"
#include "s3pager/identity/service_call.hpp"
#include "s3pager/identity/small_file.hpp"
#include "s3pager/net/control_driver.hpp"
#include "s3pager/net/control_message.hpp"
#include "s3pager/ring/offload.hpp"
#include "s3pager/ring/reactor.hpp"

namespace s3pager::identity {

struct sso_settings {
  std::string account_id = {};
  std::string role_name = {};
  std::string session = {};     ///< the sso-session's name; empty: none, and the token can't be renewed
  std::string start_url = {};
  std::string cache = {};       ///< the directory: ~/.aws/sso/cache
  std::string portal_url = {};  ///< without a path
  std::string oidc_url = {};    ///< likewise: who renews tokens
};

namespace detail {

/// Replaces a file by another of the same name, for its owner alone. Blocks.
[[nodiscard]] inline bool replace_private_file(const std::string& path, std::string_view text) {
  std::string beside = path + ".XXXXXX";
  const unique_fd fd(::mkostemp(beside.data(), O_CLOEXEC));  // 0600
  if (!fd) return false;
  bool good = true;
  while (good && !text.empty()) {
    const ssize_t wrote = ::write(fd.get(), text.data(), text.size());
    good = wrote > 0;
    if (good) text.remove_prefix(static_cast<std::size_t>(wrote));
  }
  good = good && std::rename(beside.c_str(), path.c_str()) == 0;
  if (!good) ::unlink(beside.c_str());
  return good;
}

}  // namespace detail

/// Asks the portal at each fetch. A token of an sso-session is renewed when a quarter of an hour of it is left, and kept in the cache,
/// as the other tools have but that one. A token that has run out is access_denied, with the command that gets another.
class sso_credentials final : public credentials_provider {
 public:
  sso_credentials(ref<net::control_driver> http, sso_settings settings) : http_(std::move(http)), settings_(std::move(settings)) {}

  [[nodiscard]] std::string_view name() const noexcept override { return "SSO"; }

  [[nodiscard]] task<std::optional<aws::credentials>> fetch(ring::reactor& loop) override {
    task<aws::sso_token> looking = token(loop);
    const aws::sso_token has = co_await std::move(looking);
    net::control_request what;
    what.limit = service_limit;
    what.url = settings_.portal_url + "/federation/credentials?role_name=";
    append_uri_encoded(what.url, settings_.role_name, slash::encode);
    what.url += "&account_id=";
    append_uri_encoded(what.url, settings_.account_id, slash::encode);
    what.headers.push_back({"x-amz-sso_bearer_token", has.access_token});
    task<net::control_answer> calling = call_service(loop, http_, portal, std::move(what), attempts);
    const net::control_answer answer = co_await std::move(calling);
    if (answer.status == 401)
      throw error(errc::access_denied, refusal(portal, "GetRoleCredentials", answer, {has.access_token.view()}).details().message +
                                           ": run `" + login() + "`");
    if (answer.status != 200) throw refusal(portal, "GetRoleCredentials", answer, {has.access_token.view()});
    auto parsed = aws::parse_sso_role_credentials(answer.body.view());
    if (!parsed) throw error(errc::protocol_violation, parsed.message());
    co_return std::move(parsed).value();
  }

 private:
  static constexpr const char* portal = "the SSO portal";
  static constexpr const char* token_service = "the SSO's token service";
  static constexpr std::uint32_t attempts = 3;
  static constexpr std::size_t max_cache_bytes = 256 * 1024;
  static constexpr duration renewed_before = std::chrono::minutes(15);

  [[nodiscard]] std::string login() const {
    return settings_.session.empty() ? "aws sso login" : "aws sso login --sso-session " + settings_.session;
  }

  [[nodiscard]] task<aws::sso_token> token(ring::reactor& loop) {
    const std::string file = aws::sso_cache_name(settings_.session.empty() ? settings_.start_url : settings_.session);
    if (file.empty()) throw error(errc::invalid_argument, "the SSO token can't be found: OpenSSL has no SHA-1 here");
    const std::string path = settings_.cache + "/" + file;
    task<cached_token> looking = cached(loop, path);
    cached_token found = co_await std::move(looking);
    aws::sso_token has = std::move(found.token);
    const wall_time now = loop.clock().wall();
    if (now < has.expires_at - renewed_before) co_return has;
    std::string why = "it has expired";
    if (renewable(has, now)) {
      std::optional<aws::sso_token> renewed;
      try {
        task<aws::sso_token> renewing = renew(loop, has);
        renewed = co_await std::move(renewing);
      } catch (const error& failed) {
        if (failed.code() == errc::cancelled) throw;
        why = failed.details().message;
      }
      if (renewed) {
        task<> keeping = keep(loop, path, aws::renewed_sso_cache(found.text.view(), *renewed));
        co_await std::move(keeping);
        co_return std::move(*renewed);
      }
      // A token renews once: whoever else has it, another thread of this program or the CLI, may have been faster.
      task<cached_token> again = cached(loop, path);
      cached_token theirs = co_await std::move(again);
      if (theirs.token.expires_at > has.expires_at) has = std::move(theirs.token);
    }
    if (now < has.expires_at) co_return has;
    throw error(errc::access_denied, "the SSO token of " + path + " is no good any more (" + why + "): run `" + login() + "`");
  }

  struct cached_token {
    secret text = {};  ///< of the file
    aws::sso_token token = {};
  };
  [[nodiscard]] task<cached_token> cached(ring::reactor& loop, std::string path) const {
    task<std::optional<secret>> reading = read_small_file(loop, "the SSO token file", path, max_cache_bytes, no_deadline);
    std::optional<secret> text = co_await std::move(reading);
    if (!text) throw error(errc::access_denied, "there is no SSO token (" + path + "): run `" + login() + "`");
    auto parsed = aws::parse_sso_token(text->view(), "the SSO token file " + path);
    if (!parsed) throw error(errc::invalid_argument, parsed.message() + ": run `" + login() + "`");
    cached_token made{std::move(*text), std::move(parsed).value()};
    co_return made;
  }

  [[nodiscard]] bool renewable(const aws::sso_token& has, wall_time now) const {
    return !settings_.session.empty() && !has.refresh_token.empty() && !has.client_id.empty() && !has.client_secret.empty() &&
           (!has.registration_expires_at || now < *has.registration_expires_at);
  }
  [[nodiscard]] task<aws::sso_token> renew(ring::reactor& loop, aws::sso_token has) {
    std::optional<secret> body = aws::sso_renewal_request(has);
    if (!body) throw error(errc::unavailable, "no memory for the renewal of the SSO token");
    net::control_request what;
    what.limit = service_limit;
    what.method = "POST";
    what.url = settings_.oidc_url + "/token";
    what.headers.push_back({"content-type", "application/json"});
    what.body = std::move(*body);
    task<net::control_answer> calling = call_service(loop, http_, token_service, std::move(what), 2);
    const net::control_answer answer = co_await std::move(calling);
    if (answer.status != 200) throw refusal(token_service, "CreateToken", answer, {has.refresh_token.view(), has.client_secret.view()});
    auto parsed = aws::parse_sso_new_token(answer.body.view());
    if (!parsed) throw error(errc::protocol_violation, parsed.message());
    aws::sso_new_token given = std::move(parsed).value();
    has.access_token = std::move(given.access_token);
    has.expires_at = loop.clock().wall() + given.expires_in;
    if (!given.refresh_token.empty()) has.refresh_token = std::move(given.refresh_token);
    co_return has;
  }
  /// For the other tools: a refresh token is good once. Where the cache can't be written they must log in anew.
  [[nodiscard]] task<> keep(ring::reactor& loop, std::string path, std::optional<secret> text) {
    if (!text) co_return;
    const auto writing = [path = std::move(path), text = std::move(*text)] { return detail::replace_private_file(path, text.view()); };
    static_cast<void>(co_await ring::offload(loop, no_deadline, writing));
  }

  ref<net::control_driver> http_;
  sso_settings settings_;
};

}  // namespace s3pager::identity
