// Any bytes as a URL: a refusal in words, or parts that make the same URL again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "s3pager/aws/presigned_url.hpp"
#include "s3pager/base/secret.hpp"
#include "s3pager/http/detail/characters.hpp"

namespace {

void must(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace s3pager;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto made = aws::parse_presigned_url(text);
  must(made.ok() == made.message().empty());
  if (!made) return 0;
  const aws::presigned_url& url = made.value();
  const std::string_view target = url.target.view();
  must(target.size() > 1 && target.front() == '/' && text.ends_with(target));
  must(http::detail::skip_visible(target.data(), target.data() + target.size()) == target.data() + target.size());
  must(!url.host.empty() && url.port != 0 && !url.key.empty());
  const std::size_t question = target.find('?');
  must(url.secrets.empty() == (question == std::string_view::npos || question + 1 == target.size()));
  // What a request says of it leads to the same place.
  const std::string again = std::string(url.tls ? "https://" : "http://") + url.host_header + std::string(target);
  const auto same = aws::parse_presigned_url(again);
  if (again.size() > 16 * 1024) return 0;
  must(same.ok());
  must(same.value().host == url.host && same.value().port == url.port && same.value().host_header == url.host_header);
  must(same.value().target.view() == target && same.value().key == url.key && same.value().secrets.size() == url.secrets.size());
  return 0;
}
