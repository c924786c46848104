// What a caller has go with the requests of a call: on which of them it goes, whatever becomes of them, and what is refused.
#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3pager/pager/client.hpp"
#include "support/catch.hpp"
#include "support/drive.hpp"
#include "support/world.hpp"

namespace {

using namespace s3pager;
using namespace std::chrono_literals;
using test::world;

constexpr std::string_view owner = "111122223333";

/// A request as the origin got it, with its headers' names in lower case.
struct asked {
  std::string key = {};
  std::string range = {};
  std::string query = {};
  std::map<std::string, std::string> headers = {};

  [[nodiscard]] std::string header(const std::string& name) const {
    const auto at = headers.find(name);
    return at == headers.end() ? "none" : at->second;
  }
  [[nodiscard]] bool signs(std::string_view name) const {
    const std::string authorization = header("authorization");
    const std::string list = authorization.substr(authorization.find("SignedHeaders=") + 14);
    return (";" + list.substr(0, list.find(',')) + ";").find(";" + std::string(name) + ";") != std::string::npos;
  }
};

struct bench {
  explicit bench(const test::world_options& options = {.objects = {.count = 5}}) : in(options) {
    in.memory->put("k", "0123456789");
    in.server->set_hook([this](const testing::request_info& what) {
      asked made{.key = std::string(what.key), .range = std::string(what.range), .query = std::string(what.query)};
      for (const http::field each : what.headers) {
        std::string name(each.name);
        for (char& c : name) c = ascii_lower(c);
        made.headers.emplace(std::move(name), each.value);
      }
      seen.push_back(std::move(made));
      return behave ? behave(what) : testing::behaviour{};
    });
  }
  ~bench() {
    in.settle();
    in.end();
  }
  /// All bytes of a stream that a client with these options makes; or the error.
  std::string read(const client_options& how, const std::function<page_stream(client&)>& start) {
    std::string bytes;
    try {
      client s3(in.loop, how);
      page_stream pages = start(s3);
      in.run(read_to_end(pages, bytes));
    } catch (const error& why) {
      failure.emplace(why);
      return why.code().message();
    }
    return bytes;
  }
  static task<> read_to_end(page_stream& pages, std::string& into) {
    for (;;) {
      const std::optional<page> got = co_await pages.next();
      if (!got) break;
      into += got->text();
    }
  }

  world in;
  std::vector<asked> seen;
  std::function<testing::behaviour(const testing::request_info&)> behave;
  std::optional<error> failure;
};

task<> list_all(client& s3, const list_options& what, std::size_t& count) {
  auto objects = s3.list(what);
  for (;;) {
    const std::optional<object> next = co_await objects.next();
    if (!next) break;
    ++count;
  }
}

}  // namespace

TEST_CASE("a call's headers and the client's go with every request, signed", "[pager][request_options]") {
  bench with;
  const request_header clients[] = {{"X-Team", "storage"}, {"x-amz-meta-why", "client"}};
  const request_header calls[] = {{"X-Amz-Meta-Why", "call"}, {"traceparent", "00-4bf9"}};
  client_options how = with.in.small();
  how.headers = clients;
  SECTION("of a prefix") {
    with.read(how, [&](client& s3) {
      return s3.page_ordered({.bucket = "s", .expected_bucket_owner = owner, .headers = calls});
    });
    CHECK(with.seen.size() == 6);
  }
  SECTION("of keys") {
    with.read(how, [&](client& s3) {
      return s3.page_unordered("m", {std::string_view("k")}, {.expected_bucket_owner = owner, .headers = calls});
    });
    CHECK(with.seen.size() == 1);
  }
  SECTION("of an object") {
    const std::string got = with.read(how, [&](client& s3) {
      return s3.get({.bucket = "m", .key = "k", .expected_bucket_owner = owner, .headers = calls});
    });
    CHECK(got == "0123456789");
    CHECK(with.seen.size() == 1);
  }
  SECTION("of a list") {
    client s3(with.in.loop, how);
    std::size_t count = 0;
    with.in.run(list_all(s3, {.bucket = "s", .max_keys = 2, .expected_bucket_owner = owner, .headers = calls}, count));
    CHECK(count == 5);
    CHECK(with.seen.size() == 3);
  }
  CHECK_FALSE(with.failure);
  for (const asked& each : with.seen) {
    CHECK(each.header("x-team") == "storage");
    CHECK(each.header("x-amz-meta-why") == "call");
    CHECK(each.header("traceparent") == "00-4bf9");
    CHECK(each.header("x-amz-expected-bucket-owner") == owner);
    for (const char* name : {"host", "traceparent", "x-amz-content-sha256", "x-amz-date", "x-amz-expected-bucket-owner", "x-amz-meta-why", "x-team"})
      CHECK(each.signs(name));
  }
}

TEST_CASE("without options of its own a call sends what the client's have, or nothing", "[pager][request_options]") {
  bench with;
  const auto get = [](client& s3) { return s3.get({.bucket = "m", .key = "k"}); };
  CHECK(with.read(with.in.small(), get) == "0123456789");
  const request_header clients[] = {{"x-team", "storage"}};
  client_options how = with.in.small();
  how.headers = clients;
  CHECK(with.read(how, get) == "0123456789");
  REQUIRE(with.seen.size() == 2);
  CHECK(with.seen[0].header("authorization").find("SignedHeaders=host;x-amz-checksum-mode;x-amz-content-sha256;x-amz-date,") !=
        std::string::npos);
  CHECK(with.seen[0].header("user-agent") == "s3pager/" + std::string(version));
  CHECK(with.seen[1].header("x-team") == "storage");
  CHECK(with.seen[1].header("x-amz-expected-bucket-owner") == "none");
}

TEST_CASE("a bucket of another account is denied, to lists and objects", "[pager][request_options]") {
  bench with;
  const std::string denied = make_error_code(errc::access_denied).message();
  const auto code = [&](const std::function<page_stream(client&)>& start) {
    const std::string got = with.read(with.in.small(), start);
    REQUIRE(with.failure);
    CHECK(with.failure->http_status() == 403);
    return got;
  };
  CHECK(code([](client& s3) { return s3.get({.bucket = "m", .key = "k", .expected_bucket_owner = "444455556666"}); }) == denied);
  CHECK(code([](client& s3) { return s3.page_ordered({.bucket = "s", .expected_bucket_owner = "444455556666"}); }) == denied);
}

TEST_CASE("the client says behind its name what it was told to", "[pager][request_options]") {
  bench with;
  client_options how = with.in.small();
  how.user_agent_suffix = "indexer/2.1 (night)";
  with.read(how, [](client& s3) { return s3.page_ordered({.bucket = "s"}); });
  REQUIRE(with.seen.size() == 6);
  for (const asked& each : with.seen) {
    CHECK(each.header("user-agent") == "s3pager/" + std::string(version) + " indexer/2.1 (night)");
    CHECK_FALSE(each.signs("user-agent"));
  }
}

TEST_CASE("options go with what is asked for again: a rest, another attempt, and another region", "[pager][request_options]") {
  bench with;
  with.in.memory->put("large", std::string(300'000, 'x'));
  const request_header calls[] = {{"x-team", "storage"}};
  client_options how = with.in.small();
  how.retry = {.base_delay = duration::zero()};
  int gets = 0;
  with.behave = [&](const testing::request_info& what) -> testing::behaviour {
    if (what.key.empty()) return {};
    switch (++gets) {
      case 1: return {.status = 500};
      case 2: return {.cut_at = 100'000};
      case 3: with.in.server->set_region("eu-west-3"); return {.status = 301, .region = "eu-west-3"};
      default: return {};
    }
  };
  const std::string got = with.read(how, [&](client& s3) {
    return s3.page_ordered({.bucket = "m", .prefix = "large", .requester_pays = true, .expected_bucket_owner = owner, .headers = calls});
  });
  CHECK(got == std::string(300'000, 'x'));
  REQUIRE(with.seen.size() == 5);
  CHECK(with.seen.back().header("authorization").find("/eu-west-3/s3/aws4_request") != std::string::npos);
  CHECK(with.seen[4].range == "bytes=100000-299999");
  for (const asked& each : with.seen) {
    CHECK(each.header("x-team") == "storage");
    CHECK(each.header("x-amz-expected-bucket-owner") == owner);
    CHECK(each.header("x-amz-request-payer") == "requester");
    CHECK(each.signs("x-team"));
  }
}

TEST_CASE("a second request for a late one has the same options", "[pager][request_options]") {
  bench with({.objects = {.count = 40, .size_of = [](std::uint64_t) { return std::uint64_t{100}; }}});
  coro::event never;
  bool late = false;
  with.behave = [&](const testing::request_info& what) -> testing::behaviour {
    if (late || what.key != with.in.objects->key(39)) return {};
    late = true;
    return {.gate = &never, .stall_head = true};
  };
  const request_header calls[] = {{"x-team", "storage"}};
  client_options how = with.in.small();
  how.hedge = {.max_share = 1, .least_samples = 1};
  {
    client s3(with.in.loop, how);
    auto pages = s3.page_ordered({.bucket = "s", .headers = calls});
    std::string bytes;
    test::root<> reading(with.in.loop.ready(), bench::read_to_end(pages, bytes));
    with.in.until([&] { return late; });
    with.in.until([&] {
      with.in.time.advance(50ms);
      return reading.done();
    });
    reading.result();
    CHECK(pages.summary().hedges == 1);
  }
  never.set();
  CHECK(with.seen.size() == 43);
  for (const asked& each : with.seen) CHECK(each.header("x-team") == "storage");
}

TEST_CASE("headers that the answer is to have are asked for in the query, with version and part, and with every rest", "[pager][request_options]") {
  bench with;
  with.in.memory->put("large", std::string(300'000, 'x'));
  client_options how = with.in.small();
  how.retry = {.base_delay = duration::zero()};
  with.behave = [&](const testing::request_info&) -> testing::behaviour {
    return {.cut_at = with.seen.size() == 1 ? 100'000 : testing::behaviour::never};
  };
  const std::string overrides = "response-content-disposition=attachment%3B%20filename%3D%22a%20b%22&response-content-type=text%2Fplain&versionId=null";
  const auto get = [](std::optional<std::uint32_t> part) {
    return [part](client& s3) {
      return s3.get({.bucket = "m", .key = "large", .version_id = "null", .part_number = part,
                     .response = {.content_disposition = "attachment; filename=\"a b\"", .content_type = "text/plain"}});
    };
  };
  CHECK(with.read(how, get({})) == std::string(300'000, 'x'));
  CHECK(with.read(how, get(1)) == std::string(300'000, 'x'));
  REQUIRE(with.seen.size() == 3);
  CHECK(with.seen[0].query == overrides);
  CHECK(with.seen[1].query == overrides);
  CHECK(with.seen[1].range == "bytes=100000-299999");
  CHECK(with.seen[2].query == "partNumber=1&" + overrides);
}

TEST_CASE("checksums are asked for as the call says, or the client", "[pager][request_options]") {
  bench with({.origin = {.checksums = {.algorithm = testing::checksum_algorithm::crc32c}}, .objects = {.count = 2}});
  const auto modes = [&](verify clients, const std::function<page_stream(client&)>& start) {
    with.seen.clear();
    client_options how = with.in.small();
    how.verify = clients;
    with.read(how, start);
    CHECK_FALSE(with.failure);
    std::string made;
    for (const asked& each : with.seen)
      if (!each.key.empty()) made += each.header("x-amz-checksum-mode") + ' ';
    return made;
  };
  for (const verify clients : {verify::off, verify::as_it_arrives, verify::before_delivery}) {
    const std::string usual = clients == verify::off ? "none " : "ENABLED ";
    CHECK(modes(clients, [](client& s3) { return s3.get({.bucket = "m", .key = "k"}); }) == usual);
    CHECK(modes(clients, [](client& s3) { return s3.get({.bucket = "m", .key = "k", .verify = verify::off}); }) == "none ");
    CHECK(modes(clients, [](client& s3) { return s3.get({.bucket = "m", .key = "k", .verify = verify::as_it_arrives}); }) == "ENABLED ");
    CHECK(modes(clients, [](client& s3) { return s3.page_ordered({.bucket = "s"}); }) == usual + usual);
    CHECK(modes(clients, [](client& s3) { return s3.page_ordered({.bucket = "s", .verify = verify::off}); }) == "none none ");
    CHECK(modes(clients, [](client& s3) { return s3.page_unordered("m", {std::string_view("k")}, {.verify = verify::before_delivery}); }) ==
          "ENABLED ");
  }
}

TEST_CASE("a client without credentials asks for no headers of the answer", "[pager][request_options]") {
  bench with;
  client_options how = with.in.small();
  how.access_key_id = how.secret_access_key = {};
  how.anonymous = true;
  with.read(how, [](client& s3) { return s3.get({.bucket = "m", .key = "k", .response = {.expires = "0"}}); });
  REQUIRE(with.failure);
  CHECK(with.failure->code() == errc::invalid_argument);
  CHECK(with.failure->details().message.starts_with("response is given, and the client has no credentials"));
  CHECK(with.seen.empty());
}

namespace {

constexpr std::string_view key_text = "an AES-256 key has just 32 bytes";
constexpr std::string_view other_text = "AN AES-256 KEY HAS JUST 32 BYTES";
constexpr std::string_view key_base64 = "YW4gQUVTLTI1NiBrZXkgaGFzIGp1c3QgMzIgYnl0ZXM=";
const customer_key right_key{as_byte_span(key_text)};
const customer_key other_key{as_byte_span(other_text)};

}  // namespace

TEST_CASE("objects under a customer's key are read with it, whatever becomes of their requests", "[pager][request_options]") {
  bench with({.origin = {.checksums = {.algorithm = testing::checksum_algorithm::crc32c}}, .tls = TLS1_3_VERSION});
  with.in.memory->put("large", std::string(300'000, 'x'));
  with.in.memory->encrypt_with("large", right_key.key);
  with.in.memory->encrypt_with("k", right_key.key);
  client_options how = with.in.small();
  how.retry = {.base_delay = duration::zero()};
  const std::string denied = make_error_code(errc::access_denied).message();
  SECTION("of a prefix, with a body that breaks off") {
    with.behave = [&](const testing::request_info& what) -> testing::behaviour {
      return {.cut_at = what.key == "large" && what.range.empty() ? 100'000 : testing::behaviour::never};
    };
    const std::string got = with.read(how, [](client& s3) { return s3.page_ordered({.bucket = "m", .customer_key = right_key}); });
    CHECK(got == "0123456789" + std::string(300'000, 'x'));
    REQUIRE(with.seen.size() == 4);
    for (const asked& each : with.seen) {
      const bool list = each.key.empty();
      CHECK(each.header("x-amz-server-side-encryption-customer-algorithm") == (list ? "none" : "AES256"));
      CHECK(each.header("x-amz-server-side-encryption-customer-key") == (list ? "none" : key_base64));
      CHECK(each.header("x-amz-server-side-encryption-customer-key-md5") == (list ? "none" : "UfbgQ/LI3bM6j9siHe5MPA=="));
      for (const char* name : {"algorithm", "key", "key-md5"})
        CHECK(each.signs("x-amz-server-side-encryption-customer-" + std::string(name)) == !list);
    }
  }
  SECTION("of keys") {
    CHECK(with.read(how, [](client& s3) { return s3.page_unordered("m", {std::string_view("k")}, {.customer_key = right_key}); }) == "0123456789");
  }
  SECTION("of an object, whose checksum is that of its bytes") {
    client s3(with.in.loop, how);
    auto pages = s3.get({.bucket = "m", .key = "k", .customer_key = right_key});
    with.in.run([](page_stream& of) -> task<> {
      const std::optional<page> got = co_await of.next();
      CHECK(got->text() == "0123456789");
      CHECK(got->object().verification() == verification::crc32c);
    }(pages));
  }
  SECTION("with another key") {
    CHECK(with.read(how, [](client& s3) { return s3.get({.bucket = "m", .key = "k", .customer_key = other_key}); }) == denied);
    CHECK(with.failure->s3_code() == "AccessDenied");
  }
  SECTION("without one") {
    with.read(how, [](client& s3) { return s3.get({.bucket = "m", .key = "k"}); });
    REQUIRE(with.failure);
    CHECK(with.failure->http_status() == 400);
    CHECK(with.failure->details().message.find("Server Side Encryption") != std::string::npos);
  }
}

TEST_CASE("a customer's key does not go over the network as it is", "[pager][request_options]") {
  bench with;
  client s3(with.in.loop, with.in.small());
  const auto refused = Catch::Matchers::StartsWith("customer_key is given, and the endpoint is not https");
  CHECK_THROWS_WITH(s3.get({.bucket = "m", .key = "k", .customer_key = right_key}), refused);
  CHECK_THROWS_WITH(s3.page_ordered({.bucket = "m", .customer_key = right_key}), refused);
  CHECK_THROWS_WITH(s3.page_unordered("m", {std::string_view("k")}, {.customer_key = right_key}), refused);
  client_options secure = with.in.small();
  secure.endpoint_url = "HTTPS://127.0.0.1";
  client other(with.in.loop, secure);
  const customer_key cut{right_key.key.first(16)};
  CHECK_THROWS_WITH(other.get({.bucket = "m", .key = "k", .customer_key = cut}), Catch::Matchers::StartsWith("customer_key has 16 bytes, 32 are needed"));
  CHECK_NOTHROW(other.get({.bucket = "m", .key = "k", .customer_key = right_key}));
  CHECK(with.seen.empty());
}

TEST_CASE("what can't be sent is refused by the call, before it sends anything", "[pager][request_options]") {
  bench with;
  client s3(with.in.loop, with.in.small());
  const request_header range[] = {{"Range", "bytes=0-1"}};
  const request_header split[] = {{"x-a", "1\r\nx-b: 2"}};
  CHECK_THROWS_WITH(s3.get({.bucket = "m", .key = "k", .headers = range}), Catch::Matchers::StartsWith("headers[0]: range is the library's own"));
  CHECK_THROWS_WITH(s3.list({.bucket = "m", .headers = split}), Catch::Matchers::StartsWith("headers[0]: the value of x-a holds"));
  CHECK_THROWS_WITH(s3.page_ordered({.bucket = "m", .headers = range}), Catch::Matchers::StartsWith("headers[0]: range is"));
  CHECK_THROWS_WITH(s3.page_ordered("m", {std::string_view("k")}, {.expected_bucket_owner = "1"}),
                    Catch::Matchers::StartsWith("expected_bucket_owner is no account's number"));
  client_options how = with.in.small();
  how.headers = range;
  CHECK_THROWS_WITH(client(with.in.loop, how), Catch::Matchers::StartsWith("headers[0]: range is"));
  how.headers = {};
  how.user_agent_suffix = "a\nb";
  CHECK_THROWS_WITH(client(with.in.loop, how), Catch::Matchers::StartsWith("user_agent_suffix holds"));
  CHECK(with.seen.empty());
}

TEST_CASE("as much as may go with a request does, with all that the library has to say", "[pager][request_options]") {
  bench with;
  std::vector<std::string> names;
  std::vector<request_header> calls;
  for (char c = 'a'; c < 'a' + 16; ++c) names.push_back(std::string(63, 'n') + c);
  const std::string value(192, 'v');
  for (const std::string& each : names) calls.push_back({each, value});
  const std::string got = with.read(with.in.small(), [&](client& s3) {
    return s3.get({.bucket = "m", .key = "k", .range = byte_range{1, 3}, .if_match = "*", .if_none_match = "\"0\"",
                   .if_modified_since = wall_time{}, .if_unmodified_since = wall_time{std::chrono::sys_days{std::chrono::year{2030} / 1 / 1}},
                   .requester_pays = true, .expected_bucket_owner = owner, .headers = calls});
  });
  CHECK(got == "123");
  REQUIRE(with.seen.size() == 1);
  for (const std::string& each : names) CHECK((with.seen[0].header(each) == value && with.seen[0].signs(each)));
}
