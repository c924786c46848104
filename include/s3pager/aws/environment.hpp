// The credentials of the environment, in the variables of every AWS tool. A pure function of a lookup; knows no other place that
// credentials come from.
// https://docs.aws.amazon.com/sdkref/latest/guide/environment-variables.html
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "s3pager/aws/credentials.hpp"
#include "s3pager/base/checked_setting.hpp"
#include "s3pager/base/environment.hpp"
#include "s3pager/base/visible_text.hpp"

namespace s3pager::aws {

/// AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, with AWS_SESSION_TOKEN if it is set. Nothing if neither of the two is
/// set; a failure that names the variable if only one is, or if one holds what can't be in it.
[[nodiscard]] inline checked_setting<std::optional<credentials>> credentials_from_environment(
    environment_lookup lookup = process_environment) {
  using result = checked_setting<std::optional<credentials>>;
  static constexpr const char* id_name = "AWS_ACCESS_KEY_ID";
  static constexpr const char* secret_name = "AWS_SECRET_ACCESS_KEY";
  static constexpr const char* token_name = "AWS_SESSION_TOKEN";
  const std::string_view id = environment_value(lookup, id_name);
  const std::string_view key = environment_value(lookup, secret_name);
  const std::string_view token = environment_value(lookup, token_name);
  if (id.empty() && key.empty()) return result(std::nullopt);
  if (id.empty() || key.empty())
    return result::failure(std::string(id.empty() ? id_name : secret_name) + " is not set, but " +
                           (id.empty() ? secret_name : id_name) + " is");
  for (const auto& [name, value] : {std::pair(id_name, id), {secret_name, key}, {token_name, token}})
    if (!all_visible(value)) return result::failure(not_visible_message(name));
  return result(credentials{.access_key_id = std::string(id), .secret_access_key = key, .session_token = token});
}

}  // namespace s3pager::aws
