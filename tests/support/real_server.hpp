// The real S3 server that with_server.sh started, clients of it, and a reader that checks what they give.
// Knows no test's expectations.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3pager/base/bytes.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/pager/client.hpp"
#include "s3pager/ring/reactor.hpp"
#include "support/catch.hpp"
#include "support/contents.hpp"
#include "support/page_checker.hpp"
#include "support/put_client.hpp"

namespace s3pager::test {

/// Where the server is, as with_server.sh tells it, or nginx in front of it, as with_nginx.sh does.
struct real_server {
  std::string name = from("S3PAGER_TEST_SERVER");  ///< radosgw or versitygw; empty: there is none
  std::string endpoint = from("S3PAGER_TEST_ENDPOINT");
  std::string plain_endpoint = from("S3PAGER_TEST_PLAIN_ENDPOINT");  ///< behind nginx; empty: `endpoint`
  std::string ca_file = from("AWS_CA_BUNDLE");                       ///< with nginx, by whom TLS is certified
  std::string access_key_id = from("S3PAGER_TEST_ACCESS_KEY");
  std::string secret_access_key = from("S3PAGER_TEST_SECRET_KEY");
  std::string proxy = from("S3PAGER_TEST_PROXY");  ///< as with_proxy.sh tells it; empty: there is none

  [[nodiscard]] bool is(std::string_view which) const noexcept { return name == which; }
  [[nodiscard]] std::uint16_t port() const {
    return static_cast<std::uint16_t>(std::stoi(endpoint.substr(endpoint.rfind(':') + 1)));
  }
  [[nodiscard]] bool tls() const noexcept { return endpoint.starts_with("https:"); }
  [[nodiscard]] put_client writer() const {
    return {plain_endpoint.empty() ? endpoint : plain_endpoint, access_key_id, secret_access_key};
  }
  [[nodiscard]] client_options options() const {
    return {.access_key_id = access_key_id,
            .secret_access_key = secret_access_key,
            .region = "us-east-1",
            .endpoint_url = endpoint,
            .proxy_url = proxy,
            // Server, proxy and client may be starved by what else runs on the machine, which none of these tests is about.
            .deadlines = {.connect = std::chrono::minutes(2), .handshake = std::chrono::minutes(2), .first_byte = std::chrono::minutes(2)}};
  }

 private:
  [[nodiscard]] static std::string from(const char* variable) {
    const char* const value = std::getenv(variable);
    return value != nullptr ? value : "";
  }
};

/// Ends the program with 77, which CTest takes for skipped, where there is none.
[[nodiscard]] inline const real_server& server() {
  static const real_server found;
  if (found.endpoint.empty()) {
    std::puts("SKIP: no S3 server is given; run this by tests/support/with_server.sh radosgw|versitygw");
    std::fflush(stdout);
    std::_Exit(77);
  }
  return found;
}

/// Runs the test once with each way of receiving: with all that the kernel has, and with all fallbacks.
[[nodiscard]] inline ring::feature each_strategy() {
  const ring::feature masked = GENERATE(ring::feature::none, ring::feature::all);
  UNSCOPED_INFO((masked == ring::feature::none ? "nothing masked" : "all features masked"));
  return masked;
}

[[nodiscard]] inline task<std::vector<object>> all_of(async_generator<object> objects) {
  std::vector<object> made;
  for (;;) {
    std::optional<object> next = co_await objects.next();
    if (!next) break;
    made.push_back(std::move(*next));
  }
  co_return made;
}

[[nodiscard]] inline task<std::vector<ref<xml::list_page>>> all_of(async_generator<ref<xml::list_page>> pages) {
  std::vector<ref<xml::list_page>> made;
  for (;;) {
    std::optional<ref<xml::list_page>> next = co_await pages.next();
    if (!next) break;
    made.push_back(std::move(*next));
  }
  co_return made;
}

/// One object's bytes, its first page's offset, and what the object is known to be.
struct whole_object {
  s3pager::object what = {};
  std::uint64_t offset = 0;
  std::vector<std::byte> bytes = {};
  std::size_t pages = 0;
};

[[nodiscard]] inline task<whole_object> whole_of(page_stream& pages) {
  whole_object made;
  bool ended = false;
  for (;;) {
    const std::optional<page> next = co_await pages.next();
    if (!next) break;
    if (ended) throw std::logic_error("a page follows the last one");
    if (made.pages++ == 0) made.offset = next->offset();
    if (next->offset() != made.offset + made.bytes.size()) throw std::logic_error("a page is not where the one before ended");
    made.what = next->object();
    made.bytes.insert(made.bytes.end(), next->bytes().begin(), next->bytes().end());
    ended = next->last();
  }
  if (!ended) throw std::logic_error("there was no last page");
  co_return made;
}

/// A reactor and a client of the server on it.
struct session {
  explicit session(ring::feature masked, const client_options& options = server().options())
      : loop({.masked = masked}), s3(loop, options) {}

  [[nodiscard]] std::vector<object> list(const list_options& what) { return loop.run(all_of(s3.list(what))); }
  [[nodiscard]] std::vector<ref<xml::list_page>> list_pages(const list_options& what) {
    return loop.run(all_of(s3.list_pages(what)));
  }
  [[nodiscard]] whole_object get(const get_options& what) {
    page_stream pages = s3.get(what);
    return loop.run(whole_of(pages));
  }

  ring::reactor loop;
  client s3;
};

[[nodiscard]] inline std::vector<std::string> keys_of(const std::vector<object>& objects) {
  std::vector<std::string> made;
  for (const object& each : objects) made.emplace_back(each.key);
  return made;
}

/// The error that `call` throws; the test fails if it throws none.
template <class Call>
[[nodiscard]] error error_of(Call&& call) {
  try {
    call();
  } catch (const error& thrown) {
    return thrown;
  }
  FAIL("nothing was thrown");
  throw std::logic_error("unreachable");
}

/// Checks the pages of objects that were put.
class checker final : private put_objects, public page_checker {
 public:
  explicit checker(const object_map& expected, page_order order = page_order::by_arrival)
      : put_objects(expected), page_checker(static_cast<const put_objects&>(*this), order) {}
};

[[nodiscard]] inline std::vector<std::string> keys_of(const object_map& objects) {
  std::vector<std::string> made;
  for (const auto& [key, what] : objects) made.push_back(key);
  return made;
}

}  // namespace s3pager::test
