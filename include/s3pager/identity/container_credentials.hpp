// Credentials of a container, from the endpoint that its environment names: ECS, EKS Pod Identity, and whatever speaks as they do.
// Knows no other source. https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "s3pager/aws/credentials.hpp"
#include "s3pager/base/authority.hpp"
#include "s3pager/base/bytes.hpp"
#include "s3pager/base/checked_setting.hpp"
#include "s3pager/base/clock.hpp"
#include "s3pager/base/counted.hpp"
#include "s3pager/base/environment.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/base/http_url.hpp"
#include "s3pager/base/secret.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/identity/provider.hpp"
#include "s3pager/identity/service_call.hpp"
#include "s3pager/identity/small_file.hpp"
#include "s3pager/net/control_driver.hpp"
#include "s3pager/net/control_message.hpp"
#include "s3pager/ring/reactor.hpp"

namespace s3pager::identity {

struct container_settings {
  std::string url = {};                 ///< empty: there is no such endpoint here
  std::string authorization_file = {};  ///< of the header `Authorization`; empty: as below
  secret authorization = {};            ///< empty: none is sent
};

namespace detail {

/// Whether credentials may come from this host in the clear: it is this machine, or the endpoint of ECS or of EKS on it.
[[nodiscard]] inline bool may_be_plain(const authority& where) {
  if (equals_ignoring_case(where.host, "localhost")) return true;
  if (in_addr v4{}; ::inet_pton(AF_INET, where.host.c_str(), &v4) == 1)
    return (ntohl(v4.s_addr) >> 24) == 127 || where.host == "169.254.170.2" || where.host == "169.254.170.23";
  in6_addr v6{};
  in6_addr eks{};
  if (!where.ipv6 || ::inet_pton(AF_INET6, where.host.c_str(), &v6) != 1 || ::inet_pton(AF_INET6, "fd00:ec2::23", &eks) != 1) return false;
  return std::memcmp(&v6, &in6addr_loopback, sizeof v6) == 0 || std::memcmp(&v6, &eks, sizeof v6) == 0;
}

/// What a header can have as its value. A line break would end it.
[[nodiscard]] constexpr bool is_authorization(std::string_view text) noexcept {
  for (const char c : text)
    if (c < ' ' || c > '~') return false;
  return !text.empty();
}

}  // namespace detail

/// AWS_CONTAINER_CREDENTIALS_RELATIVE_URI at 169.254.170.2, else AWS_CONTAINER_CREDENTIALS_FULL_URI: https, or http at loopback,
/// 169.254.170.2, 169.254.170.23 and fd00:ec2::23. AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE, else AWS_CONTAINER_AUTHORIZATION_TOKEN. A
/// failure names the variable that is wrong, and shows nothing of it.
[[nodiscard]] inline checked_setting<container_settings> container_settings_from(environment_lookup lookup = process_environment) {
  using result = checked_setting<container_settings>;
  static constexpr const char* relative_name = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
  static constexpr const char* full_name = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
  static constexpr const char* token_name = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
  const auto wrong = [](const char* name, std::string_view what) { return result::failure(std::string(name).append(" ").append(what)); };
  const std::string_view relative = environment_value(lookup, relative_name);
  const std::string_view full = environment_value(lookup, full_name);
  container_settings made;
  if (relative.empty() && full.empty()) return made;
  const char* const name = relative.empty() ? full_name : relative_name;
  if (!relative.empty() && relative.front() != '/') return wrong(name, "must begin with a slash");
  made.url = relative.empty() ? std::string(full) : std::string("http://169.254.170.2").append(relative);
  const auto url = parse_http_url(made.url);
  if (!url) return wrong(name, url.message());
  if (!url.value().tls && !detail::may_be_plain(url.value().where))
    return wrong(name, "must begin with https://, or be of localhost, a loopback address, 169.254.170.2, 169.254.170.23 or [fd00:ec2::23]");
  made.authorization_file = environment_value(lookup, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
  if (!made.authorization_file.empty()) return made;
  made.authorization = environment_value(lookup, token_name);
  if (!made.authorization.empty() && !detail::is_authorization(made.authorization.view()))
    return wrong(token_name, "holds a line break or another character that can't be in a header");
  return made;
}

/// Credentials of the container's role. There are none where no endpoint is named; one that can't be reached, or refuses, is an error.
/// The token's file is read anew each time.
class container_credentials final : public credentials_provider {
 public:
  /// With wrong settings a fetch fails, with invalid_argument. The driver is of the reactor that will ask.
  container_credentials(ref<net::control_driver> driver, checked_setting<container_settings> settings)
      : driver_(std::move(driver)), settings_(std::move(settings)) {}

  [[nodiscard]] std::string_view name() const noexcept override { return "container endpoint"; }

  [[nodiscard]] task<std::optional<aws::credentials>> fetch(ring::reactor& loop) override {
    if (!settings_) throw error(errc::invalid_argument, settings_.message());
    const container_settings& settings = settings_.value();
    if (settings.url.empty()) co_return std::nullopt;
    net::control_request what;
    what.url = settings.url;
    what.connect_limit = what.limit = std::chrono::seconds(2);
    what.most_bytes = most_bytes;
    what.direct = true;
    task<secret> asking_for_token = authorization(loop);
    const secret token = co_await std::move(asking_for_token);
    if (!token.empty()) what.headers.push_back({"Authorization", token});
    task<net::control_answer> calling = call_service(loop, driver_, who, std::move(what), attempts);
    const net::control_answer got = co_await std::move(calling);
    // Who knows the path may have the credentials: it is not shown.
    if (got.status != 200) throw refusal(who, "the request", got, {token.view()});
    co_return credentials_in(who, got.body.view());
  }

 private:
  static constexpr const char* who = "the container credentials endpoint";
  static constexpr const char* file_of = "the token file of AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
  static constexpr std::uint32_t attempts = 3;
  static constexpr std::size_t most_bytes = 64 * 1024;
  static constexpr std::size_t most_token_bytes = 16 * 1024;

  [[nodiscard]] task<secret> authorization(ring::reactor& loop) {
    const container_settings& settings = settings_.value();
    if (settings.authorization_file.empty()) co_return settings.authorization;
    const std::string which = std::string(file_of) + ", " + settings.authorization_file + ',';
    task<std::optional<secret>> reading =
        read_small_file(loop, file_of, settings.authorization_file, most_token_bytes, after(loop.now(), std::chrono::seconds(2)));
    const std::optional<secret> got = co_await std::move(reading);
    if (!got) throw error(errc::invalid_argument, which + " is not there");
    std::string_view token = got->view();
    // As an editor ends a file; no token ends so.
    if (token.ends_with('\n')) token.remove_suffix(1);
    if (token.ends_with('\r')) token.remove_suffix(1);
    if (token.empty()) throw error(errc::invalid_argument, which + " is empty");
    if (!detail::is_authorization(token))
      throw error(errc::invalid_argument, which + " holds a line break or another character that can't be in a header");
    co_return secret(token);
  }

  ref<net::control_driver> driver_;
  checked_setting<container_settings> settings_;
};

}  // namespace s3pager::identity
