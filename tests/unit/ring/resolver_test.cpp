#include "s3pager/ring/resolver.hpp"

#include <arpa/inet.h>

#include <chrono>
#include <cstring>
#include <string>
#include <vector>

#include "s3pager/coro/stop.hpp"
#include "support/catch.hpp"
#include "support/drive.hpp"

namespace s3pager::ring {
namespace {

using namespace std::chrono_literals;

std::string text(const socket_address& address) {
  char host[INET6_ADDRSTRLEN];
  const void* raw = address.family() == AF_INET
                        ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in*>(&address.storage)->sin_addr)
                        : static_cast<const void*>(&reinterpret_cast<const sockaddr_in6*>(&address.storage)->sin6_addr);
  ::inet_ntop(address.family(), raw, host, sizeof host);
  return host + std::string(" ") + std::to_string(address.port());
}

task<resolve_result> look_up(reactor& loop, std::string host, std::uint16_t port, time_point deadline = no_deadline) {
  resolve_result found = co_await resolve(loop, host, port, deadline);
  co_return found;
}

std::vector<std::string> addresses(reactor& loop, const std::string& host) {
  const resolve_result found = loop.run(look_up(loop, host, 9000));
  CHECK_FALSE(found.error);
  std::vector<std::string> out;
  for (const socket_address& each : found.addresses) out.push_back(text(each));
  return out;
}

TEST_CASE("literals and names of loopback are answered without a thread") {
  reactor loop;
  CHECK(addresses(loop, "192.0.2.1") == std::vector<std::string>{"192.0.2.1 9000"});
  CHECK(addresses(loop, "2001:db8::1") == std::vector<std::string>{"2001:db8::1 9000"});
  CHECK(addresses(loop, "[::1]") == std::vector<std::string>{"::1 9000"});
  const std::vector<std::string> loopback{"127.0.0.1 9000", "::1 9000"};
  for (const char* host : {"localhost", "LocalHost", "localhost.", "bucket.localhost", "a.b.localhost."})
    CHECK(addresses(loop, host) == loopback);
  CHECK_FALSE(loop.threads());
}

TEST_CASE("what can be no name is refused at once") {
  reactor loop;
  for (const std::string& host : {std::string(), std::string(255, 'a'), std::string("localhost\0.example", 18)}) {
    const resolve_result found = loop.run(look_up(loop, host, 80));
    CHECK(found.error == std::error_code(EAI_NONAME, resolver_category()));
    CHECK(found.error == errc::unavailable);
    CHECK(found.addresses.empty());
  }
  CHECK_FALSE(loop.threads());
}

TEST_CASE("other names are asked for on a thread") {
  reactor loop;
  // A numeric form that only getaddrinfo knows: no network.
  const resolve_result found = loop.run(look_up(loop, "127.1", 81));
  REQUIRE_FALSE(found.error);
  REQUIRE(found.addresses.size() == 1);
  CHECK(text(found.addresses[0]) == "127.0.0.1 81");
  CHECK(loop.threads());
  const resolve_result unknown = loop.run(look_up(loop, "two words", 81));
  CHECK(unknown.error.category() == resolver_category());
  CHECK(unknown.error == errc::unavailable);
}

TEST_CASE("a name that is not waited for any more does no harm") {
  for (int turns = 0; turns < 3; ++turns) {
    reactor loop;
    s3pager::test::root<resolve_result> run(loop.ready(), look_up(loop, "127.1", 81));
    for (int i = 0; i < turns; ++i) loop.run_once(reactor::wait::no);
  }
  manual_clock clock;
  reactor loop({.clock = &clock});
  const coro::stop_source stop;
  stop.request_stop();
  s3pager::test::root<resolve_result> run(loop.ready(), look_up(loop, "127.1", 81), stop.token());
  loop.run_once(reactor::wait::no);
  REQUIRE(run.done());
  CHECK(run.result().error == errc::cancelled);
  CHECK_FALSE(loop.threads());
}

TEST_CASE("a code says in words what went wrong") {
  CHECK(resolver_code(EAI_SYSTEM, ECONNREFUSED) == errno_code(ECONNREFUSED));
  CHECK(resolver_code(EAI_NONAME, 0).message() == "no such host name");
  CHECK(resolver_code(EAI_AGAIN, 0).message() == "the name servers do not answer for now");
  CHECK(resolver_code(EAI_AGAIN, 0) == errc::unavailable);
  CHECK(resolver_code(EAI_NONAME, 0) != errc::not_found);
  CHECK(std::string(resolver_category().name()) == "s3pager.resolver");
}

}  // namespace
}  // namespace s3pager::ring
