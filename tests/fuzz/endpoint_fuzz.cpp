// Any bytes as a region, an endpoint URL and a bucket or ARN, asked for in any way: a host that can be asked, in the words of a request
// that can be sent, or words that don't repeat an endpoint URL. Path-style and no other option change what is asked of the endpoint.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "s3pager/aws/endpoint.hpp"
#include "s3pager/base/authority.hpp"

namespace {

using namespace s3pager;

void must(bool holds) {
  if (!holds) std::abort();
}

bool visible(std::string_view text) {
  for (const char c : text)
    if (c <= ' ' || c > '~') return false;
  return true;
}

void must_be_sendable(const aws::endpoint& to, const aws::endpoint_options& asked) {
  const bool ipv6 = to.host.find(':') != std::string::npos;
  must(to.port != 0);
  must(ipv6 || is_host_name(to.host));
  const auto header = parse_authority(to.host_header);
  must(header && header.value().host == to.host && header.value().ipv6 == ipv6);
  const std::uint16_t standard = to.tls ? 443 : 80;
  must(header.value().has_port ? header.value().port == to.port && to.port != standard : to.port == standard);
  must(visible(to.path_prefix) && (to.path_prefix.empty() || (to.path_prefix.front() == '/' && to.path_prefix.back() != '/')));
  must(to.path_prefix.find_first_of("?#") == std::string::npos);
  must(aws::detail::is_host_label(to.signing_region));
  for (const std::string_view name : {"s3", "s3express", "s3-outposts", "s3-object-lambda"})
    if (to.signing_name == name) {
      must(to.directory_bucket == (name == "s3express"));
      must(to.session == (to.directory_bucket && !asked.disable_s3_express_session_auth));
      must(to.tls || !aws::uses_tls(asked.endpoint_url));
      return;
    }
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const unsigned flags = data[0];
  const auto how = static_cast<aws::addressing>(data[1] % 3);
  // Copies of their own, so that a sanitizer sees each byte too many: region, URL and bucket, by line feeds.
  const std::string_view all(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::size_t first = all.find('\n');
  const std::size_t second = first == std::string_view::npos ? first : all.find('\n', first + 1);
  if (second == std::string_view::npos) return 0;
  const auto copy = [](std::string_view text) { return std::vector<char>(text.begin(), text.end()); };
  const std::vector<char> region = copy(all.substr(0, first));
  const std::vector<char> url = copy(all.substr(first + 1, second - first - 1));
  const std::vector<char> bucket = copy(all.substr(second + 1));
  const auto view = [](const std::vector<char>& of) { return std::string_view(of.data(), of.size()); };

  const aws::endpoint_options asked{.region = view(region),
                                    .endpoint_url = view(url),
                                    .bucket = view(bucket),
                                    .addressing = how,
                                    .dual_stack = (flags & 1) != 0,
                                    .fips = (flags & 2) != 0,
                                    .accelerate = (flags & 4) != 0,
                                    .use_arn_region = (flags & 8) == 0,
                                    .disable_multi_region_access_points = (flags & 16) != 0,
                                    .disable_s3_express_session_auth = (flags & 32) != 0,
                                    .use_global_endpoint = (flags & 64) != 0};
  const auto found = aws::resolve_endpoint(asked);
  if (found) {
    must_be_sendable(found.value(), asked);
    must(!found.value().session || aws::is_directory_bucket(asked.bucket));
  } else {
    must(!found.message().empty() && found.message().size() < 200);
    for (const char c : found.message()) must(c >= ' ' && c <= '~');
  }

  // A name that no suffix and no prefix makes a special one goes into the path of any endpoint that is one, if it is to.
  if (aws::endpoint_options in_path = asked; !aws::looks_like_arn(asked.bucket) && !aws::is_directory_bucket(asked.bucket) &&
                                             !aws::parse_outposts_alias(asked.bucket) && found && !asked.accelerate) {
    in_path.addressing = aws::addressing::path;
    const auto also = aws::resolve_endpoint(in_path);
    must(also.ok());
    must(also.value().path_prefix.size() > found.value().path_prefix.size() || also.value().path_prefix == found.value().path_prefix);
    must(found.value().host.ends_with(also.value().host));
    must(also.value().signing_region == found.value().signing_region);
  }
  if (const auto parsed = aws::parse_arn(asked.bucket)) {
    const aws::arn& name = parsed.value();
    std::size_t parts = 0;
    std::size_t length = 0;
    for (; name.part(parts); ++parts) length += name.part(parts)->size();
    must(parts > 0 && length + parts - 1 == name.resource.size());
  }
  return 0;
}
