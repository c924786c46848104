// Objects by URLs that somebody has signed: what is sent, by http and https and through proxies, what becomes of it, and that a URL is
// shown nowhere.
#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3pager/pager/client.hpp"
#include "support/catch.hpp"
#include "support/drive.hpp"
#include "support/scratch_directory.hpp"
#include "support/scripted_read.hpp"
#include "support/scripted_server.hpp"
#include "support/test_certificates.hpp"
#include "support/tls_front.hpp"
#include "support/world.hpp"

namespace {

using namespace s3pager;
using namespace std::chrono_literals;
using test::afterwards;
using test::scripted_outcome;
using test::scripted_server;
using test::world;

task<> make(client& s3, presign_options what, std::string& into) { into = co_await s3.presign_get(what); }
std::string url_of(world& in, const presign_options& what) {
  client s3(in.loop, in.small());
  std::string url;
  in.run(make(s3, what, url));
  return url;
}

/// A client of nobody's, as whoever is given a URL may have, whose own endpoint is another one.
client_options stranger(const world& in) {
  client_options how = in.small();
  how.access_key_id = how.secret_access_key = {};
  how.anonymous = true;
  how.endpoint_url = in.front ? "https://s3.example" : "http://s3.example";
  return how;
}

scripted_outcome got_by(world& in, const client_options& how, const std::string& url, const presigned_options& what = {}) {
  client s3(in.loop, how);
  page_stream pages = s3.get_presigned(url, what);
  scripted_outcome out;
  in.run(read_all(pages, out));
  return out;
}

/// Of a client on a loop of its own.
scripted_outcome read_by(ring::reactor& loop, const client_options& how, const std::string& url, const presigned_options& what = {}) {
  client s3(loop, how);
  page_stream pages = s3.get_presigned(url, what);
  scripted_outcome out;
  test::root<> reading(loop.ready(), read_all(pages, out));
  while (!reading.done()) loop.run_once();
  return out;
}

std::string authority_of(std::string_view url) {
  const std::size_t begin = url.find("://") + 3;
  return std::string(url.substr(begin, url.find('/', begin) - begin));
}

constexpr std::string_view hello = "HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Length: 5\r\n\r\nhello";
constexpr std::string_view query = "b=2&a=%2f/+%20&X-Amz-Security-Token=to%2Fken%3D%3D&empty&X-Amz-Signature=0123456789abcdef";

client_options small(std::string_view endpoint) {
  return {.access_key_id = "AKEXAMPLE",
          .secret_access_key = "example/secret",
          .region = "us-east-1",
          .endpoint_url = endpoint,
          .ca_file = test::local_tls().ca_file,
          .window_bytes = 4 << 20,
          .concurrency = 1,
          .retry = {.max_attempts = 3, .base_delay = duration::zero()},
          .jitter_seed = 1};
}

void check_hidden(const error& failure) {
  const std::string words = failure.what();
  CAPTURE(words);
  for (const std::string_view each : {"X-Amz", "0123456789abcdef", "to%2Fken", "to/ken", "b=2"}) CHECK(words.find(each) == std::string::npos);
}

}  // namespace

TEST_CASE("whoever has a URL gets the object, in slices where it is large", "[pager][get_presigned]") {
  world in;
  std::string large(20 << 20, 'x');
  for (std::size_t i = 0; i < large.size(); i += 1000) large[i] = static_cast<char>('a' + i / 1000 % 26);
  in.memory->put("a b/large", large);
  const std::string url = url_of(in, {.bucket = "m", .key = "a b/large"});
  const std::string asked = url.substr(url.find('?') + 1);
  std::size_t ranges = 0;
  in.server->set_hook([&](const testing::request_info& what) {
    CHECK(what.query == asked);
    CHECK_FALSE(what.headers.find("authorization"));
    for (const http::field each : what.headers) CHECK_FALSE(each.name.starts_with("x-amz-"));
    ranges += what.range.empty() ? 0 : 1;
    CHECK(what.headers.find("if-match").has_value() == !what.range.empty());
    return testing::behaviour{};
  });
  const scripted_outcome out = got_by(in, stranger(in), url);
  CHECK_FALSE(out.failure);
  CHECK(out.body == large);
  CHECK(out.size == large.size());
  CHECK(ranges > 1);
  CHECK(out.last == verification::sliced);
}

TEST_CASE("a URL is sent byte by byte, and nothing of the client's own", "[pager][get_presigned]") {
  ring::reactor loop;
  scripted_server server(loop, {{{{std::string(hello)}}}});
  const request_header clients[] = {{"x-team", "storage"}};
  const request_header signed_with[] = {{"X-Amz-Meta-Ticket", "7"}, {"accept", "*/*"}};
  client_options how = small("http://s3.example");
  how.headers = clients;
  const std::string url = server.endpoint() + "//a%2fb/../c+(d)?" + std::string(query);
  const scripted_outcome out = read_by(loop, how, url, {.headers = signed_with});
  CHECK(out.body == "hello");
  REQUIRE(server.requests().size() == 1);
  CHECK(server.requests()[0] == "GET //a%2fb/../c+(d)?" + std::string(query) + " HTTP/1.1\r\naccept: */*\r\nhost: " + authority_of(url) +
                                    "\r\nx-amz-meta-ticket: 7\r\nuser-agent: s3pager/" + std::string(version) + "\r\n\r\n");
}

TEST_CASE("a body that breaks off goes on by the same URL", "[pager][get_presigned]") {
  world in;
  in.memory->put("k", std::string(300'000, 'x'));
  const std::string url = url_of(in, {.bucket = "m", .key = "k"});
  std::vector<std::string> asked;
  in.server->set_hook([&](const testing::request_info& what) -> testing::behaviour {
    asked.push_back(std::string(what.range) + ' ' + std::string(what.headers.find("if-match").value_or("none")));
    if (asked.size() == 1) return {.status = 500};
    return {.cut_at = asked.size() == 2 ? 100'000 : testing::behaviour::never};
  });
  client_options how = stranger(in);
  how.retry = {.base_delay = duration::zero()};
  const scripted_outcome out = got_by(in, how, url);
  CHECK(out.body == std::string(300'000, 'x'));
  REQUIRE(asked.size() == 3);
  CHECK(asked[1] == " none");
  CHECK(asked[2].starts_with("bytes=100000-299999 \""));
}

TEST_CASE("an object that changes while it is read by a URL has changed", "[pager][get_presigned]") {
  world in;
  in.memory->put("k", std::string(300'000, 'x'));
  const std::string url = url_of(in, {.bucket = "m", .key = "k"});
  in.server->set_hook([&, gets = 0](const testing::request_info&) mutable -> testing::behaviour {
    if (++gets == 2) in.memory->put("k", std::string(300'000, 'y'));
    return {.cut_at = gets == 1 ? 100'000 : testing::behaviour::never};
  });
  client_options how = stranger(in);
  how.retry = {.base_delay = duration::zero()};
  const scripted_outcome out = got_by(in, how, url);
  REQUIRE(out.failure);
  CHECK(out.failure->code() == errc::changed);
  CHECK(out.body == std::string(100'000, 'x'));
}

TEST_CASE("a range of a URL's object is asked for, and no more", "[pager][get_presigned]") {
  world in;
  in.memory->put("k", "0123456789");
  const scripted_outcome out = got_by(in, stranger(in), url_of(in, {.bucket = "m", .key = "k"}), {.range = byte_range{2, 4}});
  CHECK(out.body == "234");
  client s3(in.loop, stranger(in));
  CHECK_THROWS_WITH(s3.get_presigned("http://h/k", {.range = byte_range{4, 2}}), Catch::Matchers::StartsWith("range: last is before first"));
}

TEST_CASE("an expired URL is denied, in the service's words and without the URL", "[pager][get_presigned]") {
  world in;
  in.memory->put("a b", "0123456789");
  const std::string url = url_of(in, {.bucket = "m", .key = "a b", .expires_in = 60s});
  in.time.advance(61s);
  client_options how = stranger(in);
  how.retry = {.base_delay = duration::zero()};
  const scripted_outcome out = got_by(in, how, url);
  REQUIRE(out.failure);
  CHECK(out.failure->code() == errc::access_denied);
  CHECK(out.failure->http_status() == 403);
  CHECK(out.failure->details().message == "Request has expired");
  CHECK(out.failure->bucket() == authority_of(url));
  CHECK(out.failure->key() == "m/a b");
  CHECK(out.failure->attempts() == 1);
  check_hidden(*out.failure);
}

TEST_CASE("what a URL was signed with has to be sent", "[pager][get_presigned]") {
  world in;
  in.memory->put("k", "0123456789");
  const request_header own[] = {{"x-amz-meta-ticket", "7"}};
  const request_header other[] = {{"x-amz-meta-ticket", "8"}};
  const request_header more[] = {{"x-amz-meta-ticket", "7"}, {"x-amz-meta-more", "1"}};
  const std::string url = url_of(in, {.bucket = "m", .key = "k", .expected_bucket_owner = "111122223333", .headers = own});
  CHECK(got_by(in, stranger(in), url, {.headers = own}).body == "0123456789");
  CHECK(got_by(in, stranger(in), url, {.headers = other}).failure->s3_code() == "SignatureDoesNotMatch");
  CHECK(got_by(in, stranger(in), url).failure->s3_code() == "SignatureDoesNotMatch");
  CHECK(got_by(in, stranger(in), url, {.headers = more}).failure->s3_code() == "AccessDenied");
  const std::string others = url_of(in, {.bucket = "m", .key = "k", .expected_bucket_owner = "444455556666"});
  CHECK(got_by(in, stranger(in), others).failure->code() == errc::access_denied);
}

TEST_CASE("a URL is in no failure and no event, whatever a service echoes", "[pager][get_presigned]") {
  class seen final : public observer {
   public:
    void request_began(const request_event& what) noexcept override { texts += std::string(what.bucket) + ' ' + std::string(what.key) + '\n'; }
    std::string texts;
  };
  ring::reactor loop;
  const std::string body = "<Error><Code>AccessDenied</Code><Message>" + std::string("b=2&amp;a=%2f/+%20&amp;X-Amz-Security-Token=to%2Fken%3D%3D") +
                           "&amp;empty&amp;X-Amz-Signature=0123456789abcdef and to%2Fken%3D%3D or to/ken== or 0123456789abcdef</Message></Error>";
  const std::string refusal = "HTTP/1.1 403 X\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  scripted_server server(loop, {{{{refusal}, afterwards::close}}, {{{}, afterwards::close}}, {{{"HTTP/9"}, afterwards::close}}});
  const std::string url = server.endpoint() + "/b/k?" + std::string(query);
  seen events;
  client_options how = small("http://s3.example");
  how.retry = {.max_attempts = 1};
  how.observer = &events;
  for (int i = 0; i < 3; ++i) {
    const scripted_outcome out = read_by(loop, how, url);
    REQUIRE(out.failure);
    check_hidden(*out.failure);
    CHECK(out.failure->bucket() == authority_of(url));
    CHECK(out.failure->key() == "b/k");
    if (i == 0) CHECK(out.failure->details().message == "**** and **** or **** or ****");
  }
  CHECK(events.texts.find('=') == std::string::npos);
  CHECK(events.texts.starts_with(authority_of(url) + " b/k\n"));
}

TEST_CASE("a URL that is none is refused by the call, and not repeated", "[pager][get_presigned]") {
  ring::reactor loop;
  client s3(loop, small("http://s3.example"));
  const std::string url = "ftp://h/k?" + std::string(query);
  try {
    static_cast<void>(s3.get_presigned(url));
    FAIL("it was taken");
  } catch (const error& failed) {
    CHECK(failed.code() == errc::invalid_argument);
    CHECK(failed.details().message == "the URL must begin with http:// or https://");
    check_hidden(failed);
  }
  const request_header range[] = {{"range", "bytes=0-1"}};
  CHECK_THROWS_WITH(s3.get_presigned("http://h/k", {.headers = range}), Catch::Matchers::StartsWith("headers[0]: range is the library's own"));
}

TEST_CASE("neither a region nor a clock is learnt from the answer to a URL", "[pager][get_presigned]") {
  ring::reactor loop;
  const auto refusal = [](const std::string& status, const std::string& code) {
    const std::string body = "<Error><Code>" + code + "</Code><Message>no</Message></Error>";
    return "HTTP/1.1 " + status + " X\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nx-amz-bucket-region: eu-west-3\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n\r\n" + body;
  };
  for (const std::string& answer : {refusal("301", "PermanentRedirect"), refusal("403", "RequestTimeTooSkewed"), refusal("400", "ExpiredToken")}) {
    const scripted_server server(loop, {{{{answer}}, {{answer}}}});
    client s3(loop, small("http://s3.example"));
    page_stream pages = s3.get_presigned(server.endpoint() + "/b/k?" + std::string(query));
    scripted_outcome out;
    test::root<> reading(loop.ready(), read_all(pages, out));
    while (!reading.done()) loop.run_once();
    REQUIRE(out.failure);
    CHECK(out.failure->attempts() == 1);
    CHECK(server.requests().size() == 1);
    CHECK(s3.service().clock_offset() == duration::zero());
  }
}

TEST_CASE("checksums that come with a URL's answer are held against it", "[pager][get_presigned]") {
  ring::reactor loop;
  const auto answer = [](std::string_view crc) {
    return "HTTP/1.1 200 OK\r\nETag: \"1\"\r\nx-amz-checksum-crc32: " + std::string(crc) + "\r\nContent-Length: 5\r\n\r\nhello";
  };
  const bool right = GENERATE(true, false);
  const std::string text = answer(right ? "NhCmhg==" : "NhCmhw==");
  scripted_server server(loop, {{{{text}}}, {{{text}}}, {{{text}}}});
  const std::string url = server.endpoint() + "/b/k?" + std::string(query);
  const scripted_outcome out = read_by(loop, small("http://s3.example"), url);
  CHECK(out.failure.has_value() != right);
  if (right) CHECK(out.last == verification::crc32);
  else CHECK(out.failure->code() == errc::corrupted);
  CHECK(read_by(loop, small("http://s3.example"), url, {.verify = verify::off}).last == verification::off);
}

TEST_CASE("a URL may be of the other scheme than the client's endpoint", "[pager][get_presigned][tls]") {
  const int protocol = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  world in({.tls = protocol});
  const std::string large(3 << 20, 'x');
  in.memory->put("k", large);
  const std::string secure = url_of(in, {.bucket = "m", .key = "k"});
  REQUIRE(secure.starts_with("https://"));
  client_options how = stranger(in);
  how.endpoint_url = "http://s3.example";
  {
    client s3(in.loop, how);
    page_stream pages = s3.get_presigned(secure);
    page_stream others = s3.get_presigned(secure);
    scripted_outcome out;
    std::size_t most = 0;
    in.run([](client& of, page_stream& from, page_stream& other, scripted_outcome& into, std::size_t& used) -> task<> {
      const std::optional<page> first = co_await other.next();
      CHECK(first->text().starts_with("x"));
      used = of.window_used();
      co_await read_all(from, into);
    }(s3, pages, others, out, most));
    CHECK(out.body == large);
    CHECK(most > 0);
    CHECK(most <= how.window_bytes);
  }
  in.settle();
  // And the other way round, signed for the origin itself.
  client_options plain = in.small();
  const std::string endpoint = in.server->endpoint();
  plain.endpoint_url = endpoint;
  client s3(in.loop, plain);
  std::string url;
  in.run(make(s3, {.bucket = "m", .key = "k"}, url));
  CHECK(got_by(in, in.small(), url).body == large);
  client_options narrow = how;
  narrow.slot_bytes = 16 << 10;
  CHECK_THROWS_WITH(client(in.loop, narrow).get_presigned(secure), Catch::Matchers::StartsWith("slot_bytes is 16384, 32768 or more is needed with https"));
}

TEST_CASE("a URL goes through the client's proxy, as its scheme has it", "[pager][get_presigned][tls]") {
  SECTION("by https in a tunnel, by TLS within TLS") {
    world in({.tls = TLS1_3_VERSION, .proxy = true});
    in.memory->put("k", "0123456789");
    const std::string url = url_of(in, {.bucket = "m", .key = "k"});
    in.settle();
    const std::size_t before = in.proxy->heads.size();
    client_options how = stranger(in);
    how.endpoint_url = GENERATE("http://s3.example", "https://s3.example");
    CHECK(got_by(in, how, url).body == "0123456789");
    REQUIRE(in.proxy->heads.size() == before + 1);
    CHECK(in.proxy->heads.back().starts_with("CONNECT " + authority_of(url) + " HTTP/1.1\r\n"));
    CHECK(in.proxy->heads.back().find("X-Amz") == std::string::npos);
  }
  SECTION("by http, which it sees") {
    ring::reactor loop;
    scripted_server proxy(loop, {{{{std::string(hello)}}}});
    const std::string proxy_url = "http://u:w@127.0.0.1:" + std::to_string(proxy.port());
    client_options how = small("https://s3.example");
    how.proxy_url = proxy_url;
    const std::string target = "/b/k?" + std::string(query);
    CHECK(read_by(loop, how, "http://bucket.example:9000" + target).body == "hello");
    REQUIRE(proxy.requests().size() == 1);
    CHECK(proxy.requests()[0] == "GET http://bucket.example:9000" + target + " HTTP/1.1\r\nhost: bucket.example:9000\r\nproxy-authorization: Basic dTp3\r\n" +
                                     "user-agent: s3pager/" + std::string(version) + "\r\n\r\n");
  }
}

TEST_CASE("connect_host is for the client's endpoint only", "[pager][get_presigned]") {
  ring::reactor loop;
  scripted_server server(loop, {{{{std::string(hello)}}}});
  client_options how = small("http://s3.example");
  how.connect_host = "127.0.0.1";
  how.connect_port = 1;
  CHECK(read_by(loop, how, server.endpoint() + "/k?" + std::string(query)).body == "hello");
}

TEST_CASE("a URL's host is not shown the client's certificate", "[pager][get_presigned][tls]") {
  const test::certified clients({.common_name = "clients", .authority = true});
  const test::certified me({.common_name = "the client", .hosts = ""}, &clients);
  const test::tls_server_context asks(test::local_tls().server_identity, {.client_authority = &clients});
  const test::scratch_directory directory;
  const std::string certificate = directory.file("client.pem", me.pem());
  const std::string key = directory.file("client.key", me.key_pem());
  ring::reactor loop;
  scripted_server server(loop, {{{{std::string(hello)}}}, {{{std::string(hello)}}}});
  test::tls_front front(loop, asks, server.port());
  test::root<> fronting(loop.ready(), front.serve());
  const std::string endpoint = "https://127.0.0.1:" + std::to_string(front.port());
  client_options how = small(endpoint);
  how.retry = {.max_attempts = 1};
  how.client_certificate_file = certificate;
  how.client_key_file = key;
  client s3(loop, how);
  const auto read = [&](page_stream pages) {
    scripted_outcome out;
    test::root<> reading(loop.ready(), read_all(pages, out));
    while (!reading.done()) loop.run_once();
    return out;
  };
  // The connection that the endpoint's request left behind is not the URL's to use, nor the other way round.
  CHECK(read(s3.get({.bucket = "b", .key = "k"})).body == "hello");
  const scripted_outcome by_url = read(s3.get_presigned(endpoint + "/b/k?" + std::string(query)));
  REQUIRE(by_url.failure);
  CHECK(by_url.failure->code() == make_error_code(tls::tls_error::client_certificate_refused));
  check_hidden(*by_url.failure);
}

TEST_CASE("a URL of 16 KiB is fetched, by TLS within TLS too", "[pager][get_presigned][tls]") {
  const bool proxied = GENERATE(false, true);
  world in({.tls = TLS1_3_VERSION, .proxy = proxied});
  in.memory->put("k", std::string(300'000, 'x'));
  // As long as it may be by a session token, which is in it.
  std::string url;
  std::string token(15'000, 't');
  for (const char* id : {"FIRST", "OTHER"}) {
    if (!url.empty()) token.resize(token.size() + 16 * 1024 - url.size(), 't');
    in.server->add_key({.access_key_id = id, .secret_access_key = "s", .session_token = token});
    client_options how = in.small();
    how.access_key_id = id;
    how.secret_access_key = "s";
    how.session_token = token;
    client maker(in.loop, how);
    in.run(make(maker, {.bucket = "m", .key = "k"}, url));
  }
  REQUIRE(url.size() == 16 * 1024);
  in.server->set_hook([cut = false](const testing::request_info&) mutable -> testing::behaviour {
    return {.cut_at = std::exchange(cut, true) ? testing::behaviour::never : 100'000};
  });
  client_options reads = stranger(in);
  reads.retry = {.base_delay = duration::zero()};
  const std::string long_suffix(256, 'u');
  reads.user_agent_suffix = long_suffix;
  const scripted_outcome out = got_by(in, reads, url);
  CHECK_FALSE(out.failure);
  CHECK(out.body == std::string(300'000, 'x'));
}
