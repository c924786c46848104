// Credentials and the region of an EC2 instance, as its metadata service gives them (IMDSv2 only). Knows no other source.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-v2-how-it-works.html
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-imds-credentials.html
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "s3pager/aws/credentials.hpp"
#include "s3pager/aws/endpoint.hpp"
#include "s3pager/base/bytes.hpp"
#include "s3pager/base/checked_setting.hpp"
#include "s3pager/base/clock.hpp"
#include "s3pager/base/counted.hpp"
#include "s3pager/base/environment.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/base/http_url.hpp"
#include "s3pager/base/secret.hpp"
#include "s3pager/base/visible_text.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/identity/provider.hpp"
#include "s3pager/identity/service_call.hpp"
#include "s3pager/net/control_driver.hpp"
#include "s3pager/net/control_message.hpp"
#include "s3pager/ring/reactor.hpp"

namespace s3pager::identity {

struct instance_metadata_settings {
  bool disabled = false;
  std::string endpoint = "http://169.254.169.254";  ///< without a slash at its end
  duration timeout = std::chrono::seconds(1);       ///< of a call, from connecting to the end of its answer
  std::uint32_t attempts = 1;                       ///< of a call
};

/// What a profile has of these; empty: nothing.
struct instance_metadata_profile {
  std::string_view ec2_metadata_service_endpoint = {};
  std::string_view ec2_metadata_service_endpoint_mode = {};
  std::string_view metadata_service_timeout = {};
  std::string_view metadata_service_num_attempts = {};
};

namespace detail {

/// A setting with its name for messages.
struct named_text {
  std::string_view name;
  std::string_view text;
};

/// From 1 to `most`; 0: it is no such number.
[[nodiscard]] constexpr std::uint32_t count_of(std::string_view text, std::uint32_t most) noexcept {
  std::uint64_t made = 0;
  for (const char c : text) {
    if (c < '0' || c > '9' || made > most) return 0;
    made = made * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return made <= most ? static_cast<std::uint32_t>(made) : 0;
}

/// Without blanks and line breaks around it.
[[nodiscard]] constexpr std::string_view trimmed(std::string_view text) noexcept {
  constexpr std::string_view blanks = " \t\r\n";
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

/// As IAM has it, so that it is one segment of a path.
/// https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
[[nodiscard]] constexpr bool is_role_name(std::string_view text) noexcept {
  for (const char c : text) {
    const char lower = ascii_lower(c);
    const bool alphanumeric = (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9');
    if (!alphanumeric && std::string_view("+=,.@-_").find(c) == std::string_view::npos) return false;
  }
  return !text.empty() && text.size() <= 128 && text != "." && text != "..";
}

}  // namespace detail

/// AWS_EC2_METADATA_DISABLED; AWS_EC2_METADATA_SERVICE_ENDPOINT, else AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE;
/// AWS_METADATA_SERVICE_TIMEOUT (whole seconds, 1 to 3600); AWS_METADATA_SERVICE_NUM_ATTEMPTS (1 to 100). The environment's before the
/// profile's, but an endpoint of either before a mode. A failure names the setting that is wrong.
[[nodiscard]] inline checked_setting<instance_metadata_settings> instance_metadata_settings_from(
    environment_lookup lookup = process_environment, const instance_metadata_profile& profile = {}) {
  using result = checked_setting<instance_metadata_settings>;
  const auto first = [lookup](const char* name, std::string_view in_profile, std::string_view name_in_profile) {
    const std::string_view value = environment_value(lookup, name);
    return value.empty() ? detail::named_text{name_in_profile, in_profile} : detail::named_text{name, value};
  };
  const auto wrong = [](const detail::named_text& which, std::string_view what) {
    return result::failure(std::string(which.name).append(" ").append(what));
  };
  instance_metadata_settings made;
  const detail::named_text disabled = first("AWS_EC2_METADATA_DISABLED", {}, {});
  made.disabled = equals_ignoring_case(disabled.text, "true");
  if (!made.disabled && !disabled.text.empty() && !equals_ignoring_case(disabled.text, "false"))
    return wrong(disabled, "is neither true nor false");

  const auto endpoint = first("AWS_EC2_METADATA_SERVICE_ENDPOINT", profile.ec2_metadata_service_endpoint, "ec2_metadata_service_endpoint");
  const auto mode = first("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", profile.ec2_metadata_service_endpoint_mode,
                          "ec2_metadata_service_endpoint_mode");
  if (!endpoint.text.empty()) {
    const auto url = parse_http_url(endpoint.text);
    if (!url) return wrong(endpoint, url.message());
    if (url.value().rest.find('?') != std::string_view::npos) return wrong(endpoint, "must have no query");
    made.endpoint = endpoint.text;
    while (made.endpoint.ends_with('/')) made.endpoint.pop_back();
  } else if (equals_ignoring_case(mode.text, "IPv6")) {
    made.endpoint = "http://[fd00:ec2::254]";
  } else if (!mode.text.empty() && !equals_ignoring_case(mode.text, "IPv4")) {
    return wrong(mode, "is neither IPv4 nor IPv6");
  }

  const auto timeout = first("AWS_METADATA_SERVICE_TIMEOUT", profile.metadata_service_timeout, "metadata_service_timeout");
  if (!timeout.text.empty()) {
    made.timeout = std::chrono::seconds(detail::count_of(timeout.text, 3600));
    if (made.timeout == duration::zero()) return wrong(timeout, "is no whole number of seconds from 1 to 3600");
  }
  const auto attempts =
      first("AWS_METADATA_SERVICE_NUM_ATTEMPTS", profile.metadata_service_num_attempts, "metadata_service_num_attempts");
  if (!attempts.text.empty()) {
    made.attempts = detail::count_of(attempts.text, 100);
    if (made.attempts == 0) return wrong(attempts, "is no whole number from 1 to 100");
  }
  return made;
}

/// Credentials of the role that the instance has, and the region that it is in. There are none where no such service can be reached,
/// where it gives no token (403: it is turned off; 400, 404, 405: it is none of Amazon's), or no role; once it has given credentials,
/// these are errors. It is asked for a token when there is none, it has run out, or is refused.
class instance_metadata final : public credentials_provider, public region_provider {
 public:
  /// With wrong settings all that is asked fails, with invalid_argument. The driver is of the reactor that will ask.
  instance_metadata(ref<net::control_driver> driver, checked_setting<instance_metadata_settings> settings)
      : driver_(std::move(driver)), settings_(std::move(settings)) {}

  [[nodiscard]] std::string_view name() const noexcept override { return "instance metadata"; }

  [[nodiscard]] task<std::optional<aws::credentials>> fetch(ring::reactor& loop) override {
    try {
      if (!enabled()) co_return std::nullopt;
      task<aws::credentials> asking = credentials_of_role(loop);
      std::optional<aws::credentials> given(co_await std::move(asking));
      gave_credentials_ = true;
      co_return given;
    } catch (const net::unreachable_host&) {
      if (gave_credentials_) throw;
    } catch (const nothing_here&) {
      if (gave_credentials_) throw;
    }
    co_return std::nullopt;
  }

  [[nodiscard]] task<std::optional<std::string>> fetch_region(ring::reactor& loop) override {
    try {
      if (!enabled()) co_return std::nullopt;
      task<std::optional<secret>> asking = read(loop, region_path);
      const std::optional<secret> got = co_await std::move(asking);
      if (!got) co_return std::nullopt;
      const std::string_view region = detail::trimmed(got->view());
      if (!aws::is_region(region)) throw error(errc::protocol_violation, std::string(who) + " named a region that can't be one");
      co_return std::string(region);
    } catch (const net::unreachable_host&) {
    } catch (const nothing_here&) {
    }
    co_return std::nullopt;
  }

 private:
  static constexpr const char* who = "the instance metadata service";
  static constexpr const char* token_path = "/latest/api/token";
  static constexpr const char* role_path = "/latest/meta-data/iam/security-credentials/";
  static constexpr const char* region_path = "/latest/meta-data/placement/region";
  static constexpr std::uint32_t most_token_seconds = 21'600;

  /// That it has nothing for us.
  class nothing_here final : public error {
   public:
    explicit nothing_here(std::string message) : error(errc::access_denied, std::move(message)) {}
  };

  [[nodiscard]] bool enabled() const {
    if (!settings_) throw error(errc::invalid_argument, settings_.message());
    return !settings_.value().disabled;
  }

  [[nodiscard]] task<aws::credentials> credentials_of_role(ring::reactor& loop) {
    task<std::optional<secret>> asking_role = read(loop, role_path);
    const std::optional<secret> named = co_await std::move(asking_role);
    if (!named) throw nothing_here(std::string(who) + " has no role for this instance");
    const std::string_view role = detail::trimmed(named->view());
    if (!detail::is_role_name(role)) throw error(errc::protocol_violation, std::string(who) + " named a role that can't be one");
    task<std::optional<secret>> asking = read(loop, role_path + std::string(role));
    const std::optional<secret> got = co_await std::move(asking);
    if (!got) throw error(errc::access_denied, std::string(who) + " has no credentials of the role that it named");
    co_return credentials_in(who, got->view());
  }

  /// What is at this path; nothing if there is no such thing.
  [[nodiscard]] task<std::optional<secret>> read(ring::reactor& loop, std::string path) {
    for (bool again = false;; again = true) {
      if (token_.empty() || loop.now() >= token_ends_) {
        task<> asking = ask_token(loop);
        co_await std::move(asking);
      }
      task<net::control_answer> calling = call(loop, "GET", path, {"X-aws-ec2-metadata-token", token_});
      net::control_answer got = co_await std::move(calling);
      if (got.status == 200) co_return std::move(got.body);
      if (got.status == 404) co_return std::nullopt;
      if (got.status != 401 || again) throw refusal(who, "GET " + path, got, {token_.view()});
      token_ = {};
    }
  }

  [[nodiscard]] task<> ask_token(ring::reactor& loop) {
    const time_point asked = loop.now();
    net::control_answer got;
    try {
      task<net::control_answer> calling =
          call(loop, "PUT", token_path, {"X-aws-ec2-metadata-token-ttl-seconds", std::to_string(most_token_seconds)});
      got = co_await std::move(calling);
    } catch (const net::unreachable_host&) {
      throw;
    } catch (const error& why) {
      if (why.code() != errc::timed_out) throw;
      throw error(why.code(), why.details().message + " (a container gets its token if the instance's metadata hop limit is 2 or more)");
    }
    if (got.status == 400 || got.status == 403 || got.status == 404 || got.status == 405)
      throw nothing_here(refusal(who, std::string("PUT ") + token_path, got).details().message);
    if (got.status != 200) throw refusal(who, std::string("PUT ") + token_path, got);
    const std::string_view token = detail::trimmed(got.body.view());
    if (token.empty() || token.size() > most_token_bytes || !all_visible(token))
      throw error(errc::protocol_violation, std::string(who) + " gave a token that can't be one");
    const std::uint32_t seconds = detail::count_of(got.header("x-aws-ec2-metadata-token-ttl-seconds"), most_token_seconds);
    token_ = token;
    token_ends_ = after(asked, std::chrono::seconds(seconds != 0 ? seconds : most_token_seconds));
  }

  [[nodiscard]] task<net::control_answer> call(ring::reactor& loop, std::string method, const std::string& path,
                                               net::control_header header) {
    const instance_metadata_settings& settings = settings_.value();
    net::control_request what;
    what.method = std::move(method);
    what.url = settings.endpoint + path;
    what.headers.push_back(std::move(header));
    what.connect_limit = what.limit = settings.timeout;
    what.most_bytes = most_bytes;
    what.direct = true;
    return call_service(loop, driver_, who, std::move(what), settings.attempts);
  }

  static constexpr std::size_t most_bytes = 64 * 1024;
  static constexpr std::size_t most_token_bytes = 4 * 1024;

  ref<net::control_driver> driver_;
  checked_setting<instance_metadata_settings> settings_;
  secret token_;
  time_point token_ends_{};
  bool gave_credentials_ = false;
};

}  // namespace s3pager::identity
