#include "s3pager/pager/archived.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3pager/pager/client.hpp"
#include "s3pager/testing/behaviour.hpp"
#include "support/catch.hpp"
#include "support/drive.hpp"
#include "support/world.hpp"

using namespace s3pager;
using namespace s3pager::test;
using namespace std::chrono_literals;
using testing::behaviour;
using testing::request_info;

namespace {

using strings = std::vector<std::string>;

struct outcome {
  strings keys = {};                    // of objects that came whole
  std::vector<error> failures = {};     // as pages
  std::optional<error> end = {};        // of the stream
  summary total = {};
};

task<> read(page_stream& pages, outcome& into) {
  try {
    for (;;) {
      const std::optional<page> got = co_await pages.next();
      if (!got) break;
      if (got->failure() != nullptr)
        into.failures.push_back(*got->failure());
      else if (got->last())
        into.keys.emplace_back(got->object().key);
    }
  } catch (const error& failed) {
    into.end.emplace(failed);
  }
  into.total = pages.summary();
}

/// Bucket `m` with an object in each state that there is, by key: `cold` and `deep` in archives, `copy` restored until `until`, `thaw` being
/// restored, `warm` in a class that sounds like an archive.
struct fixture {
  fixture() {
    for (const char* key : {"a", "cold", "copy", "deep", "thaw", "warm", "z"}) in.memory->put(key, key);
    in.memory->store_in("cold", "GLACIER");
    in.memory->store_in("copy", "GLACIER", until);
    in.memory->store_in("deep", "DEEP_ARCHIVE");
    in.memory->store_in("thaw", "DEEP_ARCHIVE", {}, true);
    in.memory->store_in("warm", "GLACIER_IR");
    in.server->set_hook([this](const request_info& asked) {
      asked_for.emplace_back(asked.key);
      if (!to_archive.empty() && asked.key == to_archive) in.memory->store_in(to_archive, "GLACIER");
      return behaviour{};
    });
  }
  ~fixture() {
    in.server->set_hook({});
    in.settle();
    in.end();
  }
  outcome paged(const page_options& what, page_order order = page_order::by_key) {
    outcome made;
    client s3(in.loop, in.small());
    auto pages = order == page_order::by_key ? s3.page_ordered(what) : s3.page_unordered(what);
    in.run(read(pages, made));
    return made;
  }
  /// Keys of GETs, sorted, as they come in any order.
  strings gets() {
    strings made;
    for (const std::string& each : asked_for)
      if (!each.empty()) made.push_back(each);
    std::sort(made.begin(), made.end());
    return made;
  }

  world in;
  const wall_time until = in.time.wall() + 1h;
  strings asked_for;  // lists have no key
  std::string to_archive;  // just before it is asked for
};

const strings readable{"a", "copy", "warm", "z"};

void check_failure(const error& failed, std::string_view key, std::string_view message) {
  CHECK(failed.code() == errc::archived);
  CHECK(failed.key() == key);
  CHECK(failed.bucket() == "m");
  CHECK(failed.http_status() == 0);
  CHECK(failed.details().message == message);
}

}  // namespace

TEST_CASE("archived objects are reported one by one, and nothing is sent for them", "[pager][archived]") {
  fixture on;
  const bool match_etag = GENERATE(true, false);
  const outcome got = on.paged({.bucket = "m", .on_error = on_error::report, .match_etag = match_etag});
  CHECK(got.keys == readable);
  REQUIRE(got.failures.size() == 3);
  check_failure(got.failures[0], "cold",
                "the list shows the object in storage class GLACIER, not restored: it has to be restored before it can be read");
  check_failure(got.failures[1], "deep",
                "the list shows the object in storage class DEEP_ARCHIVE, not restored: it has to be restored before it can be read");
  check_failure(got.failures[2], "thaw",
                "the list shows the object in storage class DEEP_ARCHIVE, being restored: it can be read when that is done");
  CHECK(on.gets() == readable);
  CHECK_FALSE(got.end);
  CHECK(got.total.failures == 3);
  CHECK(got.total.skipped == 0);
  CHECK(got.total.objects == 4);
  CHECK(got.total.requests == 5);
}

TEST_CASE("archived objects are reported as objects come by arrival, too", "[pager][archived]") {
  fixture on;
  outcome got = on.paged({.bucket = "m", .on_error = on_error::report}, page_order::by_arrival);
  std::sort(got.keys.begin(), got.keys.end());
  CHECK(got.keys == readable);
  CHECK(got.failures.size() == 3);
  CHECK(on.gets() == readable);
}

TEST_CASE("an archived object stops a run where it would have come, if failures do", "[pager][archived]") {
  fixture on;
  const outcome got = on.paged({.bucket = "m"});
  CHECK(got.keys == strings{"a"});
  REQUIRE(got.end);
  check_failure(*got.end, "cold",
                "the list shows the object in storage class GLACIER, not restored: it has to be restored before it can be read");
  CHECK(std::string(got.end->what()) == got.end->details().message + "; bucket m; key cold: the object is archived and has to be restored first");
  const strings gets = on.gets();
  CHECK(std::find(gets.begin(), gets.end(), "cold") == gets.end());
}

TEST_CASE("archived objects are skipped and counted, if that is asked for", "[pager][archived]") {
  fixture on;
  const outcome got = on.paged({.bucket = "m", .on_archived = on_archived::skip});
  CHECK(got.keys == readable);
  CHECK_FALSE(got.end);
  CHECK(on.gets() == readable);
  CHECK(got.total.skipped == 3);
  CHECK(got.total.failures == 0);
  CHECK(got.total.objects == 4);
  CHECK(got.total.requests == 5);
}

TEST_CASE("what a filter leaves out is not looked at for more", "[pager][archived]") {
  fixture on;
  const outcome got = on.paged({.bucket = "m", .on_archived = on_archived::skip, .filter = {.glob = "[cd]*"}});
  CHECK(got.keys == strings{"copy"});
  CHECK(got.total.filtered == 4);
  CHECK(got.total.skipped == 2);
  CHECK(on.paged({.bucket = "m", .filter = {.glob = "[!cdt]*"}}).keys == strings{"a", "warm", "z"});
}

TEST_CASE("archived objects are asked for, if they are to be attempted, and the service says the same", "[pager][archived]") {
  fixture on;
  const outcome got = on.paged({.bucket = "m", .on_error = on_error::report, .on_archived = on_archived::attempt});
  CHECK(got.keys == readable);
  REQUIRE(got.failures.size() == 3);
  for (const error& failed : got.failures) {
    CHECK(failed.code() == errc::archived);
    CHECK(failed.code() != errc::access_denied);
    CHECK(failed.http_status() == 403);
    CHECK(failed.s3_code() == "InvalidObjectState");
    CHECK(failed.attempts() == 1);
  }
  CHECK(on.gets() == strings{"a", "cold", "copy", "deep", "thaw", "warm", "z"});
  CHECK(got.total.requests == 8);
}

TEST_CASE("a restored copy is read until it expires", "[pager][archived]") {
  fixture on;
  on.in.time.advance(1h - 1ns);
  CHECK(on.paged({.bucket = "m", .prefix = "copy"}).keys == strings{"copy"});
  on.in.time.advance(1ns);
  const outcome got = on.paged({.bucket = "m", .prefix = "copy"});
  REQUIRE(got.end);
  check_failure(*got.end, "copy",
                "the list shows the object in storage class GLACIER, and its restored copy has expired: it has to be restored again "
                "before it can be read");
  CHECK(on.paged({.bucket = "m", .prefix = "copy", .on_archived = on_archived::skip}).total.skipped == 1);
  CHECK(on.gets() == strings{"copy"});
}

TEST_CASE("an object that is archived behind the list's back is reported as archived", "[pager][archived]") {
  fixture on;
  on.to_archive = "a";
  const outcome got = on.paged({.bucket = "m", .prefix = "a", .on_archived = on_archived::skip});
  REQUIRE(got.end);
  CHECK(got.end->code() == errc::archived);
  CHECK(got.end->http_status() == 403);
  CHECK(got.total.skipped == 0);
  CHECK(got.total.failures == 1);
}

TEST_CASE("an object in an archive is reported once, however many slices it has", "[pager][archived]") {
  fixture on;
  on.in.memory->put("large", std::string(5 << 20, 'x'));
  on.in.memory->store_in("large", "DEEP_ARCHIVE");
  const outcome got = on.paged({.bucket = "m", .prefix = "large", .on_error = on_error::report});
  REQUIRE(got.failures.size() == 1);
  CHECK(got.failures[0].code() == errc::archived);
  CHECK(got.total.failures == 1);
  CHECK(got.total.requests == 1);
  CHECK(on.gets().empty());
}

TEST_CASE("objects that a list gave are known to be archived where they are paged later", "[pager][archived]") {
  fixture on;
  client s3(on.in.loop, on.in.small());
  const auto page_listed = [&](const list_options& what, const keys_options& how) {
    outcome made;
    auto pages = s3.page_ordered("m", s3.list(what), how);
    on.in.run(read(pages, made));
    return made;
  };
  const outcome reported = page_listed({.bucket = "m"}, {.on_error = on_error::report});
  CHECK(reported.keys == readable);
  CHECK(reported.failures.size() == 3);
  CHECK(on.gets() == readable);
  const outcome skipped = page_listed({.bucket = "m"}, {.on_archived = on_archived::skip});
  CHECK(skipped.keys == readable);
  CHECK(skipped.total.skipped == 3);
  // Without the restore status no copy is known of.
  const outcome unknown = page_listed({.bucket = "m", .restore_status = false}, {.on_archived = on_archived::skip});
  CHECK(unknown.keys == strings{"a", "warm", "z"});
  CHECK(unknown.total.skipped == 4);
}

TEST_CASE("of keys nothing is known: an archived object's answer says so, once", "[pager][archived]") {
  fixture on;
  client s3(on.in.loop, [&] {
    client_options how = on.in.small();
    how.retry = {.max_attempts = 3};
    return how;
  }());
  outcome got;
  auto pages = s3.page_ordered("m", {"a", "cold", "copy"}, {.on_error = on_error::report, .on_archived = on_archived::skip});
  on.in.run(read(pages, got));
  CHECK(got.keys == strings{"a", "copy"});
  REQUIRE(got.failures.size() == 1);
  CHECK(got.failures[0].code() == errc::archived);
  CHECK(got.failures[0].key() == "cold");
  CHECK(got.failures[0].attempts() == 1);
  CHECK(got.total.requests == 3);
  outcome one;
  auto single = s3.get({.bucket = "m", .key = "deep"});
  on.in.run(read(single, one));
  REQUIRE(one.end);
  CHECK(one.end->code() == errc::archived);
  CHECK(one.total.requests == 1);
}
