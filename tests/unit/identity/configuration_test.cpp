// Which of code, environment and profile counts, and how a wrong setting is named.
#include "s3pager/identity/configuration.hpp"

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "support/catch.hpp"
#include "support/scratch_directory.hpp"

namespace {

using namespace s3pager;
using identity::configuration;

std::map<std::string, std::string>& variables() {
  static std::map<std::string, std::string> all;
  return all;
}
const char* lookup(const char* name) {
  const auto found = variables().find(name);
  return found == variables().end() ? nullptr : found->second.c_str();
}

struct bench {
  bench() { variables() = {{"AWS_CONFIG_FILE", at.path() + "/config"}, {"AWS_SHARED_CREDENTIALS_FILE", at.path() + "/credentials"}}; }
  void set(const std::string& name, const std::string& value) { variables()[name] = value; }
  [[nodiscard]] configuration load(std::string_view profile = {}) const {
    auto made = configuration::load(lookup, profile);
    INFO(made.message());
    REQUIRE(made);
    return std::move(made).value();
  }
  [[nodiscard]] std::string refused(std::string_view profile = {}) const { return configuration::load(lookup, profile).message(); }

  test::scratch_directory at;
};

template <class T>
std::string shown(const T& found) {
  if (!found) return "!" + found.message();
  if constexpr (std::is_same_v<T, checked_setting<std::optional<bool>>>) return found.value() ? *found.value() ? "true" : "false" : "";
  else return found.value().value_or("");
}

}  // namespace

TEST_CASE("without files and variables there is nothing") {
  bench in;
  const configuration none = in.load();
  CHECK(none.profile() == "default");
  CHECK_FALSE(none.chosen_in_code());
  CHECK(shown(none.region()).empty());
  CHECK(shown(none.endpoint_url("S3", "s3")).empty());
  CHECK(shown(none.flag("AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint")).empty());
  CHECK(none.sts().value().url == "https://sts.amazonaws.com");
  CHECK(none.sts().value().region == "us-east-1");
}

TEST_CASE("the files are at home unless variables name them") {
  bench in;
  in.set("HOME", "/home/u");
  CHECK(in.load().config_file() == in.at.path() + "/config");
  in.set("AWS_CONFIG_FILE", "~/my/config");
  CHECK(in.load().config_file() == "/home/u/my/config");
  in.set("AWS_CONFIG_FILE", "");
  in.set("AWS_SHARED_CREDENTIALS_FILE", "");
  CHECK(in.load().config_file() == "/home/u/.aws/config");
  CHECK(in.load().credentials_file() == "/home/u/.aws/credentials");
  in.set("HOME", "");
  CHECK(in.load().config_file().empty());
  in.set("HOME", "/dev/null");  // no directory: there are no files in it
  CHECK(shown(in.load().region()).empty());
}

TEST_CASE("a profile is chosen by code, by AWS_PROFILE, by AWS_DEFAULT_PROFILE, and must exist then") {
  bench in;
  static_cast<void>(in.at.file("config", "[profile a]\nregion = ra\n[profile b]\nregion = rb\n[profile c]\nregion = rc\n"));
  in.set("AWS_DEFAULT_PROFILE", "c");
  CHECK(shown(in.load().region()) == "rc");
  in.set("AWS_PROFILE", "b");
  CHECK(shown(in.load().region()) == "rb");
  CHECK_FALSE(in.load().chosen_in_code());
  CHECK(shown(in.load("a").region()) == "ra");
  CHECK(in.load("a").chosen_in_code());
  const std::string neither = "which is neither in " + in.at.path() + "/config nor in " + in.at.path() + "/credentials";
  CHECK(in.refused("x") == "the option profile names the profile \"x\", " + neither);
  in.set("AWS_PROFILE", "y");
  CHECK(in.refused() == "AWS_PROFILE names the profile \"y\", " + neither);
}

TEST_CASE("the region is that of AWS_REGION, AWS_DEFAULT_REGION, the profile") {
  bench in;
  static_cast<void>(in.at.file("config", "[default]\nregion = profile-1\n"));
  CHECK(shown(in.load().region()) == "profile-1");
  in.set("AWS_DEFAULT_REGION", "default-1");
  CHECK(shown(in.load().region()) == "default-1");
  in.set("AWS_REGION", "own-1");
  CHECK(shown(in.load().region()) == "own-1");
  in.set("AWS_REGION", "a b");
  CHECK(shown(in.load().region()) == "!AWS_REGION holds a space, a line break or another character that can't be in it");
}

TEST_CASE("the endpoint is that of the service's variable, of the general one, of the services section, of the profile") {
  bench in;
  static_cast<void>(in.at.file("config",
                               "[default]\nservices = local\nendpoint_url = http://profile\n"
                               "[services local]\ns3 =\n  endpoint_url = http://section\nsts =\n  endpoint_url = http://sts.local:8080/x/\n"));
  CHECK(shown(in.load().endpoint_url("S3", "s3")) == "http://section");
  CHECK(shown(in.load().endpoint_url("SSO", "sso")) == "http://profile");
  CHECK(in.load().sts().value().url == "http://sts.local:8080");
  CHECK(in.load().sts().value().path == "/x/");
  in.set("AWS_ENDPOINT_URL", "http://general");
  CHECK(shown(in.load().endpoint_url("S3", "s3")) == "http://general");
  in.set("AWS_ENDPOINT_URL_S3", "http://own");
  CHECK(shown(in.load().endpoint_url("S3", "s3")) == "http://own");
  in.set("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "TRUE");
  CHECK(shown(in.load().endpoint_url("S3", "s3")).empty());
  in.set("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "perhaps");
  CHECK(shown(in.load().endpoint_url("S3", "s3")) == "!AWS_IGNORE_CONFIGURED_ENDPOINT_URLS is neither true nor false");
}

TEST_CASE("a services section that does not exist is named") {
  bench in;
  static_cast<void>(in.at.file("config", "[default]\nservices = none\n"));
  CHECK(shown(in.load().endpoint_url("S3", "s3")) == "!services of the profile \"default\" names a section [services none] that does not exist");
}

TEST_CASE("flags are those of the environment, of the profile, of its s3 settings") {
  bench in;
  static_cast<void>(in.at.file("config",
                               "[default]\nuse_fips_endpoint = true\ns3 =\n  use_dualstack_endpoint = false\n  addressing_style = path\n"
                               "s3_use_arn_region = nothing\n"));
  CHECK(shown(in.load().flag("AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint")) == "true");
  CHECK(shown(in.load().flag("AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint", "use_dualstack_endpoint")) == "false");
  CHECK(shown(in.load().flag("AWS_S3_USE_ARN_REGION", "s3_use_arn_region")) ==
        "!s3_use_arn_region of the profile \"default\" is neither true nor false");
  CHECK(in.load().s3_setting("addressing_style") == "path");
  in.set("AWS_USE_FIPS_ENDPOINT", "False");
  CHECK(shown(in.load().flag("AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint")) == "false");
}

TEST_CASE("STS is asked in the region, by the domain of its partition") {
  bench in;
  in.set("AWS_REGION", "eu-west-1");
  CHECK(in.load().sts().value().url == "https://sts.eu-west-1.amazonaws.com");
  CHECK(in.load().sts().value().region == "eu-west-1");
  CHECK(in.load().sts("us-gov-west-1").value().url == "https://sts.us-gov-west-1.amazonaws.com");
  CHECK(in.load().sts("us-gov-west-1").value().region == "us-gov-west-1");
  CHECK(in.load().sts({}, true).value().url == "https://sts-fips.eu-west-1.amazonaws.com");
  in.set("AWS_REGION", "cn-north-1");
  CHECK(in.load().sts().value().url == "https://sts.cn-north-1.amazonaws.com.cn");
  for (const char* const url : {"https://sts.local", "https://sts.local:443/", "HTTPS://sts.local"}) {
    in.set("AWS_ENDPOINT_URL_STS", url);
    CHECK(in.load().sts().value().url == "https://sts.local");
    CHECK(in.load().sts().value().path == "/");
  }
  in.set("AWS_ENDPOINT_URL_STS", "http://[::1]:80");
  CHECK(in.load().sts().value().url == "http://[::1]");
  in.set("AWS_ENDPOINT_URL_STS", "");
  in.set("AWS_REGION", "x.evil/");
  CHECK(in.load().sts().message() == "the region \"x.evil/\" is none: a-z, 0-9 and '-' are needed");
  in.set("AWS_ENDPOINT_URL_STS", "ftp://x");
  in.set("AWS_REGION", "eu-west-1");
  CHECK(in.load().sts().message() == "AWS_ENDPOINT_URL_STS: the endpoint URL must begin with http:// or https://");
}

TEST_CASE("a file that can't be read or parsed is named") {
  bench in;
  in.set("AWS_CONFIG_FILE", in.at.path());
  CHECK(in.refused() == in.at.path() + " can't be read: Is a directory");
  in.set("AWS_CONFIG_FILE", in.at.file("config", "hidden"));
  CHECK(in.refused() == in.at.path() + "/config, line 1: a setting before the first [section]");
  in.set("AWS_CONFIG_FILE", in.at.file("config", std::string(aws::max_profile_file_bytes + 1, '\n')));
  CHECK(in.refused() == in.at.path() + "/config is longer than 4 MiB");
  in.set("AWS_CONFIG_FILE", "/dev/null");
  CHECK(in.load().profile() == "default");
}
