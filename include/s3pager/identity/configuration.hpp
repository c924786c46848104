// What the environment and the shared files say, together: which of them counts, and where a wrong setting is. Reads files when it is
// made and never again; asks no network.
// https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "s3pager/aws/endpoint.hpp"
#include "s3pager/aws/profile_files.hpp"
#include "s3pager/base/bytes.hpp"
#include "s3pager/base/checked_setting.hpp"
#include "s3pager/base/environment.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/base/secret.hpp"
#include "s3pager/base/unique_fd.hpp"
#include "s3pager/base/visible_text.hpp"
#include "s3pager/identity/service_hosts.hpp"
#include "s3pager/identity/small_file.hpp"
#include "s3pager/identity/sts.hpp"

namespace s3pager::identity {

/// A setting is looked for in the environment, then in the profile: that of code, of AWS_PROFILE, of AWS_DEFAULT_PROFILE, or `default`.
/// A failure says in which variable, or in which profile, what is wrong.
class configuration {
 public:
  template <class T>
  using found = checked_setting<std::optional<T>>;

  /// Reads AWS_CONFIG_FILE (~/.aws/config) and AWS_SHARED_CREDENTIALS_FILE (~/.aws/credentials); one that is not there is empty. A
  /// profile that is named must be in one of them. Blocks for as long as that takes.
  [[nodiscard]] static checked_setting<configuration> load(environment_lookup lookup, std::string_view profile = {}) {
    using result = checked_setting<configuration>;
    configuration made;
    made.lookup_ = lookup;
    made.home_ = environment_value(lookup, "HOME");
    made.config_file_ = made.file("AWS_CONFIG_FILE", "/.aws/config");
    made.credentials_file_ = made.file("AWS_SHARED_CREDENTIALS_FILE", "/.aws/credentials");
    made.chosen_in_code_ = !profile.empty();
    std::string_view chosen_by = "the option profile";
    for (const char* const name : {"AWS_PROFILE", "AWS_DEFAULT_PROFILE"})
      if (profile.empty()) profile = environment_value(lookup, name), chosen_by = name;
    made.profile_ = profile.empty() ? "default" : profile;

    auto config = read(made.config_file_);
    if (!config) return result::failure(config.message());
    auto credentials = read(made.credentials_file_);
    if (!credentials) return result::failure(credentials.message());
    auto parsed =
        aws::parse_profile_files(config.value().view(), made.config_file_, credentials.value().view(), made.credentials_file_);
    if (!parsed) return result::failure(parsed.message());
    made.files_ = std::move(parsed).value();
    if (!profile.empty() && !made.files_.has_profile(profile))
      return result::failure(std::string(chosen_by) + " names the profile \"" + made.profile_ + "\", which is neither in " +
                             named(made.config_file_) + " nor in " + named(made.credentials_file_));
    return made;
  }

  [[nodiscard]] const std::string& profile() const noexcept { return profile_; }
  /// Then it counts before the credentials of the environment.
  [[nodiscard]] bool chosen_in_code() const noexcept { return chosen_in_code_; }
  /// Empty: there is no such file, for HOME is not set.
  [[nodiscard]] const std::string& config_file() const noexcept { return config_file_; }
  [[nodiscard]] const std::string& credentials_file() const noexcept { return credentials_file_; }
  [[nodiscard]] const std::string& home() const noexcept { return home_; }
  [[nodiscard]] environment_lookup environment() const noexcept { return lookup_; }

  /// The first of the variables that is set, else the setting of the profile. Visible ASCII.
  [[nodiscard]] found<std::string> text(std::initializer_list<const char*> variables, const char* setting) const {
    for (const char* const name : variables)
      if (const std::string_view value = environment_value(lookup_, name); !value.empty()) return checked(value, name);
    return of_profile(setting);
  }
  /// `true` or `false`, in any case; of the profile, either by its own name or by `inner` within its `s3 =`.
  [[nodiscard]] found<bool> flag(const char* variable, const char* setting, const char* inner = nullptr) const {
    if (const std::string_view value = environment_value(lookup_, variable); !value.empty()) return boolean(value, variable);
    if (const auto value = files_.find(profile_, setting); value && !value->empty()) return boolean(*value, where(setting));
    return inner != nullptr ? s3_flag(inner) : found<bool>(std::optional<bool>());
  }
  /// Of the profile's `s3 =`; nothing if it is not there or empty.
  [[nodiscard]] std::optional<std::string_view> s3_setting(std::string_view name) const {
    for (const aws::section_map* const file : {&files_.credentials_profiles, &files_.config_profiles})
      if (const auto section = file->find(profile_); section != file->end())
        if (const auto value = section->second.find("s3", name); value && !value->empty()) return value;
    return std::nullopt;
  }

  /// The same of a setting that is within `s3 =` alone.
  [[nodiscard]] found<bool> s3_flag(const char* inner) const {
    const auto value = s3_setting(inner);
    return value ? boolean(*value, where(std::string("s3, ") + inner)) : found<bool>(std::optional<bool>());
  }
  /// A path, in which anything may be; empty if there is none.
  [[nodiscard]] std::string path(const char* variable, const char* setting) const {
    if (const std::string_view value = environment_value(lookup_, variable); !value.empty()) return std::string(value);
    return std::string(files_.find(profile_, setting).value_or(""));
  }

  [[nodiscard]] found<std::string> region() const { return text({"AWS_REGION", "AWS_DEFAULT_REGION"}, "region"); }

  /// AWS_ENDPOINT_URL_<variable>, AWS_ENDPOINT_URL, `endpoint_url` of the service in the profile's `services`, that of the profile;
  /// nothing if AWS_IGNORE_CONFIGURED_ENDPOINT_URLS is true. A failure says where a URL that is none was found.
  /// https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
  [[nodiscard]] found<std::string> endpoint_url(const char* variable, std::string_view service) const {
    const auto ignored = flag("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "ignore_configured_endpoint_urls");
    if (!ignored) return found<std::string>::failure(ignored.message());
    if (ignored.value().value_or(false)) return std::optional<std::string>();
    const std::string own = std::string("AWS_ENDPOINT_URL_") + variable;
    for (const char* const name : {own.c_str(), "AWS_ENDPOINT_URL"})
      if (const std::string_view value = environment_value(lookup_, name); !value.empty()) return checked_url(value, name);
    if (const auto services = files_.find(profile_, "services"); services && !services->empty()) {
      const auto section = files_.services.find(*services);
      if (section == files_.services.end())
        return found<std::string>::failure(where("services") + " names a section [services " + std::string(*services) +
                                           "] that does not exist");
      if (const auto value = section->second.find(service, "endpoint_url"); value && !value->empty())
        return checked_url(*value, "endpoint_url of " + std::string(service) + " in [services " + std::string(*services) + "]");
    }
    const auto own_url = files_.find(profile_, "endpoint_url");
    if (!own_url || own_url->empty()) return std::optional<std::string>();
    return checked_url(*own_url, where("endpoint_url"));
  }

  /// Where STS is asked: of the region of code, else of that which is set here, else for all of AWS.
  [[nodiscard]] checked_setting<sts_place> sts(std::string_view region_in_code = {}, bool fips = false) const {
    using result = checked_setting<sts_place>;
    sts_place made;
    const auto in = region_in_code.empty() ? region() : found<std::string>(std::optional<std::string>(region_in_code));
    if (!in) return result::failure(in.message());
    const auto url = endpoint_url("STS", "sts");
    if (!url) return result::failure(url.message());
    if (in.value()) {
      if (!aws::is_region(*in.value())) return result::failure("the region \"" + *in.value() + "\" is none: a-z, 0-9 and '-' are needed");
      made.region = *in.value();
      made.url = service_url(fips ? "sts-fips" : "sts", made.region);
    }
    if (url.value()) {
      const auto parsed = aws::detail::parse_endpoint_url(*url.value());
      const auto& to = parsed.value();
      const std::string host = to.ipv6 ? "[" + to.host + "]" : to.host;
      made.url = (to.tls ? "https://" : "http://") + host;
      if (to.port != 0 && to.port != (to.tls ? 443 : 80)) made.url += ":" + std::to_string(to.port);
      made.path = to.path + "/";
    }
    return made;
  }

 private:
  configuration() = default;

  [[nodiscard]] std::string file(const char* variable, const char* below_home) const {
    const std::string_view set = environment_value(lookup_, variable);
    if (set.starts_with("~/")) return home_ + std::string(set.substr(1));
    if (!set.empty()) return std::string(set);
    if (home_.empty()) return {};
    // A home that isn't ours to look into has no files of ours.
    const std::string path = home_ + below_home;
    return ::access(path.c_str(), R_OK) == 0 || errno != EACCES ? path : std::string();
  }
  [[nodiscard]] static std::string named(const std::string& file) { return file.empty() ? "a file (HOME is not set)" : file; }

  [[nodiscard]] static checked_setting<secret> read(const std::string& path) {
    using result = checked_setting<secret>;
    if (path.empty()) return secret();
    const unique_fd from(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    if (!from && (errno == ENOENT || errno == ENOTDIR)) return secret();
    if (!from) return result::failure(path + " can't be read: " + errno_code(errno).message());
    detail::wiped_block text(aws::max_profile_file_bytes + 1);
    ssize_t got = 0;
    while ((got = ::read(from.get(), text.rest().data(), text.rest().size())) > 0) text.fill(static_cast<std::size_t>(got));
    if (got < 0) return result::failure(path + " can't be read: " + errno_code(errno).message());
    if (text.rest().empty()) return result::failure(path + " is longer than 4 MiB");
    return secret(as_chars(text.filled()));
  }

  [[nodiscard]] std::string where(std::string_view setting) const {
    return std::string(setting) + " of the profile \"" + profile_ + "\"";
  }
  [[nodiscard]] static found<std::string> checked(std::string_view value, std::string_view name) {
    if (!all_visible(value)) return found<std::string>::failure(not_visible_message(name));
    return std::optional<std::string>(value);
  }
  [[nodiscard]] static found<std::string> checked_url(std::string_view value, std::string_view name) {
    const auto parsed = aws::detail::parse_endpoint_url(value);
    if (!parsed) return found<std::string>::failure(std::string(name) + ": " + parsed.message());
    return checked(value, name);
  }
  [[nodiscard]] found<std::string> of_profile(const char* setting) const {
    const auto value = files_.find(profile_, setting);
    if (!value || value->empty()) return std::optional<std::string>();
    return checked(*value, where(setting));
  }
  [[nodiscard]] static found<bool> boolean(std::string_view value, std::string_view name) {
    if (equals_ignoring_case(value, "true")) return std::optional<bool>(true);
    if (equals_ignoring_case(value, "false")) return std::optional<bool>(false);
    return found<bool>::failure(std::string(name) + " is neither true nor false");
  }

  environment_lookup lookup_ = process_environment;
  std::string home_;
  std::string config_file_;
  std::string credentials_file_;
  std::string profile_;
  bool chosen_in_code_ = false;
  aws::profile_files files_;
};

}  // namespace s3pager::identity
