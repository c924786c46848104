// What a client's options, the environment and the shared files make of a service: which of them counts, and what is wrong with one.
// Reads files, asks nobody.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "s3pager/aws/endpoint.hpp"
#include "s3pager/base/checked_setting.hpp"
#include "s3pager/base/clock.hpp"
#include "s3pager/base/counted.hpp"
#include "s3pager/base/environment.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/identity/configuration.hpp"
#include "s3pager/identity/default_chain.hpp"
#include "s3pager/net/control_driver.hpp"
#include "s3pager/net/proxy.hpp"
#include "s3pager/pager/options.hpp"
#include "s3pager/ring/reactor.hpp"
#include "s3pager/s3/common_headers.hpp"
#include "s3pager/s3/deadlines.hpp"
#include "s3pager/s3/service.hpp"

namespace s3pager::pager {

namespace detail {

template <class T>
[[nodiscard]] T checked(checked_setting<T> found) {
  if (!found) throw error(errc::invalid_argument, found.message());
  return std::move(found).value();
}

[[nodiscard]] inline int checked_receive_window(std::size_t value) {
  if (value > std::size_t{1} << 30)
    throw error(errc::invalid_argument, "receive_window_bytes is " + std::to_string(value) + ", 0 to 1073741824 is needed");
  return static_cast<int>(value);
}

[[nodiscard]] inline retry_policy checked_retry(const retry_policy& policy) {
  if (policy.max_attempts < 1) throw error(errc::invalid_argument, "retry.max_attempts is 0, 1 or more is needed");
  if (policy.base_delay < duration::zero() || policy.max_delay < duration::zero() || policy.throttled_delay < duration::zero())
    throw error(errc::invalid_argument, "a delay of retry is negative");
  if (policy.max_elapsed < duration::zero()) throw error(errc::invalid_argument, "retry.max_elapsed is negative");
  return policy;
}

[[nodiscard]] inline hedge_policy checked_hedge(const hedge_policy& policy) {
  if (!(policy.max_share >= 0 && policy.max_share <= 1))
    throw error(errc::invalid_argument, "hedge.max_share is " + std::to_string(policy.max_share) + ", 0 to 1 is needed");
  if (policy.least_wait < std::chrono::milliseconds(1) || policy.least_stall < std::chrono::milliseconds(1))
    throw error(errc::invalid_argument, "hedge.least_wait or least_stall is under a millisecond");
  return policy;
}

[[nodiscard]] inline s3::tls_settings tls_settings(const client_options& from, const identity::configuration& shared) {
  s3::tls_settings made{.ca_file = std::string(from.ca_file),
                        .ca_directory = std::string(from.ca_directory),
                        .client_certificate_file = std::string(from.client_certificate_file),
                        .client_key_file = std::string(from.client_key_file),
                        .insecure_skip_verification = from.insecure_skip_verification};
  if (!from.ca_file.empty() || !from.ca_directory.empty()) return made;
  const std::string bundle = shared.path("AWS_CA_BUNDLE", "ca_bundle");
  // As other tools have it, it may name a directory.
  std::error_code ignored;
  (std::filesystem::is_directory(bundle, ignored) ? made.ca_directory : made.ca_file) = bundle;
  return made;
}

/// By which rules buckets are found, without a region and an endpoint URL.
[[nodiscard]] inline aws::endpoint_options rules(const client_options& from, const identity::configuration& shared) {
  const auto flag = [&](std::optional<bool> given, const char* variable, const char* setting, const char* inner, bool otherwise) {
    return given ? *given : checked(shared.flag(variable, setting, inner)).value_or(otherwise);
  };
  aws::endpoint_options made;
  made.dual_stack = flag(from.dual_stack, "AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint", "use_dualstack_endpoint", false);
  made.fips = flag(from.fips, "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint", nullptr, false);
  made.accelerate = from.accelerate ? *from.accelerate : checked(shared.s3_flag("use_accelerate_endpoint")).value_or(false);
  made.use_arn_region = flag(from.use_arn_region, "AWS_S3_USE_ARN_REGION", "s3_use_arn_region", "use_arn_region", true);
  made.disable_multi_region_access_points =
      flag(from.disable_multi_region_access_points, "AWS_S3_DISABLE_MULTIREGION_ACCESS_POINTS", "s3_disable_multiregion_access_points",
           nullptr, false);
  made.disable_s3_express_session_auth =
      flag(from.disable_s3_express_session_auth, "AWS_S3_DISABLE_EXPRESS_SESSION_AUTH", "s3_disable_express_session_auth", nullptr, false);
  if (from.use_global_endpoint) {
    made.use_global_endpoint = *from.use_global_endpoint;
  } else if (const auto mode = checked(shared.text({"AWS_S3_US_EAST_1_REGIONAL_ENDPOINT"}, "s3_us_east_1_regional_endpoint"))) {
    if (*mode != "legacy" && *mode != "regional")
      throw error(errc::invalid_argument, "s3_us_east_1_regional_endpoint (AWS_S3_US_EAST_1_REGIONAL_ENDPOINT) is neither legacy nor regional");
    made.use_global_endpoint = *mode == "legacy";
  }
  made.addressing = from.addressing;
  if (const auto style = shared.s3_setting("addressing_style"); style && from.addressing == aws::addressing::automatic) {
    if (*style == "path") made.addressing = aws::addressing::path;
    else if (*style == "virtual") made.addressing = aws::addressing::virtual_hosted;
    else if (*style != "auto")
      throw error(errc::invalid_argument,
                  "addressing_style of the profile \"" + shared.profile() + "\" is none of auto, path and virtual");
  }
  return made;
}

}  // namespace detail

/// Throws error(invalid_argument) that names the option, the variable or the profile, and says what is needed.
[[nodiscard]] inline s3::service_settings service_settings_of(ring::reactor& loop, const client_options& from) {
  using detail::checked;
  const identity::configuration shared = checked(identity::configuration::load(process_environment, from.profile));
  s3::service_settings made;
  if (from.access_key_id.empty() != from.secret_access_key.empty())
    throw error(errc::invalid_argument, from.access_key_id.empty() ? "secret_access_key is given, but no access_key_id"
                                                                   : "access_key_id is given, but no secret_access_key");
  made.rules = detail::rules(from, shared);
  made.tls = detail::tls_settings(from, shared);
  if (!from.region.empty()) made.region = from.region;
  else made.region = checked(shared.region()).value_or("");
  if (!from.endpoint_url.empty()) made.endpoint_url = from.endpoint_url;
  else made.endpoint_url = checked(shared.endpoint_url("S3", "s3")).value_or("");

  const auto http = make_ref<net::control_driver>(loop, net::control_options{.ca_file = made.tls.ca_file,
                                                                             .ca_directory = made.tls.ca_directory,
                                                                             .proxy_url = std::string(from.proxy_url),
                                                                             .no_proxy = from.direct,
                                                                             .names = from.names});
  const std::shared_ptr<identity::instance_metadata> instance = checked(identity::metadata_of_instance(http, shared));
  made.region_from = instance;
  made.control = http;
  if (from.anonymous) {
    // No credentials, whatever there are.
  } else if (from.credentials != nullptr) {
    made.credentials_from = std::shared_ptr<credentials_provider>(std::shared_ptr<void>(), from.credentials);
  } else if (!from.access_key_id.empty()) {
    made.credentials.access_key_id = from.access_key_id;
    made.credentials.secret_access_key = from.secret_access_key;
    made.credentials.session_token = from.session_token;
  } else {
    made.credentials_from = checked(identity::default_chain(http, shared, instance, shared.sts(from.region, made.rules.fips)));
  }
  made.connect_host = from.connect_host;
  made.connect_port = from.connect_port;
  if (!from.proxy_url.empty()) {
    if (from.direct) throw error(errc::invalid_argument, "proxy_url is given, and direct, which has none");
    if (!from.connect_host.empty() || from.connect_port != 0)
      throw error(errc::invalid_argument, "proxy_url is given, and connect_host or connect_port, which mean no proxy");
    made.proxy = checked(net::parse_proxy_url(from.proxy_url));
  }
  made.direct = from.direct;
  made.deadlines = s3::checked_deadlines(from.deadlines);
  if (from.keep_alive < duration::zero()) throw error(errc::invalid_argument, "keep_alive is negative");
  made.connections = {.most_connections = from.max_connections,
                      .keep_alive = from.keep_alive,
                      .receive_window_bytes = detail::checked_receive_window(from.receive_window_bytes),
                      .names = from.names};
  made.observer = from.observer;
  made.user_agent_suffix = s3::checked_user_agent_suffix(from.user_agent_suffix);
  made.retry = detail::checked_retry(from.retry);
  made.hedge = detail::checked_hedge(from.hedge);
  made.jitter_seed = from.jitter_seed ? *from.jitter_seed : std::random_device()();
  return made;
}

}  // namespace s3pager::pager
