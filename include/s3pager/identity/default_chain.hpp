// Where credentials are looked for, and in which order, when nobody has said: as every tool of AWS does. Asks nobody yet.
// https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
#pragma once

#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "s3pager/aws/credentials.hpp"
#include "s3pager/aws/environment.hpp"
#include "s3pager/base/checked_setting.hpp"
#include "s3pager/base/counted.hpp"
#include "s3pager/base/environment.hpp"
#include "s3pager/identity/configuration.hpp"
#include "s3pager/identity/container_credentials.hpp"
#include "s3pager/identity/instance_metadata.hpp"
#include "s3pager/identity/profile.hpp"
#include "s3pager/identity/provider_chain.hpp"
#include "s3pager/identity/sts.hpp"
#include "s3pager/net/control_driver.hpp"

namespace s3pager::identity {

/// Of the instance that this runs on: credentials and region.
[[nodiscard]] inline checked_setting<std::shared_ptr<instance_metadata>> metadata_of_instance(const ref<net::control_driver>& http,
                                                                                            const configuration& from) {
  using result = checked_setting<std::shared_ptr<instance_metadata>>;
  std::string settings[4];
  std::string* next = settings;
  for (const char* const name : {"ec2_metadata_service_endpoint", "ec2_metadata_service_endpoint_mode", "metadata_service_timeout",
                                 "metadata_service_num_attempts"}) {
    auto found = from.text({}, name);
    if (!found) return result::failure(found.message());
    *next++ = std::move(found).value().value_or("");
  }
  auto made = instance_metadata_settings_from(from.environment(), {.ec2_metadata_service_endpoint = settings[0],
                                                                   .ec2_metadata_service_endpoint_mode = settings[1],
                                                                   .metadata_service_timeout = settings[2],
                                                                   .metadata_service_num_attempts = settings[3]});
  return std::make_shared<instance_metadata>(http, std::move(made));
}

/// Environment, web identity of the environment, profile, container endpoint, instance metadata; without the first two if the profile was
/// chosen in code. A failure says which setting is wrong; what is wrong with STS's place, only who asks it is told.
[[nodiscard]] inline checked_setting<std::shared_ptr<provider_chain>> default_chain(const ref<net::control_driver>& http,
                                                                                    const configuration& from,
                                                                                    const std::shared_ptr<instance_metadata>& instance,
                                                                                    checked_setting<sts_place> sts) {
  using result = checked_setting<std::shared_ptr<provider_chain>>;
  const environment_lookup lookup = from.environment();
  auto keys = aws::credentials_from_environment(lookup);
  if (!keys) return result::failure(keys.message());
  const auto portal = from.endpoint_url("SSO", "sso");
  if (!portal) return result::failure(portal.message());
  const auto oidc = from.endpoint_url("SSO_OIDC", "sso_oidc");
  if (!oidc) return result::failure(oidc.message());

  const auto without_slash = [](std::optional<std::string> url) {
    while (url && url->ends_with('/')) url->pop_back();
    return url.value_or("");
  };
  const auto environment = std::make_shared<known_credentials>("environment", std::move(keys).value());
  const auto container = std::make_shared<container_credentials>(http, container_settings_from(lookup));
  auto chain = std::make_shared<provider_chain>();
  if (!from.chosen_in_code()) {
    chain->add(environment);
    if (const std::string_view file = environment_value(lookup, "AWS_WEB_IDENTITY_TOKEN_FILE"); !file.empty()) {
      role_wanted wanted{.role_arn = std::string(environment_value(lookup, "AWS_ROLE_ARN")),
                         .session_name = std::string(environment_value(lookup, "AWS_ROLE_SESSION_NAME"))};
      chain->add(std::make_shared<web_identity_credentials>(http, sts, std::move(wanted), std::string(file)));
    }
  }
  chain->add(std::make_shared<profile_credentials>(http, profile_settings{.profile = from.profile(),
                                                                          .config_file = from.config_file(),
                                                                          .credentials_file = from.credentials_file(),
                                                                          .home = from.home(),
                                                                          .sts = std::move(sts),
                                                                          .sso_portal_url = without_slash(portal.value()),
                                                                          .sso_oidc_url = without_slash(oidc.value()),
                                                                          .environment = environment,
                                                                          .container = container,
                                                                          .instance_metadata = instance}));
  chain->add(container);
  chain->add(instance);
  return chain;
}

}  // namespace s3pager::identity
