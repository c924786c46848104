// What a client finds for itself: credentials, endpoint and addressing of the environment and the shared files, as AWS's tools do.
#include <memory>
#include <string>
#include <utility>

#include "s3pager/pager/client.hpp"
#include "support/catch.hpp"
#include "support/metadata_service.hpp"
#include "support/scratch_directory.hpp"
#include "support/variable.hpp"
#include "support/world.hpp"

namespace {

using namespace s3pager;
using test::reader;
using test::variable;
using test::world;

struct bench {
  bench() {
    static_cast<void>(at.file("config", ""));
    options = in.small();
    options.access_key_id = options.secret_access_key = {};
    options.retry = {};
    options.retry.max_attempts = 2;
  }
  void configure(const std::string& text) const { static_cast<void>(at.file("config", text)); }
  [[nodiscard]] bool pages() {
    client s3(in.loop, options);
    return pages(s3);
  }
  [[nodiscard]] bool pages(client& s3) {
    reader got(*in.objects);
    auto stream = s3.page_unordered({.bucket = "s"});
    in.run(test::read_all(stream, got));
    return got.all();
  }
  [[nodiscard]] std::string failure() {
    try {
      static_cast<void>(pages());
    } catch (const error& why) {
      return why.what();
    }
    return "it has not failed";
  }

  world in{{.objects = {.count = 20}}};
  test::scratch_directory at;
  variable files[2] = {{"AWS_CONFIG_FILE", at.path() + "/config"}, {"AWS_SHARED_CREDENTIALS_FILE", at.path() + "/credentials"}};
  variable unset[3] = {variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY"), variable("AWS_SESSION_TOKEN")};
  client_options options;
};

}  // namespace

TEST_CASE("credentials are those of the environment, then of the profile, but of a profile that is chosen in code first", "[pager][found]") {
  bench with;
  // A secret with blanks is none: the origin's keys have none either.
  const auto keys = [](const std::string& id) { return "aws_access_key_id = " + id + "\naws_secret_access_key = S-" + id + "\n"; };
  for (const char* const id : {"DEFAULT", "OTHER"})
    with.in.server->add_key({.access_key_id = id, .secret_access_key = std::string("S-") + id});
  with.configure("[default]\n" + keys("DEFAULT") + "[profile other]\n" + keys("OTHER") + "[profile bad]\n" + keys("BAD"));
  CHECK(with.pages());
  {
    const variable chosen("AWS_PROFILE", "bad");
    CHECK_THAT(with.failure(), Catch::Contains("access denied"));
  }
  const variable id("AWS_ACCESS_KEY_ID", "BAD");
  const variable secret("AWS_SECRET_ACCESS_KEY", "S-BAD");
  CHECK_THAT(with.failure(), Catch::Contains("access denied"));
  with.options.profile = "other";
  CHECK(with.pages());
}

TEST_CASE("keys that are changed in the credentials file are found when the old ones are refused", "[pager][found]") {
  bench with;
  static_cast<void>(with.at.file("credentials", "[default]\naws_access_key_id = FIRST\naws_secret_access_key = S\n"));
  with.in.server->add_key({.access_key_id = "FIRST", .secret_access_key = "S"});
  client s3(with.in.loop, with.options);
  CHECK(with.pages(s3));
  with.in.server->remove_key("FIRST");
  with.in.server->add_key({.access_key_id = "SECOND", .secret_access_key = "S"});
  static_cast<void>(with.at.file("credentials", "[default]\naws_access_key_id = SECOND\naws_secret_access_key = S\n"));
  CHECK(with.pages(s3));
}

TEST_CASE("without any credentials the places that were looked at are named, and nothing is sent", "[pager][found]") {
  bench with;
  int requests = 0;
  with.in.server->set_hook([&](const testing::request_info&) {
    ++requests;
    return testing::behaviour{};
  });
  CHECK_THAT(with.failure(),
             Catch::Contains("no credentials were found in: environment, profile \"default\", container endpoint, instance metadata") &&
                 Catch::Contains("access denied"));
  CHECK(requests == 0);
  with.options.anonymous = true;
  CHECK_THAT(with.failure(), Catch::Contains("AccessDenied"));
  CHECK(requests > 0);
}

TEST_CASE("endpoint and addressing are those of the profile, unless code or environment has others", "[pager][found]") {
  bench with;
  with.in.server->add_key({.access_key_id = "KEY", .secret_access_key = "S"});
  const std::string endpoint(with.options.endpoint_url);
  with.options.endpoint_url = {};
  with.options.addressing = addressing::automatic;
  with.configure("[default]\naws_access_key_id = KEY\naws_secret_access_key = S\nservices = here\ns3 =\n  addressing_style = path\n"
                 "[services here]\ns3 =\n  endpoint_url = " + endpoint + "\n");
  CHECK(with.pages());
  {
    const variable own("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1");
    with.options.retry.max_attempts = 1;
    CHECK_THAT(with.failure(), Catch::Contains("connecting to 127.0.0.1 port 1;"));
  }
  with.configure("[default]\naws_access_key_id = KEY\naws_secret_access_key = S\nendpoint_url = " + endpoint +
                 "\ns3 =\n  addressing_style = virtual\n");
  CHECK_THAT(with.failure(), Catch::Contains("virtual-hosted addressing needs an endpoint with a host name"));
}

TEST_CASE("a wrong setting is named where it is", "[pager][found]") {
  bench with;
  with.configure("[default]\nuse_fips_endpoint = maybe\n");
  CHECK_THAT(with.failure(), Catch::Contains("use_fips_endpoint of the profile \"default\" is neither true nor false"));
  with.configure("[default]\ns3 =\n  addressing_style = other\n");
  CHECK_THAT(with.failure(), Catch::Contains("addressing_style of the profile \"default\" is none of auto, path and virtual"));
  with.configure("[default]\ns3_us_east_1_regional_endpoint = other\n");
  CHECK_THAT(with.failure(), Catch::Contains("is neither legacy nor regional"));
  with.configure("[default]\n");
  with.options.profile = "none";
  CHECK_THAT(with.failure(), Catch::Contains("the option profile names the profile \"none\", which is neither in"));
}

TEST_CASE("the rules of addressing are those of options, environment and profile", "[pager][found]") {
  bench with;
  const auto rules = [&] { return pager::service_settings_of(with.in.loop, with.options).rules; };
  CHECK(rules().use_arn_region);
  CHECK_FALSE(rules().dual_stack);
  with.configure("[default]\nuse_fips_endpoint = true\ns3 =\n  use_dualstack_endpoint = true\n  use_accelerate_endpoint = true\n"
                 "  use_arn_region = false\n  \ns3_us_east_1_regional_endpoint = legacy\ns3_disable_express_session_auth = true\n"
                 "s3_disable_multiregion_access_points = true\n");
  const aws::endpoint_options found = rules();
  CHECK(found.fips);
  CHECK(found.dual_stack);
  CHECK(found.accelerate);
  CHECK_FALSE(found.use_arn_region);
  CHECK(found.use_global_endpoint);
  CHECK(found.disable_s3_express_session_auth);
  CHECK(found.disable_multi_region_access_points);
  const variable dual("AWS_USE_DUALSTACK_ENDPOINT", "false");
  CHECK_FALSE(rules().dual_stack);
  with.options.dual_stack = true;
  with.options.accelerate = false;
  CHECK(rules().dual_stack);
  CHECK_FALSE(rules().accelerate);
}

TEST_CASE("a call may say where its bucket is", "[pager][found]") {
  bench with;
  with.options.access_key_id = world::access_key_id;
  with.options.secret_access_key = world::secret_access_key;
  with.options.region = "eu-west-1";
  with.in.server->set_region("ap-south-1");
  client s3(with.in.loop, with.options);
  reader got(*with.in.objects);
  auto here = s3.page_unordered({.bucket = "s", .region = "ap-south-1"});
  with.in.run(test::read_all(here, got));
  CHECK(got.all());
  CHECK(s3.service().bucket("s", "ap-south-1")->where().signing_region == "ap-south-1");
  CHECK(s3.service().bucket("s")->where().signing_region == "eu-west-1");
  CHECK_THROWS_WITH(s3.page_unordered({.bucket = "s", .region = "Nowhere/"}), Catch::Contains("region is no region's name: a-z, 0-9 and '-' are needed"));
  const std::string url = with.in.run(s3.presign_get({.bucket = "s", .region = "sa-east-1", .key = "k", .expires_in = std::chrono::minutes(1)}));
  CHECK_THAT(url, Catch::Contains("%2Fsa-east-1%2Fs3%2Faws4_request"));
}

TEST_CASE("where nobody has said the region, the instance does, and Amazon S3 is asked there", "[pager][found]") {
  // Amazon S3 is the origin, behind TLS.
  world in{{.objects = {.count = 20}, .tls = TLS1_3_VERSION}};
  test::metadata_service instance(in.loop);
  const variable endpoint("AWS_EC2_METADATA_SERVICE_ENDPOINT", instance.endpoint());
  const variable enabled("AWS_EC2_METADATA_DISABLED");
  const variable regions[2] = {variable("AWS_REGION"), variable("AWS_DEFAULT_REGION")};
  instance.region = "eu-north-1";
  in.server->set_region("eu-north-1");
  client_options options = in.small();
  options.region = options.endpoint_url = options.ca_file = {};
  options.connect_host = "127.0.0.1";
  options.connect_port = in.front->port();
  options.insecure_skip_verification = true;
  options.addressing = addressing::path;
  client s3(in.loop, options);
  CHECK(instance.requests().empty());
  reader got(*in.objects);
  auto pages = s3.page_unordered({.bucket = "s"});
  in.run(test::read_all(pages, got));
  CHECK(got.all());
  CHECK(s3.service().bucket("s")->where().host == "s3.eu-north-1.amazonaws.com");
  CHECK(s3.service().bucket("s")->where().signing_region == "eu-north-1");
  CHECK(instance.count(test::metadata_service::region_line) == 1);
}
