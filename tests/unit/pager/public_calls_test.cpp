// Everything public that is awaited, called as people write it: with braces and lambdas in the expression that awaits.
// GCC 12 destroys aggregates and lambdas there twice: no harm only where their destructors are trivial, as those of our options
// and of lambdas that capture by reference are. Under ASan all else is a crash.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "s3pager/coro/channel.hpp"
#include "s3pager/pager/client.hpp"
#include "support/catch.hpp"
#include "support/world.hpp"

using namespace s3pager;

static_assert(std::is_trivially_destructible_v<client_options>);
static_assert(std::is_trivially_destructible_v<page_options>);
static_assert(std::is_trivially_destructible_v<keys_options>);
static_assert(std::is_trivially_destructible_v<list_options>);
static_assert(std::is_trivially_destructible_v<get_options>);
static_assert(std::is_trivially_destructible_v<presign_options>);
static_assert(std::is_trivially_destructible_v<presigned_options>);

namespace {

// Long enough to lie on the heap: a second destruction is seen.
const std::string long_key = "a/key/that/is/longer/than/what/a/string/holds/within/itself";

struct fixture {
  fixture() {
    made.memory->put(long_key, "0123456789");
    made.memory->put("b", "b");
    made.memory->put("empty", "");
  }
  ~fixture() {
    made.settle();
    made.end();
  }
  test::world made;
};

std::string text(const std::optional<page>& of) {
  if (!of) return "end";
  return std::string(of->object().key) + "=" + std::string(as_chars(of->bytes()));
}

async_generator<object> objects_of(std::vector<std::string> keys) {
  for (const std::string& key : keys) {
    object made = object::of_key(key);
    co_yield std::move(made);
  }
}

bool is_b(const object& what) { return what.key == "b"; }

// The stream itself is a temporary of the expression that awaits.
task<> all_calls(const client_options& options, ring::reactor& loop) {
  client s3(loop, options);
  const std::string whole = long_key + "=0123456789";
  const std::vector<std::string> keys{long_key, "b"};  // in the expression, GCC 12 refuses the list
  std::string seen;
  seen = text(co_await s3.page_ordered({.bucket = "m", .prefix = std::string(long_key)}).next());
  CHECK(seen == whole);
  seen = text(co_await s3.page_unordered({.bucket = "m", .prefix = std::string(long_key)}).next());
  CHECK(seen == whole);
  seen = text(co_await s3.page_ordered("m", keys).next());
  CHECK(seen == whole);
  seen = text(co_await s3.page_ordered("m", std::vector<std::string>(2, long_key), {.concurrency = 2}).next());
  CHECK(seen == whole);
  const std::string prefix = "a/";
  const auto rest = std::views::single(long_key.substr(2));
  seen = text(co_await s3
                  .page_unordered("m", rest | std::views::transform([&prefix](const std::string& each) { return prefix + each; }))
                  .next());
  CHECK(seen == whole);
  seen = text(co_await s3.page_ordered("m", objects_of(keys)).next());
  CHECK(seen == whole);
  seen = text(co_await s3.page_unordered("m", objects_of(std::vector<std::string>(1, long_key)), {.match_etag = false}).next());
  CHECK(seen == whole);
  seen = text(co_await s3.get({.bucket = "m", .key = std::string(long_key)}).next());
  CHECK(seen == whole);
  seen = text(co_await s3.get({.bucket = "m", .key = long_key, .range = byte_range{2, 4}}).next());
  CHECK(seen == long_key + "=234");
  seen = text(co_await s3.get({.bucket = "m", .key = "empty"}).next());
  CHECK(seen == "empty=");
  seen = text(co_await s3.page_ordered({.bucket = "m", .filter = {.glob = std::string("a/**") + "/itself", .where = [](const object& each) {
                                                                    return each.size == 10U;
                                                                  }}}).next());
  CHECK(seen == whole);
  seen = (co_await s3.list({.bucket = "m", .filter = {.glob = "?", .where = is_b}}).next())->key;
  CHECK(seen == "b");
  seen = (co_await s3.list({.bucket = "m", .prefix = std::string(long_key)}).next())->key;
  CHECK(seen == long_key);
  const std::size_t prefixes = (co_await s3.list_pages({.bucket = "m", .delimiter = "/"}).next())->get()->common_prefixes().size();
  CHECK(prefixes == 1);
  const request_header own[] = {{"x-team", "storage"}};
  seen = text(co_await s3.get({.bucket = "m",
                               .key = std::string(long_key),
                               .expected_bucket_owner = std::string("111122223333"),
                               .headers = own,
                               .response = {.content_type = std::string("text/plain")}}).next());
  CHECK(seen == whole);
  seen = text(co_await s3.page_unordered({.bucket = "m", .prefix = "b", .expected_bucket_owner = std::string("111122223333"), .headers = own}).next());
  CHECK(seen == "b=b");
  const std::string url = co_await s3.presign_get({.bucket = "m", .key = std::string(long_key), .response = {.content_type = std::string("text/plain")}});
  seen = text(co_await s3.get_presigned(std::string(url)).next());
  CHECK(seen == "m/" + whole);
  seen = text(co_await s3.get_presigned(co_await s3.presign_get({.bucket = "m", .key = std::string("b")}), {.range = byte_range{0, 0}}).next());
  CHECK(seen == "m/b=b");
  co_await s3.get({.bucket = "m", .key = std::string(long_key)}).close();
}

}  // namespace

TEST_CASE("every public call may be awaited as a temporary, with braces and lambdas", "[pager][public_calls]") {
  fixture on;
  on.made.run(all_calls(on.made.small(), on.made.loop));
}

TEST_CASE("pages may be copied within an expression that awaits", "[pager][public_calls]") {
  fixture on;
  on.made.run([](test::world& in) -> task<> {
    client s3(in.loop, in.small());
    auto pages = s3.get({.bucket = "m", .key = long_key});
    coro::channel<owned_page> kept(1);
    const std::optional<page> got = co_await pages.next();
    const bool sent = co_await kept.send(got->copy());
    CHECK(sent);
    const std::optional<owned_page> copy = co_await kept.receive();
    CHECK(copy->object.key == long_key);
    CHECK(as_chars(copy->bytes) == "0123456789");
    CHECK(copy->last);
  }(on.made));
}

TEST_CASE("a stream may be assigned to while it runs", "[pager][public_calls]") {
  fixture on;
  on.made.run([](test::world& in) -> task<> {
    std::string seen;
    client s3(in.loop, in.small());
    auto pages = s3.page_ordered({.bucket = "m"});
    static_cast<void>(co_await pages.next());
    pages = s3.get({.bucket = "m", .key = "b"});
    seen = text(co_await pages.next());
    CHECK(seen == "b=b");
    pages = {};
    seen = text(co_await pages.next());
    CHECK(seen == "end");
    CHECK(pages.summary().requests == 0);
  }(on.made));
}

TEST_CASE("a stream may be assigned to after a wait for its next page was dropped", "[pager][public_calls]") {
  fixture on;
  client s3(on.made.loop, on.made.small());
  auto pages = s3.get({.bucket = "m", .key = long_key});
  {
    const test::root<> dropped(on.made.loop.ready(), [](page_stream& of) -> task<> { static_cast<void>(co_await of.next()); }(pages));
    on.made.loop.run_once(ring::reactor::wait::no);
    CHECK_FALSE(dropped.done());
  }
  pages = s3.get({.bucket = "m", .key = "b"});
  on.made.run([](page_stream& of) -> task<> {
    const std::string seen = text(co_await of.next());
    CHECK(seen == "b=b");
  }(pages));
}

TEST_CASE("a stream may be moved between pages, and outlive its client", "[pager][public_calls]") {
  fixture on;
  on.made.run([](test::world& in) -> task<> {
    std::string seen;
    std::optional<client> s3(std::in_place, in.loop, in.small());
    auto pages = s3->page_ordered({.bucket = "m"});
    s3.reset();
    seen = text(co_await pages.next());
    CHECK(seen == long_key + "=0123456789");
    auto moved = std::move(pages);
    seen = text(co_await moved.next());
    CHECK(seen == "b=b");
    seen = text(co_await pages.next());
    CHECK(seen == "end");
    seen = text(co_await moved.next());
    CHECK(seen == "empty=");
    seen = text(co_await moved.next());
    CHECK(seen == "end");
    seen = text(co_await moved.next());
    CHECK(seen == "end");
    CHECK(moved.summary().objects == 3);
    CHECK(moved.summary().bytes == 11);
    CHECK(moved.summary().requests == 4);
  }(on.made));
}

TEST_CASE("a closed stream has ended", "[pager][public_calls]") {
  fixture on;
  on.made.run([](test::world& in) -> task<> {
    client s3(in.loop, in.small());
    std::string seen;
    auto begun = s3.page_ordered({.bucket = "m"});
    static_cast<void>(co_await begun.next());
    co_await begun.close();
    seen = text(co_await begun.next());
    CHECK(seen == "end");
    co_await begun.close();
    auto never = s3.page_ordered({.bucket = "m"});
    co_await never.close();
    seen = text(co_await never.next());
    CHECK(seen == "end");
    CHECK(never.summary().requests == 0);
    page_stream none;
    co_await none.close();
  }(on.made));
}

TEST_CASE("a large object is fetched in slices at a time, and a stream within a stream gets on", "[pager][public_calls]") {
  fixture on;
  on.made.memory->put("large", std::string(12 << 20, 'x'));
  on.made.run([](test::world& in) -> task<> {
    client s3(in.loop, in.small());
    std::string seen;
    auto outer = s3.get({.bucket = "m", .key = "large"});
    std::uint64_t bytes = 0;
    std::size_t pages = 0;
    for (;;) {
      const std::optional<page> got = co_await outer.next();
      if (!got) break;
      bytes += got->bytes().size();
      if (pages++ % 20 != 0) continue;
      auto inner = s3.get({.bucket = "m", .key = "b"});
      seen = text(co_await inner.next());
      CHECK(seen == "b=b");
      seen = text(co_await inner.next());
      CHECK(seen == "end");
    }
    CHECK(bytes == 12 << 20);
  }(on.made));
  CHECK(on.made.server->counters().connections_accepted >= 4);
}
