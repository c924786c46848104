// Credentials as a profile of the shared files says: its keys, a program, SSO, or a role by another profile or source. Knows not how any
// of these work. What counts before what is the AWS CLI's order.
// https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-role.html
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3pager/aws/credentials.hpp"
#include "s3pager/aws/partition.hpp"
#include "s3pager/aws/profile_files.hpp"
#include "s3pager/base/checked_setting.hpp"
#include "s3pager/base/counted.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/base/secret.hpp"
#include "s3pager/base/visible_text.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/identity/process.hpp"
#include "s3pager/identity/provider.hpp"
#include "s3pager/identity/service_hosts.hpp"
#include "s3pager/identity/small_file.hpp"
#include "s3pager/identity/sso.hpp"
#include "s3pager/identity/sts.hpp"
#include "s3pager/net/control_driver.hpp"
#include "s3pager/ring/reactor.hpp"

namespace s3pager::identity {

struct profile_settings {
  std::string profile = "default";
  std::string config_file = {};       ///< empty: there is none
  std::string credentials_file = {};  ///< likewise
  std::string home = {};              ///< where ~ is; empty: nowhere
  checked_setting<sts_place> sts = sts_place{};
  std::string sso_portal_url = {};    ///< empty: that of the profile's sso_region
  std::string sso_oidc_url = {};      ///< likewise
  /// What `credential_source` may name.
  std::shared_ptr<credentials_provider> environment = {};
  std::shared_ptr<credentials_provider> container = {};
  std::shared_ptr<credentials_provider> instance_metadata = {};
};

/// Reads the files at each fetch: who changes keys there is noticed when the service refuses the old ones.
class profile_credentials final : public credentials_provider {
 public:
  profile_credentials(ref<net::control_driver> http, profile_settings settings)
      : http_(std::move(http)),
        settings_(std::move(settings)),
        sts_(http_, settings_.sts),
        name_("profile \"" + settings_.profile + "\"") {}

  [[nodiscard]] std::string_view name() const noexcept override { return name_; }

  [[nodiscard]] task<std::optional<aws::credentials>> fetch(ring::reactor& loop) override {
    task<std::optional<secret>> reading_config = read(loop, settings_.config_file);
    const std::optional<secret> config = co_await std::move(reading_config);
    task<std::optional<secret>> reading_credentials = read(loop, settings_.credentials_file);
    const std::optional<secret> credentials = co_await std::move(reading_credentials);
    auto parsed = aws::parse_profile_files(config ? config->view() : std::string_view(), settings_.config_file,
                                           credentials ? credentials->view() : std::string_view(), settings_.credentials_file);
    if (!parsed) throw error(errc::invalid_argument, parsed.message());
    const aws::profile_files files = std::move(parsed).value();
    std::vector<std::string> visited{settings_.profile};
    task<std::optional<aws::credentials>> finding = of_profile(loop, files, settings_.profile, visited, role_first::yes);
    std::optional<aws::credentials> found = co_await std::move(finding);
    co_return found;
  }

 private:
  enum class role_first : bool { no, yes };
  using fetching = task<std::optional<aws::credentials>>;

  [[nodiscard]] static task<std::optional<secret>> read(ring::reactor& loop, const std::string& path) {

    return read_small_file(loop, "the file", path, aws::max_profile_file_bytes, no_deadline);
  }

  [[nodiscard]] static error wrong(std::string_view profile, std::string_view what) {
    return error(errc::invalid_argument, "profile \"" + std::string(profile) + "\": " + std::string(what));
  }
  /// A setting that goes into a request or a path; empty if it isn't there.
  [[nodiscard]] static std::string text(const aws::profile_files& files, std::string_view profile, std::string_view name) {
    const auto found = files.find(profile, name);
    if (!found) return {};
    if (!all_visible(*found)) throw wrong(profile, not_visible_message(name));
    return std::string(*found);
  }
  [[nodiscard]] static bool has_static_keys(const aws::profile_files& files, std::string_view profile) {
    return files.find(profile, "aws_access_key_id") || files.find(profile, "aws_secret_access_key");
  }
  [[nodiscard]] static bool has_role(const aws::profile_files& files, std::string_view profile) {
    return files.find(profile, "role_arn") && !files.find(profile, "web_identity_token_file");
  }

  /// `files` and `visited` must live as long as the task.
  [[nodiscard]] fetching of_profile(ring::reactor& loop, const aws::profile_files& files, std::string profile,
                                    std::vector<std::string>& visited, role_first how) {
    if (how == role_first::yes && has_role(files, profile)) {
      fetching assuming = by_role(loop, files, profile, visited);
      co_return co_await std::move(assuming);
    }
    if (const std::string file = text(files, profile, "web_identity_token_file"); !file.empty()) {
      const std::string role = text(files, profile, "role_arn");
      if (role.empty()) throw wrong(profile, "web_identity_token_file is set, but no role_arn");
      web_identity_credentials source(http_, settings_.sts,
                                      {.role_arn = role, .session_name = text(files, profile, "role_session_name")}, at_home(file));
      fetching asking = source.fetch(loop);
      co_return co_await std::move(asking);
    }
    if (std::optional<sso_settings> sso = sso_of(files, profile)) {
      sso_credentials source(http_, std::move(*sso));
      fetching asking = source.fetch(loop);
      co_return co_await std::move(asking);
    }
    if (auto keys = keys_of(files.credentials_profiles, profile)) co_return keys;
    if (const auto command = files.find(profile, "credential_process")) {
      process_credentials source(*command);
      fetching running = source.fetch(loop);
      co_return co_await std::move(running);
    }
    co_return keys_of(files.config_profiles, profile);
  }

  [[nodiscard]] fetching by_role(ring::reactor& loop, const aws::profile_files& files, std::string profile,
                                 std::vector<std::string>& visited) {
    const role_wanted role{.role_arn = text(files, profile, "role_arn"),
                           .session_name = text(files, profile, "role_session_name"),
                           .external_id = text(files, profile, "external_id"),
                           .duration_seconds = seconds(text(files, profile, "duration_seconds"))};
    const std::string source_profile(files.find(profile, "source_profile").value_or(""));
    const std::string source_name(files.find(profile, "credential_source").value_or(""));
    const bool by_profile = files.find(profile, "source_profile").has_value();
    const bool by_name = files.find(profile, "credential_source").has_value();
    if (by_profile && by_name) throw wrong(profile, "source_profile and credential_source are both set, one is needed");
    if (!by_profile && !by_name) throw wrong(profile, "role_arn is set, but neither source_profile nor credential_source");
    if (files.find(profile, "mfa_serial"))
      throw wrong(profile, "mfa_serial is set: a code would have to be asked for; use temporary credentials of another tool");
    std::optional<aws::credentials> source;
    if (by_name) {
      const std::shared_ptr<credentials_provider> provider = named_source(profile, source_name);
      fetching asking = provider->fetch(loop);
      source = co_await std::move(asking);
      if (!source) throw wrong(profile, "credential_source is " + source_name + ", and there are no credentials");
    } else {
      check_source(files, profile, source_profile, visited);
      visited.push_back(source_profile);
      const bool role_of_its_own = !has_static_keys(files, source_profile) && has_role(files, source_profile);
      fetching finding = of_profile(loop, files, source_profile, visited, role_of_its_own ? role_first::yes : role_first::no);
      source = co_await std::move(finding);
      if (!source) throw wrong(profile, "source_profile \"" + source_profile + "\" has no credentials");
    }
    task<aws::credentials> assuming = sts_.assume_role(loop, role, std::move(*source));
    aws::credentials given = co_await std::move(assuming);
    co_return given;
  }

  /// A profile may name itself, to have the keys and the role in one place.
  static void check_source(const aws::profile_files& files, std::string_view profile, const std::string& source,
                           const std::vector<std::string>& visited) {
    if (!files.has_profile(source)) throw wrong(profile, "source_profile \"" + source + "\" does not exist");
    if (std::find(visited.begin(), visited.end(), source) == visited.end()) return;
    if (source == profile && has_static_keys(files, source)) return;
    throw wrong(profile, "source_profile \"" + source + "\" leads back to itself");
  }
  [[nodiscard]] std::shared_ptr<credentials_provider> named_source(std::string_view profile, std::string_view source) const {
    std::shared_ptr<credentials_provider> found;
    if (source == "Environment") found = settings_.environment;
    else if (source == "EcsContainer") found = settings_.container;
    else if (source == "Ec2InstanceMetadata") found = settings_.instance_metadata;
    else throw wrong(profile, "credential_source is none of Environment, EcsContainer, Ec2InstanceMetadata");
    if (!found) throw wrong(profile, "credential_source is " + std::string(source) + ", which is not to be had here");
    return found;
  }
  /// As the CLI has it, what is no number is passed over.
  [[nodiscard]] static std::string seconds(std::string text) {
    const bool number = !text.empty() && text.size() < 9 && text.find_first_not_of("0123456789") == std::string::npos;
    return number ? text : std::string();
  }

  [[nodiscard]] static std::optional<aws::credentials> keys_of(const aws::section_map& file, std::string_view profile) {
    const auto section = file.find(profile);
    if (section == file.end()) return std::nullopt;
    const aws::profile_section& from = section->second;
    const auto id = from.find("aws_access_key_id");
    if (!id) return std::nullopt;
    const auto key = from.find("aws_secret_access_key");
    if (!key) throw wrong(profile, "aws_access_key_id is set, but no aws_secret_access_key");
    const auto token = from.find("aws_security_token") ? from.find("aws_security_token") : from.find("aws_session_token");
    for (const auto& [name, value] : {std::pair("aws_access_key_id", id), {"aws_secret_access_key", key}, {"aws_session_token", token}})
      if (value && !all_visible(*value)) throw wrong(profile, not_visible_message(name));
    if (id->empty() || key->empty()) throw wrong(profile, "aws_access_key_id or aws_secret_access_key is empty");
    return aws::credentials{.access_key_id = std::string(*id), .secret_access_key = *key, .session_token = token.value_or("")};
  }

  [[nodiscard]] std::string at_home(const std::string& path) const { return path.starts_with("~/") ? settings_.home + path.substr(1) : path; }

  [[nodiscard]] std::optional<sso_settings> sso_of(const aws::profile_files& files, std::string_view profile) const {
    const auto has = [&](const char* name) { return files.find(profile, name).has_value(); };
    if (!has("sso_session") && !has("sso_start_url") && !has("sso_region") && !has("sso_account_id") && !has("sso_role_name"))
      return std::nullopt;
    sso_settings made{.account_id = text(files, profile, "sso_account_id"),
                      .role_name = text(files, profile, "sso_role_name"),
                      .session = std::string(files.find(profile, "sso_session").value_or("")),
                      .start_url = text(files, profile, "sso_start_url"),
                      .cache = settings_.home + "/.aws/sso/cache"};
    std::string region = text(files, profile, "sso_region");
    if (!made.session.empty()) {
      const auto session = files.sso_sessions.find(made.session);
      if (session == files.sso_sessions.end()) throw wrong(profile, "sso_session \"" + made.session + "\" does not exist");
      const auto take = [&](const char* name, std::string& into) {
        const auto there = session->second.find(name);
        if (there && !into.empty() && into != *there) throw wrong(profile, std::string(name) + " is not that of its sso_session");
        if (there && !all_visible(*there)) throw wrong(profile, not_visible_message(name));
        if (there) into = *there;
      };
      take("sso_start_url", made.start_url);
      take("sso_region", region);
    }
    for (const auto& [name, value] : {std::pair("sso_account_id", &made.account_id), {"sso_role_name", &made.role_name},
                                      {"sso_start_url", &made.start_url}, {"sso_region", &region}})
      if (value->empty()) throw wrong(profile, std::string(name) + " is missing, which SSO needs");
    if (!aws::is_region(region)) throw wrong(profile, "sso_region is no region: a-z, 0-9 and '-' are needed");
    made.portal_url = settings_.sso_portal_url.empty() ? service_url("portal.sso", region) : settings_.sso_portal_url;
    made.oidc_url = settings_.sso_oidc_url.empty() ? service_url("oidc", region) : settings_.sso_oidc_url;
    return made;
  }

  ref<net::control_driver> http_;
  profile_settings settings_;
  sts_client sts_;
  std::string name_;
};

}  // namespace s3pager::identity
