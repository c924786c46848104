// Paging real objects in both orders: every byte is what was put, in the order that was promised, within the window.
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "support/many_objects.hpp"
#include "support/real_server.hpp"

namespace s3pager::test {
namespace {

task<std::size_t> read_watching_window(page_stream& pages, const client& s3, checker& into) {
  std::size_t peak = 0;
  for (;;) {
    const std::optional<page> got = co_await pages.next();
    if (!got) break;
    peak = std::max(peak, s3.window_used());
    into.take(*got);
  }
  co_return peak;
}

constexpr std::uint64_t large_bytes = 256 << 20;

/// One object of 256 MiB, put once a program.
const object_map& large_objects() {
  static const object_map made = [] {
    put_client writer = server().writer();
    writer.make_bucket("large");
    object_map put{{"large/256 MiB", {.seed = 256, .size = large_bytes}}};
    for (const auto& [key, what] : put) writer.put("large", key, what);
    return put;
  }();
  return made;
}

}  // namespace

TEST_CASE("2,500 objects are paged in the order of their keys, every byte as it was put") {
  const object_map& put = many_objects();
  session at(each_strategy());
  page_stream pages = at.s3.page_ordered({.bucket = many_bucket});
  checker seen(put);
  at.loop.run(read_all(pages, seen));
  CHECK(seen.complaint().empty());
  CHECK(seen.sequence() == keys_of(put));
  CHECK(seen.whole() == many_count);
  const summary total = pages.summary();
  CHECK(total.objects == many_count);
  CHECK(total.bytes == bytes_of(put));
  CHECK(total.bytes == seen.bytes());
  CHECK(total.failures == 0);
  CHECK(total.requests >= 3 + many_count);
  CHECK(total.elapsed > duration(0));
}

TEST_CASE("2,500 objects are paged as they arrive, every byte as it was put") {
  const object_map& put = many_objects();
  session at(each_strategy());
  page_stream pages = at.s3.page_unordered({.bucket = many_bucket});
  checker seen(put);
  at.loop.run(read_all(pages, seen));
  CHECK(seen.complaint().empty());
  CHECK(seen.whole() == many_count);
  CHECK(pages.summary().objects == many_count);
  CHECK(pages.summary().bytes == bytes_of(put));
  CHECK(pages.summary().failures == 0);
}

TEST_CASE("a small window holds whatever is paged through it") {
  const object_map& put = many_objects();
  client_options options = server().options();
  options.window_bytes = 2 << 20;
  options.concurrency = 8;
  const bool ordered = GENERATE(true, false);
  session at(each_strategy(), options);
  const page_options what{.bucket = many_bucket, .prefix = "n/1"};
  page_stream pages = ordered ? at.s3.page_ordered(what) : at.s3.page_unordered(what);
  checker seen(put);
  const std::size_t peak = at.loop.run(read_watching_window(pages, at.s3, seen));
  CHECK(seen.complaint().empty());
  CHECK(seen.whole() == 1000);
  CHECK(peak <= options.window_bytes);
}

TEST_CASE("shards page every object once") {
  const object_map& put = many_objects();
  session at(each_strategy());
  checker seen(put);
  for (std::uint32_t i = 0; i < 3; ++i) {
    page_stream pages = at.s3.page_unordered({.bucket = many_bucket, .prefix = "n/0", .shard = {.index = i, .count = 3}});
    at.loop.run(read_all(pages, seen));
    CHECK(pages.summary().objects > 0);
  }
  CHECK(seen.complaint().empty());
  CHECK(seen.whole() == 1000);
}

TEST_CASE("256 MiB are paged in slices, in both orders, and got") {
  const object_map& put = large_objects();
  const ring::feature masked = each_strategy();
  const std::string key = put.begin()->first;
  const int way = GENERATE(0, 1, 2);
  CAPTURE(way);
  session at(masked);
  page_stream pages = way == 0   ? at.s3.page_ordered({.bucket = "large"})
                      : way == 1 ? at.s3.page_unordered({.bucket = "large"})
                                 : at.s3.get({.bucket = "large", .key = key});
  checker seen(put);
  const std::size_t peak = at.loop.run(read_watching_window(pages, at.s3, seen));
  CHECK(seen.complaint().empty());
  CHECK(seen.whole() == 1);
  CHECK(seen.bytes() == large_bytes);
  CHECK(pages.summary().bytes == large_bytes);
  CHECK(pages.summary().requests > 4);
  CHECK(peak <= std::size_t{64} << 20);
}

TEST_CASE("objects of unknown size are paged by keys: empty, small, and more than one slice") {
  const object_map& put = many_objects();
  const bool ordered = GENERATE(true, false);
  client_options how = server().options();
  how.verify = GENERATE(verify::as_it_arrives, verify::off);
  session at(each_strategy(), how);
  std::vector<std::string> keys;
  for (const unsigned i : {98U, 50U, 2U, 195U, 3U, 0U, 1U, 4U, 292U}) keys.push_back(many_key(i));
  page_stream pages = ordered ? at.s3.page_ordered(many_bucket, keys) : at.s3.page_unordered(many_bucket, keys);
  checker seen(put);
  at.loop.run(read_all(pages, seen));
  CHECK(seen.complaint().empty());
  CHECK(seen.whole() == keys.size());
  if (ordered) CHECK(seen.sequence() == keys);
  CHECK(pages.summary().objects == keys.size());
  // By ranges, the empty ones and the large ones take several.
  // A proxy may close connections without a word, which costs a request now and then.
  if (server().proxy.empty())
    CHECK((how.verify == verify::off ? pages.summary().requests > keys.size() : pages.summary().requests == keys.size()));
}

TEST_CASE("a large object of unknown size is sliced after its first answer") {
  const object_map& put = large_objects();
  const bool ordered = GENERATE(true, false);
  session at(each_strategy());
  const std::vector<std::string> keys = keys_of(put);
  page_stream pages = ordered ? at.s3.page_ordered("large", keys) : at.s3.page_unordered("large", keys);
  checker seen(put);
  at.loop.run(read_all(pages, seen));
  CHECK(seen.complaint().empty());
  CHECK(seen.whole() == 1);
}

TEST_CASE("objects of a list, some left out, are paged") {
  const object_map& put = many_objects();
  session at(each_strategy());
  page_stream pages = at.s3.page_ordered(many_bucket, at.s3.list({.bucket = many_bucket, .prefix = "n/02/"}));
  checker seen(put);
  at.loop.run(read_all(pages, seen));
  CHECK(seen.complaint().empty());
  CHECK(seen.whole() == 100);
}

TEST_CASE("a missing key among those given stops the run") {
  (void)many_objects();
  const bool ordered = GENERATE(true, false);
  session at(each_strategy());
  const std::vector<std::string> keys{many_key(2), many_key(4), "is missing", many_key(6)};
  page_stream pages = ordered ? at.s3.page_ordered(many_bucket, keys) : at.s3.page_unordered(many_bucket, keys);
  checker seen(many_objects());
  const error failed = error_of([&] { at.loop.run(read_all(pages, seen)); });
  CHECK(failed.code() == errc::not_found);
  CHECK(failed.http_status() == 404);
  CHECK(failed.s3_code() == "NoSuchKey");
  CHECK(failed.key() == "is missing");
  CHECK(failed.bucket() == many_bucket);
  CHECK_FALSE(failed.request_id().empty());
  CHECK(seen.complaint().empty());
  CHECK(pages.summary().failures == 1);
}

TEST_CASE("a missing key among those given can be reported, and the run goes on") {
  (void)many_objects();
  const bool ordered = GENERATE(true, false);
  session at(each_strategy());
  const std::vector<std::string> keys{many_key(2), many_key(4), "is missing", many_key(6)};
  page_stream pages = ordered
                          ? at.s3.page_ordered(many_bucket, keys, {.on_error = on_error::report})
                          : at.s3.page_unordered(many_bucket, keys, {.on_error = on_error::report});
  checker seen(many_objects());
  at.loop.run(read_all(pages, seen));
  CHECK(seen.complaint().empty());
  CHECK(seen.whole() == 3);
  REQUIRE(seen.failures().size() == 1);
  CHECK(seen.failures().at("is missing").code() == errc::not_found);
  CHECK(seen.failures().at("is missing").s3_code() == "NoSuchKey");
  CHECK(pages.summary().objects == 3);
  CHECK(pages.summary().failures == 1);
  if (ordered) CHECK(seen.sequence() == keys);
}

TEST_CASE("a bucket in the host's name is paged as one in the path") {
  if (!server().proxy.empty()) {
    WARN("SKIP: the proxy would have to resolve names that only this test knows");
    return;
  }
  const object_map& put = many_objects();
  const std::string endpoint = (server().tls() ? "https" : "http") + ("://s3.localhost:" + std::to_string(server().port()));
  client_options options = server().options();
  options.endpoint_url = endpoint;
  options.connect_host = "127.0.0.1";
  options.addressing = addressing::virtual_hosted;
  session at(each_strategy(), options);
  page_stream pages = at.s3.page_ordered({.bucket = many_bucket, .prefix = "n/03/", .max_keys = 40});
  checker seen(put);
  at.loop.run(read_all(pages, seen));
  CHECK(seen.complaint().empty());
  CHECK(seen.whole() == 100);
  CHECK(at.get({.bucket = many_bucket, .key = many_key(7)}).bytes == many_contents(7).bytes());
}

}  // namespace s3pager::test
