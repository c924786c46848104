// Where requests go for every kind of bucket and every way to reach it: what AWS's rules for its SDKs prescribe, as a table. Never asked
// of AWS itself.
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "s3pager/aws/endpoint.hpp"
#include "s3pager/base/authority.hpp"
#include "support/catch.hpp"

using namespace s3pager;
using namespace s3pager::aws;

namespace {

static_assert(std::is_trivially_destructible_v<endpoint_options>);

/// Where `bucket` is, asked for by words: a region (`-`: none is given), an endpoint URL, and options as they are called below.
/// Expected: `URL region service [session] [unordered]`, or why nowhere.
struct row {
  std::string_view asked;
  std::string_view bucket;
  std::string_view expected;
};

endpoint_options options_of(const row& each) {
  endpoint_options made{.bucket = each.bucket};
  std::string_view words = each.asked;
  while (!words.empty()) {
    const std::string_view word = words.substr(0, words.find(' '));
    words.remove_prefix(word.size() == words.size() ? word.size() : word.size() + 1);
    if (word == "-") continue;
    if (word == "dual") made.dual_stack = true;
    else if (word == "fips") made.fips = true;
    else if (word == "fast") made.accelerate = true;
    else if (word == "global") made.use_global_endpoint = true;
    else if (word == "stay") made.use_arn_region = false;
    else if (word == "single") made.disable_multi_region_access_points = true;
    else if (word == "unsessioned") made.disable_s3_express_session_auth = true;
    else if (word == "path") made.addressing = addressing::path;
    else if (word == "hosted") made.addressing = addressing::virtual_hosted;
    else if (word.find("://") != std::string_view::npos) made.endpoint_url = word;
    else made.region = word;
  }
  return made;
}

std::string answer(const endpoint_options& options) {
  const auto found = resolve_endpoint(options);
  if (!found) return found.message();
  const endpoint& to = found.value();
  const bool standard = to.port == (to.tls ? 443 : 80);
  const std::string host = to.host.find(':') == std::string::npos ? to.host : "[" + to.host + "]";
  if (to.host_header != host + (standard ? "" : ":" + std::to_string(to.port))) return "a Host header that is not of its host and port";
  std::string text = (to.tls ? "https://" : "http://") + to.host_header + to.path_prefix + " " + to.signing_region + " ";
  text.append(to.signing_name);
  if (to.session) text += " session";
  if (to.directory_bucket) text += " unordered";
  return text;
}

void check(std::span<const row> table) {
  for (const row& each : table) {
    INFO(each.asked << " | " << each.bucket);
    CHECK(answer(options_of(each)) == each.expected);
  }
}

}  // namespace

TEST_CASE("rules: a bucket is in the host name of its region's endpoint, in the partition's domain", "[aws][endpoint]") {
  static constexpr row table[] = {
      {"us-east-1", "logs", "https://logs.s3.us-east-1.amazonaws.com us-east-1 s3"},
      {"eu-west-1", "logs", "https://logs.s3.eu-west-1.amazonaws.com eu-west-1 s3"},
      {"us-new-9", "logs", "https://logs.s3.us-new-9.amazonaws.com us-new-9 s3"},
      {"cn-north-1", "logs", "https://logs.s3.cn-north-1.amazonaws.com.cn cn-north-1 s3"},
      {"cn-new-7", "logs", "https://logs.s3.cn-new-7.amazonaws.com.cn cn-new-7 s3"},
      {"us-gov-west-1", "logs", "https://logs.s3.us-gov-west-1.amazonaws.com us-gov-west-1 s3"},
      {"eusc-de-east-1", "logs", "https://logs.s3.eusc-de-east-1.amazonaws.eu eusc-de-east-1 s3"},
      {"us-iso-east-1", "logs", "https://logs.s3.us-iso-east-1.c2s.ic.gov us-iso-east-1 s3"},
      {"us-isob-east-1", "logs", "https://logs.s3.us-isob-east-1.sc2s.sgov.gov us-isob-east-1 s3"},
      {"eu-isoe-west-1", "logs", "https://logs.s3.eu-isoe-west-1.cloud.adc-e.uk eu-isoe-west-1 s3"},
      {"us-isof-south-1", "logs", "https://logs.s3.us-isof-south-1.csp.hci.ic.gov us-isof-south-1 s3"},
      {"aws-global", "logs", "https://logs.s3.amazonaws.com us-east-1 s3"},
      {"aws-cn-global", "logs", "https://logs.s3.aws-cn-global.amazonaws.com.cn aws-cn-global s3"},
      {"nowhere", "logs", "https://logs.s3.nowhere.amazonaws.com nowhere s3"},
      {"eu-west-1", "logs-s3alias", "https://logs-s3alias.s3.eu-west-1.amazonaws.com eu-west-1 s3"},
      {"eu-west-1", "lambda--ol-s3", "https://lambda--ol-s3.s3.eu-west-1.amazonaws.com eu-west-1 s3"},
      {"eu-west-1 hosted", "logs", "https://logs.s3.eu-west-1.amazonaws.com eu-west-1 s3"},
      {"eu-west-1 hosted", "a.b.c", "https://a.b.c.s3.eu-west-1.amazonaws.com eu-west-1 s3"},
      {"eu-west-1 hosted", "Logs", "this bucket's name can't be part of a host name"},
  };
  check(table);
}

TEST_CASE("rules: a bucket that is no label of a host name, or is not to be, is in the path", "[aws][endpoint]") {
  static constexpr row table[] = {
      {"eu-west-1 path", "logs", "https://s3.eu-west-1.amazonaws.com/logs eu-west-1 s3"},
      {"eu-west-1", "a.b.c", "https://s3.eu-west-1.amazonaws.com/a.b.c eu-west-1 s3"},
      {"eu-west-1", "Logs", "https://s3.eu-west-1.amazonaws.com/Logs eu-west-1 s3"},
      {"eu-west-1", "my_logs", "https://s3.eu-west-1.amazonaws.com/my_logs eu-west-1 s3"},
      {"eu-west-1", "ab", "https://s3.eu-west-1.amazonaws.com/ab eu-west-1 s3"},
      {"eu-west-1", "192.168.1.1", "https://s3.eu-west-1.amazonaws.com/192.168.1.1 eu-west-1 s3"},
      {"eu-west-1", "a b:%", "https://s3.eu-west-1.amazonaws.com/a%20b%3A%25 eu-west-1 s3"},
      {"eu-west-1", "\xc3\xa9t\xc3\xa9", "https://s3.eu-west-1.amazonaws.com/%C3%A9t%C3%A9 eu-west-1 s3"},
      {"eu-west-1", "...", "https://s3.eu-west-1.amazonaws.com/... eu-west-1 s3"},
      {"cn-north-1 path", "logs", "https://s3.cn-north-1.amazonaws.com.cn/logs cn-north-1 s3"},
      {"us-gov-west-1 path fips", "logs", "https://s3-fips.us-gov-west-1.amazonaws.com/logs us-gov-west-1 s3"},
      {"eu-west-1 path dual", "logs", "https://s3.dualstack.eu-west-1.amazonaws.com/logs eu-west-1 s3"},
      {"eu-west-1 path fips dual", "logs", "https://s3-fips.dualstack.eu-west-1.amazonaws.com/logs eu-west-1 s3"},
      {"us-east-1 path global", "logs", "https://s3.amazonaws.com/logs us-east-1 s3"},
      {"us-east-1 path global dual", "logs", "https://s3.dualstack.us-east-1.amazonaws.com/logs us-east-1 s3"},
      {"us-east-1 path global fips", "logs", "https://s3-fips.us-east-1.amazonaws.com/logs us-east-1 s3"},
      {"eu-west-1 path global", "logs", "https://s3.eu-west-1.amazonaws.com/logs eu-west-1 s3"},
      {"aws-global path", "logs", "https://s3.amazonaws.com/logs us-east-1 s3"},
      {"aws-global path fips", "logs", "https://s3-fips.us-east-1.amazonaws.com/logs us-east-1 s3"},
      {"aws-global path dual", "logs", "https://s3.dualstack.us-east-1.amazonaws.com/logs us-east-1 s3"},
      {"aws-global path fips dual", "logs", "https://s3-fips.dualstack.us-east-1.amazonaws.com/logs us-east-1 s3"},
      {"eu-west-1 path fast", "logs", "transfer acceleration needs a bucket that is named in the host, without dots in its name"},
  };
  check(table);
}

TEST_CASE("rules: dual-stack, FIPS, acceleration and the global endpoint have host names of their own", "[aws][endpoint]") {
  static constexpr std::string_view undotted = "transfer acceleration needs a bucket that is named in the host, without dots in its name";
  static constexpr row table[] = {
      {"eu-west-1 dual", "logs", "https://logs.s3.dualstack.eu-west-1.amazonaws.com eu-west-1 s3"},
      {"eu-west-1 fips", "logs", "https://logs.s3-fips.eu-west-1.amazonaws.com eu-west-1 s3"},
      {"eu-west-1 fips dual", "logs", "https://logs.s3-fips.dualstack.eu-west-1.amazonaws.com eu-west-1 s3"},
      {"eu-west-1 fast", "logs", "https://logs.s3-accelerate.amazonaws.com eu-west-1 s3"},
      {"eu-west-1 fast dual", "logs", "https://logs.s3-accelerate.dualstack.amazonaws.com eu-west-1 s3"},
      {"us-gov-west-1 fips", "logs", "https://logs.s3-fips.us-gov-west-1.amazonaws.com us-gov-west-1 s3"},
      {"us-gov-west-1 dual", "logs", "https://logs.s3.dualstack.us-gov-west-1.amazonaws.com us-gov-west-1 s3"},
      {"eusc-de-east-1 fips dual", "logs", "https://logs.s3-fips.dualstack.eusc-de-east-1.amazonaws.eu eusc-de-east-1 s3"},
      {"us-iso-east-1 dual", "logs", "https://logs.s3.dualstack.us-iso-east-1.c2s.ic.gov us-iso-east-1 s3"},
      {"us-isob-east-1 fips", "logs", "https://logs.s3-fips.us-isob-east-1.sc2s.sgov.gov us-isob-east-1 s3"},
      {"cn-north-1 dual", "logs", "https://logs.s3.dualstack.cn-north-1.amazonaws.com.cn cn-north-1 s3"},
      {"cn-north-1 fips", "logs", "the partition aws-cn has no FIPS endpoints"},
      {"cn-north-1 fips path", "logs", "the partition aws-cn has no FIPS endpoints"},
      {"cn-north-1 fast", "logs", "the partition aws-cn has no transfer acceleration"},
      {"eu-west-1 fast fips", "logs", "FIPS can't be combined with transfer acceleration"},
      {"eu-west-1 fast", "a.b.c", undotted},
      {"eu-west-1 fast", "Logs", undotted},
      {"eu-west-1 fast hosted", "a.b.c", undotted},
      {"eu-west-1 fast hosted", "logs", "https://logs.s3-accelerate.amazonaws.com eu-west-1 s3"},
      {"us-east-1 global", "logs", "https://logs.s3.amazonaws.com us-east-1 s3"},
      {"us-east-1 global dual", "logs", "https://logs.s3.dualstack.us-east-1.amazonaws.com us-east-1 s3"},
      {"us-east-1 global fips", "logs", "https://logs.s3-fips.us-east-1.amazonaws.com us-east-1 s3"},
      {"us-east-1 global fast", "logs", "https://logs.s3-accelerate.amazonaws.com us-east-1 s3"},
      {"us-east-1 global fast dual", "logs", "https://logs.s3-accelerate.dualstack.amazonaws.com us-east-1 s3"},
      {"us-east-1 global hosted", "a.b", "https://a.b.s3.amazonaws.com us-east-1 s3"},
      {"eu-west-1 global", "logs", "https://logs.s3.eu-west-1.amazonaws.com eu-west-1 s3"},
      {"eu-west-1 global fips dual", "logs", "https://logs.s3-fips.dualstack.eu-west-1.amazonaws.com eu-west-1 s3"},
      {"aws-global global", "logs", "https://logs.s3.amazonaws.com us-east-1 s3"},
      {"aws-global dual", "logs", "https://logs.s3.dualstack.us-east-1.amazonaws.com us-east-1 s3"},
      {"aws-global fips", "logs", "https://logs.s3-fips.us-east-1.amazonaws.com us-east-1 s3"},
      {"aws-global fips dual", "logs", "https://logs.s3-fips.dualstack.us-east-1.amazonaws.com us-east-1 s3"},
      {"aws-global fast", "logs", "https://logs.s3-accelerate.amazonaws.com us-east-1 s3"},
      {"aws-global fast dual", "logs", "https://logs.s3-accelerate.dualstack.us-east-1.amazonaws.com us-east-1 s3"},
  };
  check(table);
}

TEST_CASE("rules: an endpoint of one's own is asked with its scheme, port and path", "[aws][endpoint]") {
  static constexpr row table[] = {
      {"eu-west-1 https://s3.example.com", "logs", "https://logs.s3.example.com eu-west-1 s3"},
      {"eu-west-1 http://s3.example.com:9000/v1/", "logs", "http://logs.s3.example.com:9000/v1 eu-west-1 s3"},
      {"eu-west-1 http://s3.example.com:9000/v1/ path", "logs", "http://s3.example.com:9000/v1/logs eu-west-1 s3"},
      {"eu-west-1 https://s3.example.com:443", "logs", "https://logs.s3.example.com eu-west-1 s3"},
      {"eu-west-1 https://s3.example.com:80", "logs", "https://logs.s3.example.com:80 eu-west-1 s3"},
      {"eu-west-1 http://s3.example.com:443", "logs", "http://logs.s3.example.com:443 eu-west-1 s3"},
      {"us-east-1 global https://s3.example.com", "logs", "https://logs.s3.example.com us-east-1 s3"},
      {"eu-west-1 global https://s3.example.com path", "logs", "https://s3.example.com/logs eu-west-1 s3"},
      {"aws-global https://s3.example.com", "logs", "https://logs.s3.example.com us-east-1 s3"},
      {"aws-global https://s3.example.com path", "logs", "https://s3.example.com/logs us-east-1 s3"},
      {"cn-north-1 https://s3.example.com", "logs", "https://logs.s3.example.com cn-north-1 s3"},
      {"garage http://s3.example.com", "logs", "http://logs.s3.example.com garage s3"},
      {"eu-west-1 http://s3.example.com", "a.b.c", "http://a.b.c.s3.example.com eu-west-1 s3"},
      {"eu-west-1 http://s3.example.com path", "a.b.c", "http://s3.example.com/a.b.c eu-west-1 s3"},
      {"eu-west-1 https://s3.example.com", "a.b.c", "https://s3.example.com/a.b.c eu-west-1 s3"},
      {"eu-west-1 https://s3.example.com hosted", "a.b.c", "https://a.b.c.s3.example.com eu-west-1 s3"},
      {"eu-west-1 https://s3.example.com/v1", "My Logs", "https://s3.example.com/v1/My%20Logs eu-west-1 s3"},
      {"eu-west-1 http://s3.example.com hosted", "Logs", "this bucket's name can't be part of a host name"},
      {"eu-west-1 http://127.0.0.1:9000", "logs", "http://127.0.0.1:9000/logs eu-west-1 s3"},
      {"eu-west-1 http://127.0.0.1:9000/v1", "logs", "http://127.0.0.1:9000/v1/logs eu-west-1 s3"},
      {"eu-west-1 http://127.0.0.1:9000 path", "logs", "http://127.0.0.1:9000/logs eu-west-1 s3"},
      {"eu-west-1 http://127.0.0.1", "Logs", "http://127.0.0.1/Logs eu-west-1 s3"},
      {"us-east-1 global https://10.0.0.1", "logs", "https://10.0.0.1/logs us-east-1 s3"},
      {"eu-west-1 https://[2001:db8::1]:9000/v1", "logs", "https://[2001:db8::1]:9000/v1/logs eu-west-1 s3"},
      {"aws-global http://[::1]", "logs", "http://[::1]/logs us-east-1 s3"},
      {"eu-west-1 dual https://s3.example.com", "logs", "an endpoint URL can't be combined with dual-stack"},
      {"eu-west-1 fips https://s3.example.com", "logs", "an endpoint URL can't be combined with FIPS"},
      {"eu-west-1 fast https://s3.example.com", "logs", "an endpoint URL can't be combined with transfer acceleration"},
      {"eu-west-1 dual path http://127.0.0.1", "logs", "an endpoint URL can't be combined with dual-stack"},
      {"eu-west-1 https://s3.example.com?x", "logs", "the endpoint URL must have no query and no fragment"},
      {"eu-west-1 ftp://s3.example.com", "logs", "the endpoint URL must begin with http:// or https://"},
  };
  check(table);
}

TEST_CASE("rules: an access point's ARN is a name of its account in its own region", "[aws][endpoint]") {
  static constexpr std::string_view point = "arn:aws:s3:us-west-2:123456789012:accesspoint/reports";
  static constexpr std::string_view by_colon = "arn:aws:s3:us-west-2:123456789012:accesspoint:reports";
  static constexpr std::string_view chinese = "arn:aws-cn:s3:cn-north-1:123456789012:accesspoint/reports";
  static constexpr row table[] = {
      {"us-west-2", point, "https://reports-123456789012.s3-accesspoint.us-west-2.amazonaws.com us-west-2 s3"},
      {"us-west-2", by_colon, "https://reports-123456789012.s3-accesspoint.us-west-2.amazonaws.com us-west-2 s3"},
      {"eu-west-1", point, "https://reports-123456789012.s3-accesspoint.us-west-2.amazonaws.com us-west-2 s3"},
      {"aws-global", point, "https://reports-123456789012.s3-accesspoint.us-west-2.amazonaws.com us-west-2 s3"},
      {"us-west-2 dual", point, "https://reports-123456789012.s3-accesspoint.dualstack.us-west-2.amazonaws.com us-west-2 s3"},
      {"us-west-2 fips", point, "https://reports-123456789012.s3-accesspoint-fips.us-west-2.amazonaws.com us-west-2 s3"},
      {"us-west-2 fips dual", point, "https://reports-123456789012.s3-accesspoint-fips.dualstack.us-west-2.amazonaws.com us-west-2 s3"},
      {"us-west-2 hosted", point, "https://reports-123456789012.s3-accesspoint.us-west-2.amazonaws.com us-west-2 s3"},
      {"us-east-1 global", point, "https://reports-123456789012.s3-accesspoint.us-west-2.amazonaws.com us-west-2 s3"},
      {"us-west-2 stay", point, "https://reports-123456789012.s3-accesspoint.us-west-2.amazonaws.com us-west-2 s3"},
      {"eu-west-1 stay", point, "the ARN is of us-west-2, the client is in eu-west-1, and use_arn_region is off"},
      {"us-west-2 http://s3.example.com:9000/v1", point, "http://reports-123456789012.s3.example.com:9000/v1 us-west-2 s3"},
      {"us-west-2 https://s3.example.com", point, "https://reports-123456789012.s3.example.com us-west-2 s3"},
      {"us-west-2 http://localhost:9000", point, "http://reports-123456789012.localhost:9000 us-west-2 s3"},
      {"cn-northwest-1", chinese, "https://reports-123456789012.s3-accesspoint.cn-north-1.amazonaws.com.cn cn-north-1 s3"},
      {"cn-north-1 dual", chinese, "https://reports-123456789012.s3-accesspoint.dualstack.cn-north-1.amazonaws.com.cn cn-north-1 s3"},
      {"cn-north-1 fips", chinese, "the partition aws-cn has no FIPS endpoints"},
      {"us-gov-east-1 fips", "arn:aws-us-gov:s3:us-gov-west-1:123456789012:accesspoint/r",
       "https://r-123456789012.s3-accesspoint-fips.us-gov-west-1.amazonaws.com us-gov-west-1 s3"},
      {"us-west-2", "arn:aws-cn:s3:us-east-1:123456789012:accesspoint/r",
       "https://r-123456789012.s3-accesspoint.us-east-1.amazonaws.com us-east-1 s3"},
      {"us-west-2", "arn:aws:s3:aws-global:123456789012:accesspoint/r",
       "https://r-123456789012.s3-accesspoint.aws-global.amazonaws.com aws-global s3"},
      {"us-west-2", "arn:aws:s3:us-west-2:a-1:accesspoint/Reports",
       "https://Reports-a-1.s3-accesspoint.us-west-2.amazonaws.com us-west-2 s3"},
      {"us-west-2", chinese, "the ARN is of the partition aws-cn, the client is in aws"},
      {"us-gov-west-1", point, "the ARN is of the partition aws, the client is in aws-us-gov"},
      {"us-west-2 fast", point, "an access point can't be combined with transfer acceleration"},
      {"us-west-2 path", point, "an ARN can't be addressed in the path"},
      {"us-west-2 http://127.0.0.1", point, "an ARN needs an endpoint with a host name, not an IP address"},
      {"us-west-2 http://[::1]", point, "an ARN needs an endpoint with a host name, not an IP address"},
      {"us-west-2", "arn:aws:s3:us-west-2:123456789012:accesspoint", "the ARN of an access point names none"},
      {"us-west-2", "arn:aws:s3:us-west-2:123456789012:accesspoint:", "the ARN of an access point names none"},
      {"us-west-2", "arn:aws:s3:us-west-2:123456789012:accesspoint:r:more", "the ARN of an access point ends in accesspoint/NAME"},
      {"us-west-2", "arn:aws:s3:us-west-2:123456789012:accesspoint/r/", "the ARN of an access point ends in accesspoint/NAME"},
      {"us-west-2", "arn:aws:s3:us-west-2:123456789012:accesspoint/r.x",
       "an access point's name in an ARN holds only letters, digits and '-'"},
      {"us-west-2", "arn:aws:s3:us-west-2:123456789012:accesspoint/r_x",
       "an access point's name in an ARN holds only letters, digits and '-'"},
      {"us-west-2", "arn:aws:s3:us-west-2:123456789012:accesspoint/-r",
       "an access point's name in an ARN holds only letters, digits and '-'"},
      {"us-west-2", "arn:aws:s3:us-west-2::accesspoint/r", "an ARN's account id holds only letters, digits and '-'"},
      {"us-west-2", "arn:aws:s3:us-west-2:12.34:accesspoint/r", "an ARN's account id holds only letters, digits and '-'"},
      {"us-west-2", "arn:aws:s3:us_west:123456789012:accesspoint/r", "the ARN's region is no region's name"},
      {"us-west-2", "arn:aws:s3:us.west:123456789012:accesspoint/r", "the ARN's region is no region's name"},
      {"us-west-2", "arn:aws:s3:US-WEST-2:123456789012:accesspoint/r", "the ARN's region is no region's name"},
      {"us-west-2", "arn:aws:sqs:us-west-2:123456789012:accesspoint/r",
       "the ARN of an access point is of the service s3, s3-object-lambda or s3-outposts"},
      {"us-west-2", "arn:aws:s3-outposts:us-west-2:123456789012:accesspoint/r",
       "the ARN of an access point is of the service s3, s3-object-lambda or s3-outposts"},
      {"us-west-2", "arn:aws:s3:::logs", "this ARN is of something other than an access point"},
      {"us-west-2", "arn:aws:s3:us-west-2:123456789012:bucket:logs", "this ARN is of something other than an access point"},
      {"us-west-2", "arn:aws:s3:us-west-2:123456789012:/r", "this ARN is of something other than an access point"},
      {"us-west-2", "arn:aws:s3", "an ARN is arn:partition:service:region:account-id:resource"},
      {"us-west-2", "arn:aws:s3:us-west-2:123456789012:", "an ARN names a partition, a service and a resource"},
      {"us-west-2", "arn::s3:us-west-2:123456789012:accesspoint/r", "an ARN names a partition, a service and a resource"},
      {"us-west-2", "arn:aws:s3:us-west-2:123456789012:accesspoint/r\n", "an ARN holds no control characters"},
      {"us-west-2", "arn:aws:s3:us-west-2:123456789012:accesspoint/r\x7f", "an ARN holds no control characters"},
      {"us-west-2 path", "arn:nothing", "an ARN is arn:partition:service:region:account-id:resource"},
  };
  check(table);
}

TEST_CASE("rules: an Object Lambda access point has a service of its own", "[aws][endpoint]") {
  static constexpr std::string_view point = "arn:aws:s3-object-lambda:us-west-2:123456789012:accesspoint/redact";
  static constexpr std::string_view lambda =
      "https://redact-123456789012.s3-object-lambda.us-west-2.amazonaws.com us-west-2 s3-object-lambda";
  static constexpr row table[] = {
      {"us-west-2", point, lambda},
      {"us-west-2", "arn:aws:s3-object-lambda:us-west-2:123456789012:accesspoint:redact", lambda},
      {"eu-west-1", point, lambda},
      {"aws-global", point, lambda},
      {"us-west-2 fips", point, "https://redact-123456789012.s3-object-lambda-fips.us-west-2.amazonaws.com us-west-2 s3-object-lambda"},
      {"us-west-2 https://s3.example.com:9000/v1", point, "https://redact-123456789012.s3.example.com:9000/v1 us-west-2 s3-object-lambda"},
      {"cn-north-1", "arn:aws-cn:s3-object-lambda:cn-north-1:123456789012:accesspoint/r",
       "https://r-123456789012.s3-object-lambda.cn-north-1.amazonaws.com.cn cn-north-1 s3-object-lambda"},
      {"us-gov-west-1 fips", "arn:aws-us-gov:s3-object-lambda:us-gov-west-1:123456789012:accesspoint/r",
       "https://r-123456789012.s3-object-lambda-fips.us-gov-west-1.amazonaws.com us-gov-west-1 s3-object-lambda"},
      {"eu-west-1 stay", point, "the ARN is of us-west-2, the client is in eu-west-1, and use_arn_region is off"},
      {"cn-north-1", point, "the ARN is of the partition aws, the client is in aws-cn"},
      {"us-west-2 dual", point, "S3 Object Lambda can't be combined with dual-stack"},
      {"us-west-2 fast", point, "S3 Object Lambda can't be combined with transfer acceleration"},
      {"us-west-2 path", point, "an ARN can't be addressed in the path"},
      {"us-west-2 https://127.0.0.1", point, "an ARN needs an endpoint with a host name, not an IP address"},
      {"us-west-2", "arn:aws:s3-object-lambda::123456789012:accesspoint/r", "the ARN's region is no region's name"},
      {"us-west-2", "arn:aws:s3-object-lambda:us-west-2::accesspoint/r", "an ARN's account id holds only letters, digits and '-'"},
      {"us-west-2", "arn:aws:s3-object-lambda:us-west-2:123456789012:accesspoint", "the ARN of an access point names none"},
      {"us-west-2", "arn:aws:s3-object-lambda:us-west-2:123456789012:accesspoint/r:x",
       "the ARN of an access point ends in accesspoint/NAME"},
      {"us-west-2", "arn:aws:s3-object-lambda:us-west-2:123456789012:accesspoint/r*",
       "an access point's name in an ARN holds only letters, digits and '-'"},
      {"us-west-2", "arn:aws:s3-object-lambda:us-west-2:123456789012:bucket/r", "this ARN is of something other than an access point"},
  };
  check(table);
}

TEST_CASE("rules: an access point to an Outpost is a name of its account below its Outpost", "[aws][endpoint]") {
  static constexpr std::string_view point = "arn:aws:s3-outposts:us-west-2:123456789012:outpost/op-01234567890123456/accesspoint/reports";
  static constexpr std::string_view there =
      "https://reports-123456789012.op-01234567890123456.s3-outposts.us-west-2.amazonaws.com us-west-2 s3-outposts";
  static constexpr std::string_view form = "the ARN of an access point to an Outpost ends in outpost/ID/accesspoint/NAME";
  static constexpr row table[] = {
      {"us-west-2", point, there},
      {"us-west-2", "arn:aws:s3-outposts:us-west-2:123456789012:outpost:op-01234567890123456:accesspoint:reports", there},
      {"eu-west-1", point, there},
      {"eu-west-1 stay", point, "the ARN is of us-west-2, the client is in eu-west-1, and use_arn_region is off"},
      {"us-west-2 https://s3.example.com", point, "https://reports-123456789012.op-01234567890123456.s3.example.com us-west-2 s3-outposts"},
      {"us-west-2 http://s3.example.com/v1", point,
       "https://reports-123456789012.op-01234567890123456.s3.example.com us-west-2 s3-outposts"},
      {"us-west-2 http://s3.example.com:9000/v1", point,
       "https://reports-123456789012.op-01234567890123456.s3.example.com:9000 us-west-2 s3-outposts"},
      {"us-west-2 http://s3.example.com:80", point,
       "https://reports-123456789012.op-01234567890123456.s3.example.com:80 us-west-2 s3-outposts"},
      {"cn-north-1", "arn:aws-cn:s3-outposts:cn-north-1:123456789012:outpost/op-1/accesspoint/r",
       "https://r-123456789012.op-1.s3-outposts.cn-north-1.amazonaws.com.cn cn-north-1 s3-outposts"},
      {"us-gov-east-1", "arn:aws-us-gov:s3-outposts:us-gov-west-1:123456789012:outpost/op-1/accesspoint/r",
       "https://r-123456789012.op-1.s3-outposts.us-gov-west-1.amazonaws.com us-gov-west-1 s3-outposts"},
      {"cn-north-1", point, "the ARN is of the partition aws, the client is in aws-cn"},
      {"us-west-2 dual", point, "S3 on Outposts can't be combined with dual-stack"},
      {"us-west-2 fips", point, "S3 on Outposts can't be combined with FIPS"},
      {"us-west-2 fast", point, "S3 on Outposts can't be combined with transfer acceleration"},
      {"us-west-2 path", point, "an ARN can't be addressed in the path"},
      {"us-west-2 https://10.0.0.1", point, "an ARN needs an endpoint with a host name, not an IP address"},
      {"us-west-2", "arn:aws:s3-outposts:us-west-2:123456789012:outpost", form},
      {"us-west-2", "arn:aws:s3-outposts:us-west-2:123456789012:outpost/op-1", form},
      {"us-west-2", "arn:aws:s3-outposts:us-west-2:123456789012:outpost/op-1/accesspoint", form},
      {"us-west-2", "arn:aws:s3-outposts:us-west-2:123456789012:outpost/op-1/accesspoint/",
       "an access point's name in an ARN holds only letters, digits and '-'"},
      {"us-west-2", "arn:aws:s3-outposts:us-west-2:123456789012:outpost/op-1/bucket/logs", form},
      {"us-west-2", "arn:aws:s3-outposts:us-west-2:123456789012:outpost/op-1/accesspoint/r/more", form},
      {"us-west-2", "arn:aws:s3-outposts:us-west-2:123456789012:outpost/op.1/accesspoint/r",
       "an Outpost's id in an ARN holds only letters, digits and '-'"},
      {"us-west-2", "arn:aws:s3-outposts:us-west-2:123456789012:outpost//accesspoint/r",
       "an Outpost's id in an ARN holds only letters, digits and '-'"},
      {"us-west-2", "arn:aws:s3-outposts::123456789012:outpost/op-1/accesspoint/r", "the ARN's region is no region's name"},
      {"us-west-2", "arn:aws:s3-outposts:us-west-2:1_2:outpost/op-1/accesspoint/r",
       "an ARN's account id holds only letters, digits and '-'"},
  };
  check(table);
}

TEST_CASE("rules: an alias of an access point to an Outpost says its hardware", "[aws][endpoint]") {
  static constexpr std::string_view rack = "test-accessp-o0b1d075431d83bebde8xz5w8ijx1qzlbp3i3kuse10--op-s3";
  static constexpr std::string_view server = "test-accessp-e0b1d075431d83bebde8xz5w8ijx1qzlbp3i3kuse10--op-s3";
  static constexpr std::string_view beta_rack = "test-accessp-o0b1d075431d83bebde8xz5w8ijx1qzlbp3i3kbeta0--op-s3";
  static constexpr std::string_view beta_server = "test-accessp-e0b1d075431d83bebde8xz5w8ijx1qzlbp3i3kbeta0--op-s3";
  static constexpr std::string_view rack_in_oregon =
      "https://test-accessp-o0b1d075431d83bebde8xz5w8ijx1qzlbp3i3kuse10--op-s3.op-0b1d075431d83bebd.s3-outposts.us-west-2.amazonaws.com "
      "us-west-2 s3-outposts";
  static constexpr row table[] = {
      {"us-west-2", rack, rack_in_oregon},
      {"us-west-2 path", rack, rack_in_oregon},
      {"us-west-2 dual", rack, rack_in_oregon},
      {"us-west-2 fips", rack, rack_in_oregon},
      {"us-west-2 fast", rack, rack_in_oregon},
      {"us-west-2 https://s3.example.com", rack, rack_in_oregon},
      {"us-west-2 http://127.0.0.1:9000", rack, rack_in_oregon},
      {"us-west-2", server,
       "https://test-accessp-e0b1d075431d83bebde8xz5w8ijx1qzlbp3i3kuse10--op-s3.ec2.s3-outposts.us-west-2.amazonaws.com us-west-2 "
       "s3-outposts"},
      {"cn-north-1", server,
       "https://test-accessp-e0b1d075431d83bebde8xz5w8ijx1qzlbp3i3kuse10--op-s3.ec2.s3-outposts.cn-north-1.amazonaws.com.cn cn-north-1 "
       "s3-outposts"},
      {"us-west-2 https://s3.example.com", beta_rack,
       "https://test-accessp-o0b1d075431d83bebde8xz5w8ijx1qzlbp3i3kbeta0--op-s3.op-0b1d075431d83bebd.s3.example.com us-west-2 s3-outposts"},
      {"us-west-2 http://s3.example.com:9000/v1", beta_server,
       "https://test-accessp-e0b1d075431d83bebde8xz5w8ijx1qzlbp3i3kbeta0--op-s3.ec2.s3.example.com:9000 us-west-2 s3-outposts"},
      {"us-west-2", beta_rack, "this alias of an access point to an Outpost needs an endpoint URL"},
      {"us-west-2", beta_server, "this alias of an access point to an Outpost needs an endpoint URL"},
      {"us-west-2 http://127.0.0.1", beta_rack,
       "this alias of an access point to an Outpost needs an endpoint with a host name, not an IP address"},
      {"us-west-2", "test-accessp-h0b1d075431d83bebde8xz5w8ijx1qzlbp3i3kuse10--op-s3",
       "this alias of an access point to an Outpost names another hardware than e (a server) and o (a rack)"},
      {"us-west-2", "test-accessp-o0b1d07543.d83bebde8xz5w8ijx1qzlbp3i3kuse10--op-s3",
       "this alias of an access point to an Outpost can't be part of a host name"},
      {"us-west-2", "test_accessp-o0b1d075431d83bebde8xz5w8ijx1qzlbp3i3kuse10--op-s3",
       "this alias of an access point to an Outpost can't be part of a host name"},
      {"us-west-2", "a-test-accessp-o0b1d075431d83bebde8xz5w8ijx1qzlbp3i3kuse10--op-s3",
       "this alias of an access point to an Outpost can't be part of a host name"},
      {"us-west-2", "0b1d075431d83bebde8xz5w8ijx1qzlbp3i3kuse10--op-s3",
       "https://0b1d075431d83bebde8xz5w8ijx1qzlbp3i3kuse10--op-s3.s3.us-west-2.amazonaws.com us-west-2 s3"},
  };
  check(table);
}

TEST_CASE("rules: a Multi-Region Access Point needs a signature that there is not here", "[aws][endpoint]") {
  static constexpr std::string_view point = "arn:aws:s3::123456789012:accesspoint/mfzwi23gnjvgw.mrap";
  static constexpr std::string_view unsigned_there =
      "a Multi-Region Access Point needs requests that are signed by SigV4A, which is not supported";
  static constexpr row table[] = {
      {"us-west-2", point, unsigned_there},
      {"us-west-2", "arn:aws:s3::123456789012:accesspoint:reports", unsigned_there},
      {"us-west-2 https://s3.example.com", point, unsigned_there},
      {"cn-north-1", "arn:aws-cn:s3::123456789012:accesspoint/reports", unsigned_there},
      {"us-west-2 single", point, "Multi-Region Access Points are disabled"},
      {"us-west-2 dual", point, "a Multi-Region Access Point can't be combined with dual-stack"},
      {"us-west-2 fips", point, "a Multi-Region Access Point can't be combined with FIPS"},
      {"us-west-2 fast", point, "a Multi-Region Access Point can't be combined with transfer acceleration"},
      {"us-west-2 path", point, "an ARN can't be addressed in the path"},
      {"cn-north-1", point, "the ARN is of another partition than aws-cn, which the client is in"},
      {"us-west-2", "arn:aws:s3::123456789012:accesspoint/a_b", "this Multi-Region Access Point's name can't be part of a host name"},
      {"us-west-2", "arn:aws:s3::123456789012:accesspoint/a..b", "this Multi-Region Access Point's name can't be part of a host name"},
      {"us-west-2", "arn:aws:s3::123456789012:accesspoint/", "the ARN of an access point names none"},
      {"us-west-2 single", "arn:aws:s3:us-west-2:123456789012:accesspoint/r",
       "https://r-123456789012.s3-accesspoint.us-west-2.amazonaws.com us-west-2 s3"},
  };
  check(table);
}

TEST_CASE("rules: a directory bucket is at its zone, and so is an access point to one", "[aws][endpoint]") {
  static constexpr std::string_view bad_zone = "a directory bucket's name ends in its zone, as in name--usw2-az1--x-s3";
  static constexpr std::string_view bad_name = "this directory bucket's name can't be part of a host name";
  static constexpr std::string_view no_arn = "a directory bucket and its access points have names, not ARNs, to be asked by";
  static constexpr row table[] = {
      {"us-west-2", "fast--usw2-az1--x-s3",
       "https://fast--usw2-az1--x-s3.s3express-usw2-az1.us-west-2.amazonaws.com us-west-2 s3express session unordered"},
      {"us-west-2 dual", "fast--usw2-az1--x-s3",
       "https://fast--usw2-az1--x-s3.s3express-usw2-az1.dualstack.us-west-2.amazonaws.com us-west-2 s3express session unordered"},
      {"us-west-2 fips", "fast--usw2-az1--x-s3",
       "https://fast--usw2-az1--x-s3.s3express-fips-usw2-az1.us-west-2.amazonaws.com us-west-2 s3express session unordered"},
      {"us-west-2 fips dual", "fast--usw2-az1--x-s3",
       "https://fast--usw2-az1--x-s3.s3express-fips-usw2-az1.dualstack.us-west-2.amazonaws.com us-west-2 s3express session unordered"},
      {"us-west-2 unsessioned", "fast--usw2-az1--x-s3",
       "https://fast--usw2-az1--x-s3.s3express-usw2-az1.us-west-2.amazonaws.com us-west-2 s3express unordered"},
      {"us-west-2 unsessioned fips dual", "fast--usw2-az1--x-s3",
       "https://fast--usw2-az1--x-s3.s3express-fips-usw2-az1.dualstack.us-west-2.amazonaws.com us-west-2 s3express unordered"},
      {"us-west-2 path", "fast--usw2-az1--x-s3",
       "https://fast--usw2-az1--x-s3.s3express-usw2-az1.us-west-2.amazonaws.com us-west-2 s3express session unordered"},
      {"us-west-2 hosted", "fast--usw2-az1--x-s3",
       "https://fast--usw2-az1--x-s3.s3express-usw2-az1.us-west-2.amazonaws.com us-west-2 s3express session unordered"},
      {"ap-northeast-1", "fast--apne1-az4--x-s3",
       "https://fast--apne1-az4--x-s3.s3express-apne1-az4.ap-northeast-1.amazonaws.com ap-northeast-1 s3express session unordered"},
      {"us-west-2", "fast--usw2-lax1-az1--x-s3",
       "https://fast--usw2-lax1-az1--x-s3.s3express-usw2-lax1-az1.us-west-2.amazonaws.com us-west-2 s3express session unordered"},
      {"us-west-2", "fast--14-characters--x-s3",
       "https://fast--14-characters--x-s3.s3express-14-characters.us-west-2.amazonaws.com us-west-2 s3express session unordered"},
      {"us-west-2 unsessioned", "fast--twenty-characters-20--x-s3",
       "https://fast--twenty-characters-20--x-s3.s3express-twenty-characters-20.us-west-2.amazonaws.com us-west-2 s3express unordered"},
      {"us-west-2", "a--b--usw2-az1--x-s3",
       "https://a--b--usw2-az1--x-s3.s3express-usw2-az1.us-west-2.amazonaws.com us-west-2 s3express session unordered"},
      {"cn-north-1", "fast--cnn1-az1--x-s3",
       "https://fast--cnn1-az1--x-s3.s3express-cnn1-az1.cn-north-1.amazonaws.com.cn cn-north-1 s3express session unordered"},
      {"us-gov-west-1 fips", "fast--usgw1-az1--x-s3",
       "https://fast--usgw1-az1--x-s3.s3express-fips-usgw1-az1.us-gov-west-1.amazonaws.com us-gov-west-1 s3express session unordered"},
      {"aws-global", "fast--usw2-az1--x-s3",
       "https://fast--usw2-az1--x-s3.s3express-usw2-az1.aws-global.amazonaws.com aws-global s3express session unordered"},
      {"us-west-2", "point--usw2-az1--xa-s3",
       "https://point--usw2-az1--xa-s3.s3express-usw2-az1.us-west-2.amazonaws.com us-west-2 s3express session unordered"},
      {"us-west-2 dual", "point--usw2-az1--xa-s3",
       "https://point--usw2-az1--xa-s3.s3express-usw2-az1.dualstack.us-west-2.amazonaws.com us-west-2 s3express session unordered"},
      {"us-west-2 fips", "point--usw2-lax1-az1--xa-s3",
       "https://point--usw2-lax1-az1--xa-s3.s3express-fips-usw2-lax1-az1.us-west-2.amazonaws.com us-west-2 s3express session unordered"},
      {"us-west-2 unsessioned fips dual", "point--apne1-az4--xa-s3",
       "https://point--apne1-az4--xa-s3.s3express-fips-apne1-az4.dualstack.us-west-2.amazonaws.com us-west-2 s3express unordered"},
      {"us-west-2 https://s3.example.com/v1", "fast--usw2-az1--x-s3",
       "https://fast--usw2-az1--x-s3.s3.example.com/v1 us-west-2 s3express session unordered"},
      {"us-west-2 https://s3.example.com path", "fast--usw2-az1--x-s3",
       "https://fast--usw2-az1--x-s3.s3.example.com us-west-2 s3express session unordered"},
      {"us-west-2 http://s3.example.com:9000 unsessioned", "point--usw2-az1--xa-s3",
       "http://point--usw2-az1--xa-s3.s3.example.com:9000 us-west-2 s3express unordered"},
      {"us-west-2 https://s3.example.com", "fast--nowhere--x-s3",
       "https://fast--nowhere--x-s3.s3.example.com us-west-2 s3express session unordered"},
      {"us-west-2 http://127.0.0.1:9000/v1", "fast--usw2-az1--x-s3",
       "http://127.0.0.1:9000/fast--usw2-az1--x-s3/v1 us-west-2 s3express session unordered"},
      {"us-west-2 https://[::1]:9000 unsessioned", "fast--usw2-az1--x-s3",
       "https://[::1]:9000/fast--usw2-az1--x-s3 us-west-2 s3express unordered"},
      {"us-west-2 http://10.0.0.1", "Fast_1--x-s3", "http://10.0.0.1/Fast_1--x-s3 us-west-2 s3express session unordered"},
      {"us-west-2", "fast--az1--x-s3", bad_zone},
      {"us-west-2", "fast--usw2-az12345--x-s3", bad_zone},
      {"us-west-2", "fast-usw2-az1--x-s3", bad_zone},
      {"us-west-2 unsessioned", "fast--x-s3", bad_zone},
      {"us-west-2", "point--az1--xa-s3", bad_zone},
      {"us-west-2", "Fast--usw2-az1--x-s3", bad_name},
      {"us-west-2", "fa.st--usw2-az1--x-s3", bad_name},
      {"us-west-2", "--usw2-az1--x-s3", bad_name},
      {"us-west-2", "po_int--usw2-az1--xa-s3", bad_name},
      {"us-west-2 https://s3.example.com", "fa.st--usw2-az1--x-s3", bad_name},
      {"us-west-2 unsessioned http://s3.example.com", "po.int--usw2-az1--xa-s3", bad_name},
      {"us-west-2 fast", "fast--usw2-az1--x-s3", "a directory bucket can't be combined with transfer acceleration"},
      {"us-west-2 fast", "point--usw2-az1--xa-s3", "a directory bucket can't be combined with transfer acceleration"},
      {"us-west-2 dual https://s3.example.com", "fast--usw2-az1--x-s3", "an endpoint URL can't be combined with dual-stack"},
      {"us-west-2 fips https://s3.example.com", "fast--usw2-az1--x-s3", "an endpoint URL can't be combined with FIPS"},
      {"cn-north-1 fips", "fast--cnn1-az1--x-s3", "the partition aws-cn has no FIPS endpoints"},
      {"us-west-2", "arn:aws:s3express:us-west-2:123456789012:accesspoint/point--usw2-az1--xa-s3", no_arn},
      {"us-west-2 http://127.0.0.1", "arn:aws:s3express:us-west-2:123456789012:bucket/fast--usw2-az1--x-s3", no_arn},
  };
  check(table);
}

// Where AWS's rules would have a request sent that could only fail, or go where nobody means it to.
TEST_CASE("stricter than the rules: what can't go well is refused, and no name is put before an address", "[aws][endpoint]") {
  static constexpr std::string_view hosts_only = "virtual-hosted addressing needs an endpoint with a host name, not an IP address";
  static constexpr std::string_view region_at_amazon = "a region holds only a-z, 0-9 and '-'";
  static constexpr std::string_view region_anywhere = "a region has 1 to 63 letters, digits and '-', and none of these at an end";
  static constexpr std::string_view too_long =
      "the bucket and the endpoint make too long a host name: a label has at most 63 characters, the whole 253";
  static constexpr row table[] = {
      {"-", "logs", "a region or an endpoint URL is needed"},
      {"eu-west-1", "", "a bucket is needed"},
      {"eu-west-1", "a/b", "a bucket's name holds no '/' and no control characters"},
      {"eu-west-1", "a\tb", "a bucket's name holds no '/' and no control characters"},
      {"eu-west-1", ".", "a bucket's name can't be . or .."},
      {"eu-west-1 path", "..", "a bucket's name can't be . or .."},
      // A region is a host label in the path-style too, and in lower case at Amazon: it is signed.
      {"EU-WEST-1", "logs", region_at_amazon},
      {"EU-WEST-1 path", "logs", region_at_amazon},
      {"eu_west_1 path", "logs", region_at_amazon},
      {"eu.west", "fast--usw2-az1--x-s3", region_at_amazon},
      {"-eu-west-1", "logs", region_anywhere},
      {"eu-west-1- path", "logs", region_anywhere},
      {"EU https://s3.example.com", "logs", "https://logs.s3.example.com EU s3"},
      {"eu_west https://s3.example.com", "logs", region_anywhere},
      {"eu_west https://s3.example.com path", "logs", region_anywhere},
      {"eu/west http://127.0.0.1", "logs", region_anywhere},
      // An endpoint URL that is none is not passed over in favour of Amazon's.
      {"us-west-2 https://s3.example.com?x", "fast--usw2-az1--x-s3", "the endpoint URL must have no query and no fragment"},
      {"us-west-2 gopher://h", "test-accessp-o0b1d075431d83bebde8xz5w8ijx1qzlbp3i3kuse10--op-s3",
       "the endpoint URL must begin with http:// or https://"},
      {"us-west-2 https://a..b", "arn:aws:s3:us-west-2:123456789012:accesspoint/r",
       "the endpoint URL has no valid host name (an IPv6 address needs brackets)"},
      // No host name ends in an address.
      {"eu-west-1 http://127.0.0.1:9000/v1", "a.b.c", "http://127.0.0.1:9000/v1/a.b.c eu-west-1 s3"},
      {"eu-west-1 http://[::1]", "a.b.c", "http://[::1]/a.b.c eu-west-1 s3"},
      {"eu-west-1 http://127.0.0.1 hosted", "logs", hosts_only},
      {"us-west-2 http://127.0.0.1 hosted", "fast--usw2-az1--x-s3", hosts_only},
      // This machine is asked like an address, unless a name before it is asked for.
      {"eu-west-1 http://localhost:9000", "logs", "http://localhost:9000/logs eu-west-1 s3"},
      {"eu-west-1 http://localhost:9000", "a.b", "http://localhost:9000/a.b eu-west-1 s3"},
      {"eu-west-1 http://LocalHost:9000 hosted", "logs", "http://logs.LocalHost:9000 eu-west-1 s3"},
      {"us-west-2 http://localhost:9000/v1", "fast--usw2-az1--x-s3",
       "http://localhost:9000/fast--usw2-az1--x-s3/v1 us-west-2 s3express session unordered"},
      {"us-west-2 http://localhost hosted", "fast--usw2-az1--x-s3",
       "http://fast--usw2-az1--x-s3.localhost us-west-2 s3express session unordered"},
      // All slashes at the end of an endpoint's path are one.
      {"eu-west-1 http://s3.example.com/v1// path", "logs", "http://s3.example.com/v1/logs eu-west-1 s3"},
      // No region with an endpoint URL: us-east-1.
      {"- http://s3.example.com", "logs", "http://logs.s3.example.com us-east-1 s3"},
      {"- http://127.0.0.1", "fast--usw2-az1--x-s3", "http://127.0.0.1/fast--usw2-az1--x-s3 us-east-1 s3express session unordered"},
      {"- http://s3.example.com", "arn:aws:s3:us-west-2:123456789012:accesspoint/r", "http://r-123456789012.s3.example.com us-west-2 s3"},
      {"- http://s3.example.com stay", "arn:aws:s3:us-west-2:123456789012:accesspoint/r",
       "the ARN is of us-west-2, the client is in us-east-1, and use_arn_region is off"},
      // The global region is none to sign for; the rules forget that of names with dots at one's own endpoint.
      {"aws-global http://s3.example.com", "a.b.c", "http://a.b.c.s3.example.com us-east-1 s3"},
      // A label has no more than 63 characters, a name no more than 253.
      {"us-west-2", "arn:aws:s3:us-west-2:123456789012:accesspoint/an-access-point-of-so-long-a-name-that-the-account-has-no-room",
       too_long},
      {"us-west-2 http://s3.example.com",
       "arn:aws:s3:us-west-2:123456789012:accesspoint/an-access-point-whose-name-is-just-short-enough-be",
       "http://an-access-point-whose-name-is-just-short-enough-be-123456789012.s3.example.com us-west-2 s3"},
  };
  check(table);
}

TEST_CASE("a host name is as long as one can be, and no longer", "[aws][endpoint]") {
  const std::string label(61, 'h');
  const std::string host = label + "." + label + "." + label + "." + label;  // 247
  const std::string url = "http://" + host;
  CHECK(answer({.endpoint_url = url, .bucket = "bucke"}) == "http://bucke." + host + " us-east-1 s3");
  CHECK(answer({.endpoint_url = url, .bucket = "bucket"}).starts_with("the bucket and the endpoint make too long a host name"));
  CHECK(answer({.endpoint_url = url, .bucket = "bucket", .addressing = addressing::path}) == "http://" + host + "/bucket us-east-1 s3");
}

TEST_CASE("whatever is cut off or put into a name, there is a host name, or words that say why not", "[aws][endpoint]") {
  static constexpr std::string_view names[] = {
      "logs", "a.b.c", "fast--usw2-az1--x-s3", "point--usw2-az1--xa-s3", "test-accessp-o0b1d075431d83bebde8xz5w8ijx1qzlbp3i3kbeta0--op-s3",
      "arn:aws:s3:us-west-2:123456789012:accesspoint/reports", "arn:aws:s3::123456789012:accesspoint/mfzwi23gnjvgw.mrap",
      "arn:aws:s3-object-lambda:us-west-2:123456789012:accesspoint/redact",
      "arn:aws:s3-outposts:us-west-2:123456789012:outpost/op-01234567890123456/accesspoint/reports"};
  const auto holds = [](const endpoint_options& options) {
    const auto found = resolve_endpoint(options);
    if (!found) return !found.message().empty();
    const endpoint& to = found.value();
    if (to.host != "::1" && !is_host_name(to.host)) return false;
    for (const char c : to.host_header + to.path_prefix)
      if (c <= ' ' || c > '~') return false;
    return !to.signing_region.empty() && (!to.session || to.directory_bucket);
  };
  for (const std::string_view name : names) {
    for (const std::string_view url : {"", "http://s3.example.com:9000/v1", "http://[::1]", "https://localhost"}) {
      for (std::size_t at = 0; at <= name.size(); ++at) {
        const std::string cut(name.substr(0, at));
        INFO(url << " | " << name << " | " << at);
        REQUIRE(holds({.region = "us-west-2", .endpoint_url = url, .bucket = cut}));
        for (const char c : std::string_view("\0.:/-_A%\n\xff", 10)) {
          const std::string garbled = cut + c + std::string(name.substr(at));
          REQUIRE(holds({.region = "us-west-2", .endpoint_url = url, .bucket = garbled}));
        }
      }
    }
  }
}
