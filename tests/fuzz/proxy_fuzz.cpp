// Any bytes as a proxy's URL, as a list of hosts without one, and as a host: a proxy that can be connected to, or words that don't
// repeat what was given; and a list means the same whatever stands around its entries.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "s3pager/net/proxy.hpp"

namespace {

using namespace s3pager;

void must(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Copies of their own, so that a sanitizer sees each byte too many: text, list and host, by null bytes.
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const std::size_t first = all.find('\0');
  const std::size_t second = first == std::string_view::npos ? first : all.find('\0', first + 1);
  const auto copy = [](std::string_view text) { return std::vector<char>(text.begin(), text.end()); };
  const std::vector<char> url = copy(all.substr(0, first));
  const std::vector<char> list = first == std::string_view::npos ? copy({}) : copy(all.substr(first + 1, second - first - 1));
  const std::vector<char> host = second == std::string_view::npos ? copy("host.example") : copy(all.substr(second + 1));
  const std::string_view text(url.data(), url.size());
  const std::string_view no_proxy(list.data(), list.size());
  const std::string_view name(host.data(), host.size());

  const auto made = net::parse_proxy_url(text);
  if (made) {
    must(!made.value().host.empty() && made.value().host.size() <= 253 && made.value().port != 0);
    for (const char c : made.value().host) must(c > ' ' && c <= '~' && c != '@' && c != '/');
    const std::string_view authorization = made.value().authorization.view();
    must(authorization.empty() || authorization.starts_with("Basic "));
    for (const char c : authorization) must(c >= ' ' && c <= '~');
  } else {
    must(made.message().starts_with("the proxy's URL "));
    must(made.message().size() < 120);
  }
  const bool bypassed = net::bypasses_proxy(no_proxy, name);
  if (no_proxy != "*") must(net::bypasses_proxy(", \t" + std::string(no_proxy) + " ,", name) == bypassed);
  return 0;
}
