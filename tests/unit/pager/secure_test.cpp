// Whole runs over TLS, and what a client is told of it.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3pager/net/stream.hpp"
#include "s3pager/pager/client.hpp"
#include "s3pager/ring/buffer_pool.hpp"
#include "support/catch.hpp"
#include "support/drive.hpp"
#include "support/scratch_directory.hpp"
#include "support/scripted_server.hpp"
#include "support/tls_front.hpp"
#include "support/tunnel_proxy.hpp"
#include "support/variable.hpp"
#include "support/world.hpp"

using namespace s3pager;
using namespace s3pager::test;
using namespace std::chrono_literals;

namespace {

// Empty and small ones, one of just a slot, and one of some slices.
std::uint64_t all_kinds(std::uint64_t index) {
  if (index % 13 == 7) return 3'000'001;
  if (index % 13 == 8) return 65'536;
  return index % 5 == 0 ? 0 : index * 181 % 8192;
}

task<> read_to_end(page_stream& pages, reader& into, const client& s3, std::size_t& most_used) {
  for (;;) {
    const std::optional<page> got = co_await pages.next();
    if (!got) break;
    into.take(*got);
    most_used = std::max(most_used, s3.window_used());
  }
}

struct outcome_of_run {
  connection_statistics connections;
  std::size_t most_used = 0;
};

task<> page_all(world& in, const client_options& how, reader& into, page_order order, outcome_of_run& seen) {
  client s3(in.loop, how);
  page_stream pages = order == page_order::by_key ? s3.page_ordered({.bucket = "s", .max_keys = 9})
                                                  : s3.page_unordered({.bucket = "s", .max_keys = 9});
  co_await read_to_end(pages, into, s3, seen.most_used);
  seen.connections = s3.connections();
}

/// Of the first request of a client.
error failure_of(world& in, const client_options& how) {
  const auto list_some = [](world& of, const client_options& with) -> task<> {
    client s3(of.loop, with);
    auto objects = s3.list({.bucket = "s"});
    static_cast<void>(co_await objects.next());
  };
  try {
    in.run(list_some(in, how));
  } catch (const error& failed) {
    return failed;
  }
  FAIL("nothing failed");
  return error(errc::unavailable, "");
}

/// Speaks TLS, and answers the first request of each connection in one send with what ends it: a goodbye, or a record that is none,
/// with much behind it or nothing. It never closes the connection.
class ending_server {
 public:
  enum class ending { goodbye, broken_record, broken_midway };

  ending_server(ring::reactor& loop, std::string answer, ending how) : answer_(std::move(answer)), how_(how) {
    if (ring::socket::listen(loop, ring::socket_address::loopback(0), 64, listener_)) throw std::runtime_error("listening");
    serving_.emplace(loop.ready(), serve());
  }
  ending_server(const ending_server&) = delete;
  ending_server& operator=(const ending_server&) = delete;
  [[nodiscard]] std::string endpoint() const { return "https://127.0.0.1:" + std::to_string(listener_.local_address().port()); }

 private:
  task<> serve() {
    coro::scope tasks(co_await coro::this_context());
    for (;;) {
      ring::accept_result made = co_await listener_.accept(no_deadline);
      if (made.error) co_return;
      tasks.spawn(talk(std::move(made.peer)));
    }
  }
  task<> talk(ring::socket peer) {
    tls_server tls(local_tls().server_context);
    const auto memory = make_ref<net::receive_buffer>();
    for (bool answered = false;;) {
      const ring::io_result got = co_await peer.receive(memory->bytes(), memory, no_deadline);
      if (got.error || got.bytes == 0) co_return;
      tls.receive(std::span<const std::byte>(memory->bytes()).first(got.bytes));
      tls.advance();
      const std::string asked = tls.established() ? tls.read() : std::string();
      const bool now = !asked.empty() && !std::exchange(answered, answered || !asked.empty());
      if (now) tls.write(answer_);
      if (now && how_ == ending::goodbye) tls.close();
      std::string bytes = tls.take();
      if (now && how_ != ending::goodbye) bytes.append("\x17\x03\x03\x00\x20", 5).append(32, 'x');
      if (now && how_ == ending::broken_midway) bytes.append(400'000, 'x');
      const auto out = make_ref<testing::text_block>(std::move(bytes));
      if (out->text.empty()) continue;
      const ring::io_result sent = co_await peer.send(as_byte_span(out->text), out, no_deadline);
      if (sent.error) co_return;
    }
  }

  std::string answer_;
  ending how_;
  ring::socket listener_;
  std::optional<root<>> serving_;
};

/// A proxy that is spoken to by TLS.
struct proxy_by_tls {
  explicit proxy_by_tls(ring::reactor& loop, const tls_server_context& how = local_tls().server_context)
      : tunnel(loop),
        front(loop, how, tunnel.port()),
        url("https://localhost:" + std::to_string(front.port())),
        tunnelling(loop.ready(), tunnel.serve()),
        fronting(loop.ready(), front.serve()) {}
  tunnel_proxy tunnel;
  tls_front front;
  std::string url;
  root<> tunnelling;
  root<> fronting;
};

/// Lists, or gets one object: the keys, or the bytes, or the condition of the failure. The clock stands still.
std::string answer_of(ring::reactor& loop, const client_options& how, bool list) {
  const auto ask = [](ring::reactor& on, const client_options& with, bool lists, std::string& got) -> task<> {
    client s3(on, with);
    if (lists) {
      auto objects = s3.list({.bucket = "s"});
      for (bool more = true; more;) {
        const std::optional<object> next = co_await objects.next();
        more = next.has_value();
        if (more) got += next->key;
      }
      co_return;
    }
    auto pages = s3.get({.bucket = "s", .key = "k"});
    for (bool more = true; more;) {
      const std::optional<page> next = co_await pages.next();
      more = next.has_value();
      if (more) got += as_chars(next->bytes());
    }
  };
  std::string got;
  root<> run(loop.ready(), ask(loop, how, list, got));
  while (!run.done()) loop.run_once();
  try {
    run.result();
  } catch (const error& failed) {
    return std::to_string(failed.http_status()) + ' ' + failed.code().message();
  }
  return got;
}

}  // namespace

TEST_CASE("every byte comes over TLS as it is, in either order, whatever the slots", "[pager][secure]") {
  const int protocol = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  const page_order order = GENERATE(page_order::by_key, page_order::by_arrival);
  const std::size_t slot = GENERATE(std::size_t{32} << 10, std::size_t{64} << 10, std::size_t{512} << 10);
  const auto masked = GENERATE(ring::feature::none, ring::feature::all);
  world in({.objects = {.count = 40, .size_of = all_kinds}, .masked = masked, .tls = protocol});
  client_options how = in.small();
  how.slot_bytes = slot;
  how.window_bytes = 16 * slot;
  reader got(*in.objects, order);
  outcome_of_run seen;
  in.run(page_all(in, how, got, order, seen));
  CHECK(got.complaint() == "");
  CHECK(got.all());
  CHECK(seen.most_used <= how.window_bytes);
  CHECK(seen.connections.connects == in.front->handshakes);
  CHECK(seen.connections.resumed == in.front->resumed);
  in.settle();
  in.end();
}

TEST_CASE("the requests go through a tunnel that a proxy gives, by TLS within TLS", "[pager][secure]") {
  world in({.objects = {.count = 26, .size_of = all_kinds}, .tls = TLS1_3_VERSION, .proxy = true});
  const client_options how = in.small();
  reader got(*in.objects, page_order::by_key);
  outcome_of_run seen;
  in.run(page_all(in, how, got, page_order::by_key, seen));
  CHECK(got.complaint() == "");
  CHECK(got.all());
  REQUIRE(in.proxy->heads.size() == seen.connections.connects);
  CHECK(in.proxy->heads[0].find("CONNECT 127.0.0.1:" + std::to_string(in.front->port()) + " HTTP/1.1\r\n") == 0);
  CHECK(in.proxy->heads[0].find("\r\nProxy-Authorization: Basic dXNlcjp3b3Jk\r\n") != std::string::npos);
  CHECK(in.proxy_front->handshakes == seen.connections.connects);
  CHECK(in.front->handshakes == seen.connections.connects);
  in.settle();
  in.end();
}

TEST_CASE("plain requests go through a proxy that is spoken to by TLS", "[pager][secure]") {
  ring::reactor loop;
  scripted_server server(loop, {{{.segments = {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nbytes"}}}});
  tls_front proxy(loop, local_tls().server_context, server.port());
  root<> serving(loop.ready(), proxy.serve());
  const std::string url = "https://u:w@localhost:" + std::to_string(proxy.port());
  const auto get = [](ring::reactor& on, std::string_view through, std::string& bytes) -> task<> {
    client s3(on, {.anonymous = true,
                   .endpoint_url = "http://s3.example",
                   .addressing = addressing::path,
                   .proxy_url = through,
                   .ca_file = local_tls().ca_file});
    auto pages = s3.get({.bucket = "s", .key = "k"});
    const std::optional<page> got = co_await pages.next();
    bytes = as_chars(got->bytes());
  };
  std::string bytes;
  loop.run(get(loop, url, bytes));
  CHECK(bytes == "bytes");
  CHECK(proxy.handshakes == 1);
  REQUIRE(server.requests().size() == 1);
  CHECK(server.requests()[0].find("GET http://s3.example/s/k HTTP/1.1\r\n") == 0);
  CHECK(server.requests()[0].find("\r\nproxy-authorization: Basic dTp3\r\n") != std::string::npos);
}

TEST_CASE("connections that are made one after the other resume the session of those before", "[pager][secure]") {
  const int protocol = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  world in({.origin = {.requests_per_connection = 1}, .objects = {.count = 12, .size_of = all_kinds}, .tls = protocol});
  client_options how = in.small();
  how.concurrency = 1;
  reader got(*in.objects, page_order::by_key);
  outcome_of_run seen;
  in.run(page_all(in, how, got, page_order::by_key, seen));
  CHECK(got.all());
  // The list's, the lane's first, which may begin before that has ended, and all others.
  CHECK(seen.connections.connects >= 13);
  CHECK(seen.connections.resumed >= seen.connections.connects - 2);
}

TEST_CASE("a server that is not trusted is a failure at once, with its reason", "[pager][secure]") {
  world in({.tls = TLS1_3_VERSION});
  client_options how = in.small();
  how.retry = {.max_attempts = 5};
  SECTION("by the system's authorities") { how.ca_file = {}; }
  SECTION("by others") {
    static const tls_world other;
    how.ca_file = other.ca_file;
  }
  const error failed = failure_of(in, how);
  CHECK(failed.code() == errc::untrusted_peer);
  CHECK(failed.bucket() == "s");
  CHECK(std::string(failed.what()).find("127.0.0.1") != std::string::npos);
  CHECK(in.front->accepted == 1);

  how.insecure_skip_verification = true;
  const auto list_some = [](world& of, const client_options& with) -> task<> {
    client s3(of.loop, with);
    auto objects = s3.list({.bucket = "s"});
    const auto first = co_await objects.next();
    CHECK(first);
  };
  in.run(list_some(in, how));
}

TEST_CASE("AWS_CA_BUNDLE names whom to trust, unless the options do", "[pager][secure]") {
  world in({.tls = TLS1_3_VERSION});
  client_options how = in.small();
  static const tls_world other;
  {
    const test::variable bundle("AWS_CA_BUNDLE", other.ca_file);
    const auto list_some = [](world& of, const client_options& with) -> task<> {
      client s3(of.loop, with);
      auto objects = s3.list({.bucket = "s"});
      const auto first = co_await objects.next();
      CHECK(first);
    };
    in.run(list_some(in, how));
    how.ca_file = {};
    CHECK(failure_of(in, how).code() == errc::untrusted_peer);
  }
  const test::variable bundle("AWS_CA_BUNDLE", "/nowhere/ca.pem");
  const error failed = failure_of(in, how);
  CHECK(failed.code() == errc::invalid_argument);
  CHECK(std::string(failed.what()).find("no certificate authorities can be read from /nowhere/ca.pem") != std::string::npos);
}

TEST_CASE("slots that are too small for TLS are refused", "[pager][secure]") {
  ring::reactor loop;
  const auto refusal = [&loop](const client_options& how) {
    try {
      client s3(loop, how);
    } catch (const error& failed) {
      CHECK(failed.code() == errc::invalid_argument);
      return failed.details().message;
    }
    return std::string("none");
  };
  const client_options small{.anonymous = true, .endpoint_url = "https://s3.example", .window_bytes = 1 << 20, .slot_bytes = 16 << 10};
  CHECK(refusal(small) == "slot_bytes is 16384, 32768 or more is needed with https");
  client_options enough = small;
  enough.slot_bytes = 32 << 10;
  CHECK(refusal(enough) == "none");
  client_options twice = enough;
  twice.proxy_url = "https://proxy.example";
  CHECK(refusal(twice) == "slot_bytes is 32768, 65536 or more is needed with https");
  client_options plain = small;
  plain.endpoint_url = "http://s3.example";
  CHECK(refusal(plain) == "none");
}

TEST_CASE("a body without a length has to end in order", "[pager][secure]") {
  const bool truncates = GENERATE(false, true);
  manual_clock time;
  ring::reactor loop({.clock = &time});
  scripted_server server(loop, {{{.segments = {"HTTP/1.1 200 OK\r\nETag: \"1\"\r\n\r\n", "some bytes"}, .then = afterwards::close}}});
  tls_front front(loop, local_tls().server_context, server.port());
  front.truncates = truncates;
  root<> serving(loop.ready(), front.serve());
  const std::string url = "https://127.0.0.1:" + std::to_string(front.port());
  const auto get = [](ring::reactor& on, std::string_view endpoint, std::string& bytes, bool& ended) -> task<> {
    client s3(on, {.anonymous = true, .endpoint_url = endpoint, .ca_file = local_tls().ca_file, .retry = {.max_attempts = 1}});
    auto pages = s3.get({.bucket = "s", .key = "k"});
    for (;;) {
      const std::optional<page> got = co_await pages.next();
      if (!got) break;
      bytes += as_chars(got->bytes());
      ended = ended || got->last();
    }
  };
  std::string bytes;
  bool ended = false;
  root<> client_run(loop.ready(), get(loop, url, bytes, ended));
  while (!client_run.done()) loop.run_once();
  if (truncates) {
    try {
      client_run.result();
      FAIL("it was taken for the whole");
    } catch (const error& failed) {
      CHECK(failed.code() == errc::connection_lost);
      CHECK(std::string(failed.what()).find("close_notify") != std::string::npos);
    }
  } else {
    client_run.result();
    CHECK(bytes == "some bytes");
  }
  CHECK(ended == !truncates);
}

TEST_CASE("a connection that nobody uses says goodbye, and one that its server closed is never used", "[pager][secure]") {
  world in({.origin = {.idle_timeout = 10s}, .objects = {.count = 3, .size_of = all_kinds}, .tls = TLS1_3_VERSION});
  client_options how = in.small();
  const bool by_client = GENERATE(true, false);
  how.keep_alive = by_client ? duration(5s) : duration(60s);
  client s3(in.loop, how);
  const auto list_some = [](client& of) -> task<> {
    auto objects = of.list({.bucket = "s"});
    for (bool more = true; more;) {
      const std::optional<object> next = co_await objects.next();
      more = next.has_value();
    }
  };
  in.run(list_some(s3));
  CHECK(s3.connections().idle == 1);
  in.time.advance(by_client ? 6s : 11s);
  in.until([&] { return in.front->open == 0; });
  CHECK(s3.connections().open == (by_client ? 0U : 1U));
  if (by_client) CHECK(in.front->closed_in_order == 1);
  in.run(list_some(s3));
  CHECK(s3.connections().expired == 1);
  CHECK(s3.connections().connects == 2);
  CHECK(s3.connections().resumed == 1);
}

TEST_CASE("an answer is whole with whatever ends its connection behind it, and through a proxy by TLS as well", "[pager][secure]") {
  using ending = ending_server::ending;
  const std::string head = "HTTP/1.1 200 OK\r\nETag: \"1\"\r\n";
  const std::string sized = head + "Connection: close\r\nContent-Length: 10\r\n\r\nsome bytes";
  const std::string unsized = head + "\r\nsome bytes";
  const std::string xml =
      "<ListBucketResult><Name>s</Name><KeyCount>1</KeyCount><IsTruncated>false</IsTruncated>"
      "<Contents><Key>kk</Key><ETag>\"1\"</ETag><Size>1</Size></Contents></ListBucketResult>";
  const std::string listed = head + "Content-Length: " + std::to_string(xml.size()) + "\r\n\r\n" + xml;
  const std::string refused = "HTTP/1.1 404 Not Found\r\n\r\n<Error><Code>NoSuchKey</Code></Error>";
  struct scene {
    const std::string& answer;
    ending how;
    bool list;
    std::string expected;
  };
  const std::string none = "404 " + make_error_code(errc::not_found).message();
  const std::vector<scene> all{{sized, ending::goodbye, false, "some bytes"},   {unsized, ending::goodbye, false, "some bytes"},
                               {listed, ending::goodbye, true, "kk"},           {refused, ending::goodbye, false, none},
                               {refused, ending::goodbye, true, none},          {sized, ending::broken_record, false, "some bytes"},
                               {listed, ending::broken_record, true, "kk"},     {refused, ending::broken_record, false, none},
                               {refused, ending::broken_record, true, none}};
  const bool proxied = GENERATE(false, true);
  for (const scene& each : all) {
    INFO(each.answer << (each.how == ending::goodbye ? " and goodbye" : " and a broken record") << (proxied ? ", proxied" : ""));
    manual_clock time;
    ring::reactor loop({.clock = &time});
    const ending_server server(loop, each.answer, each.how);
    const proxy_by_tls proxy(loop);
    const std::string endpoint = server.endpoint();
    CHECK(answer_of(loop,
                    {.anonymous = true,
                     .endpoint_url = endpoint,
                     .proxy_url = proxied ? std::string_view(proxy.url) : std::string_view(),
                     .direct = !proxied,
                     .ca_file = local_tls().ca_file,
                     .retry = {.max_attempts = 1}},
                    each.list) == each.expected);
    CHECK(proxy.front.handshakes == (proxied ? 1U : 0U));
  }
}

TEST_CASE("a body without a length that breaks off is cut short through a proxy by TLS, too", "[pager][secure]") {
  ring::reactor loop;
  scripted_server server(loop, {{{.segments = {"HTTP/1.1 200 OK\r\nETag: \"1\"\r\n\r\n", "some bytes"}, .then = afterwards::close}}});
  tls_front front(loop, local_tls().server_context, server.port());
  const bool orderly = GENERATE(false, true);
  front.truncates = !orderly;
  root<> fronting(loop.ready(), front.serve());
  const proxy_by_tls proxy(loop);
  const std::string endpoint = "https://127.0.0.1:" + std::to_string(front.port());
  const std::string got = answer_of(loop,
                                    {.anonymous = true,
                                     .endpoint_url = endpoint,
                                     .proxy_url = proxy.url,
                                     .ca_file = local_tls().ca_file,
                                     .retry = {.max_attempts = 1}},
                                    false);
  CHECK(got == (orderly ? std::string("some bytes") : "200 " + make_error_code(tls::tls_error::truncated).message()));
}

TEST_CASE("who wants to know the client is shown its certificate, but no proxy is", "[pager][secure]") {
  const certified clients({.common_name = "clients", .authority = true});
  const certified me({.common_name = "the client", .hosts = ""}, &clients);
  const tls_server_context asks(local_tls().server_identity, {.client_authority = &clients});
  const scratch_directory directory;
  const std::string certificate = directory.file("client.pem", me.pem());
  const std::string key = directory.file("client.key", me.key_pem());
  ring::reactor loop;
  scripted_server server(loop, {{{.segments = {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nbytes"}}}});
  const bool proxy_asks = GENERATE(false, true);
  tls_front front(loop, proxy_asks ? local_tls().server_context : asks, server.port());
  root<> fronting(loop.ready(), front.serve());
  const proxy_by_tls proxy(loop, proxy_asks ? asks : local_tls().server_context);
  const std::string endpoint = "https://127.0.0.1:" + std::to_string(front.port());
  const std::string got = answer_of(loop,
                                    {.anonymous = true,
                                     .endpoint_url = endpoint,
                                     .proxy_url = proxy.url,
                                     .ca_file = local_tls().ca_file,
                                     .client_certificate_file = certificate,
                                     .client_key_file = key,
                                     .retry = {.max_attempts = 1}},
                                    false);
  CHECK(got == (proxy_asks ? "0 " + make_error_code(tls::tls_error::client_certificate_refused).message() : std::string("bytes")));
}

TEST_CASE("authorities may be in a directory, by name or by AWS_CA_BUNDLE", "[pager][secure]") {
  world in({.tls = TLS1_3_VERSION});
  const scratch_directory directory;
  char name[16];
  std::snprintf(name, sizeof name, "%08lx.0", ::X509_subject_name_hash(local_tls().authority.certificate()));
  const std::filesystem::path there = std::filesystem::path(directory.file(name, local_tls().authority.pem())).parent_path();
  const std::string path = there.string();
  const auto list_some = [](world& of, const client_options& with) -> task<> {
    client s3(of.loop, with);
    auto objects = s3.list({.bucket = "s"});
    const auto first = co_await objects.next();
    CHECK(first);
  };
  client_options how = in.small();
  how.ca_file = {};
  {
    const test::variable bundle("AWS_CA_BUNDLE", path);
    in.run(list_some(in, how));
  }
  how.ca_directory = path;
  in.run(list_some(in, how));
}

TEST_CASE("a consumer that leaves no room for longer than a first byte may take fails no request", "[pager][secure]") {
  const int protocol = GENERATE(0, TLS1_2_VERSION, TLS1_3_VERSION);
  const page_order order = GENERATE(page_order::by_key, page_order::by_arrival);
  world in({.objects = {.count = 24, .size = 400'000}, .tls = protocol});
  client_options how = in.small();
  how.concurrency = 16;
  how.window_bytes = 1 << 20;
  how.window_wait = no_limit;
  client s3(in.loop, how);
  page_stream pages = order == page_order::by_key ? s3.page_ordered({.bucket = "s"}) : s3.page_unordered({.bucket = "s"});
  reader got(*in.objects, order);
  const auto next = [](page_stream& from, reader& into, bool& more) -> task<> {
    const std::optional<page> one = co_await from.next();
    more = one.has_value();
    if (more) into.take(*one);
  };
  // All that can come has, when nothing has happened for so many turns: it is all on this thread.
  const auto come_to_rest = [&in] {
    for (int still = 0; still < 300; ++still)
      if (in.loop.run_once(ring::reactor::wait::no)) still = 0;
  };
  bool more = true;
  for (int count = 0; more; ++count) {
    in.run(next(pages, got, more));
    if (count >= 3) continue;
    come_to_rest();
    in.time.advance(31s);
    come_to_rest();
  }
  CHECK(got.complaint() == "");
  CHECK(got.all());
}

TEST_CASE("64 connections are made at once, and every lane gets its own", "[pager][secure]") {
  world in({.objects = {.count = 64, .size = 30'000}, .tls = TLS1_3_VERSION});
  client_options how = in.small();
  how.concurrency = 64;
  how.window_bytes = 32 << 20;
  reader got(*in.objects, page_order::by_arrival);
  outcome_of_run seen;
  in.run(page_all(in, how, got, page_order::by_arrival, seen));
  CHECK(got.all());
  CHECK(seen.connections.connects == in.front->handshakes);
  CHECK(seen.connections.connects > 10);
}

TEST_CASE("a record that was changed ends an answer there, whatever was received behind it", "[pager][secure]") {
  struct scene {
    const char* name;
    std::string answer;
    bool list;
  };
  // In the head, in a body, in a refusal's body.
  const std::vector<scene> all{{"200", "HTTP/1.1 200 OK\r\nETag: ", false},
                               {"200", "HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Length: 300000\r\n\r\n" + std::string(20'000, 'b'), false},
                               {"404", "HTTP/1.1 404 Not Found\r\nContent-Length: 30000\r\n\r\n<Error>", false},
                               {"200", "HTTP/1.1 200 OK\r\nContent-Length: 30000\r\n\r\n<ListBucketResult>", true},
                               {"404", "HTTP/1.1 404 Not Found\r\nContent-Length: 30000\r\n\r\n<Error>", true}};
  for (const scene& each : all) {
    INFO(each.answer.substr(0, 80));
    manual_clock time;
    ring::reactor loop({.clock = &time});
    const ending_server server(loop, each.answer, ending_server::ending::broken_midway);
    const std::string endpoint = server.endpoint();
    const std::string got = answer_of(
        loop, {.anonymous = true, .endpoint_url = endpoint, .ca_file = local_tls().ca_file, .retry = {.max_attempts = 1}}, each.list);
    CHECK(got.substr(got.find(' ') + 1) == (std::string(each.name) == "404" ? make_error_code(errc::not_found).message()
                                                                         : make_error_code(tls::tls_error::bad_record).message()));
  }
}
