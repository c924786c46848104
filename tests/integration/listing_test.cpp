// Lists of a real server: pages, prefixes, delimiters, start-after, owners.
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "support/many_objects.hpp"
#include "support/real_server.hpp"

namespace s3pager::test {
namespace {

std::vector<std::string> keys_under(std::string_view prefix, std::string_view after = {}) {
  std::vector<std::string> made;
  for (const auto& [key, what] : many_objects())
    if (key.starts_with(prefix) && key > after) made.push_back(key);
  return made;
}

}  // namespace

TEST_CASE("2,500 objects come in several pages, in order, with size, ETag and time") {
  const object_map& put = many_objects();
  session at(each_strategy());
  const auto pages = at.list_pages({.bucket = many_bucket});
  // A page may be short though more follow: radosgw's are, now and then.
  REQUIRE(pages.size() >= 3);
  std::size_t listed = 0;
  for (std::size_t i = 0; i < pages.size(); ++i) {
    CHECK(pages[i]->contents().size() <= 1000);
    CHECK(pages[i]->is_truncated() == (i + 1 < pages.size()));
    listed += pages[i]->contents().size();
  }
  CHECK(listed == many_count);
  const auto found = at.list({.bucket = many_bucket});
  CHECK(keys_of(found) == keys_of(put));
  bool sizes = true;
  bool etags = true;
  bool times = true;
  for (const object& each : found) {
    sizes = sizes && each.size == put.find(each.key)->second.size;
    etags = etags && each.etag.size() == 34 && each.etag.front() == '"' && each.etag.back() == '"';
    times = times && each.last_modified.has_value();
  }
  CHECK(sizes);
  CHECK(etags);
  CHECK(times);
}

TEST_CASE("max_keys is the size of a page, not of the list") {
  (void)many_objects();
  session at(each_strategy());
  const auto pages = at.list_pages({.bucket = many_bucket, .prefix = "n/07/", .max_keys = 7});
  CHECK(pages.size() >= 15);
  std::vector<std::string> keys;
  for (const auto& page : pages) {
    CHECK(page->contents().size() <= 7);
    for (const auto& each : page->contents()) keys.emplace_back(each.key);
  }
  CHECK(keys == keys_under("n/07/"));
}

TEST_CASE("a delimiter rolls keys up to common prefixes") {
  (void)many_objects();
  session at(each_strategy());
  const std::uint32_t max_keys = GENERATE(0U, 4U);
  std::vector<std::string> prefixes;
  std::size_t contents = 0;
  for (const auto& page : at.list_pages({.bucket = many_bucket, .prefix = "n/", .delimiter = "/", .max_keys = max_keys})) {
    for (const std::string_view each : page->common_prefixes()) prefixes.emplace_back(each);
    contents += page->contents().size();
  }
  std::set<std::string> expected;
  for (const std::string& key : keys_under("n/")) expected.insert(key.substr(0, 5));
  CHECK(expected.size() == 25);
  CHECK(prefixes == std::vector<std::string>(expected.begin(), expected.end()));
  CHECK(contents == 0);
}

TEST_CASE("below the last delimiter are objects and no common prefixes") {
  (void)many_objects();
  session at(each_strategy());
  const auto pages = at.list_pages({.bucket = many_bucket, .prefix = "n/24/", .delimiter = "/"});
  REQUIRE(pages.size() == 1);
  CHECK(pages[0]->contents().size() == 100);
  CHECK(pages[0]->common_prefixes().empty());
}

TEST_CASE("a list starts after a key, whether that is there or not") {
  (void)many_objects();
  session at(each_strategy());
  const std::string after = GENERATE(std::string("n/23/0123"), std::string("n/23/0124"), std::string("n/"), std::string("o"));
  CAPTURE(after);
  CHECK(keys_of(at.list({.bucket = many_bucket, .start_after = after})) == keys_under("", after));
  CHECK(keys_of(at.list({.bucket = many_bucket, .prefix = "n/23/", .start_after = after, .max_keys = 30})) ==
        keys_under("n/23/", after));
}

TEST_CASE("under a prefix that nobody has is nothing") {
  (void)many_objects();
  session at(each_strategy());
  CHECK(at.list({.bucket = many_bucket, .prefix = "nobody has this/"}).empty());
  const auto pages = at.list_pages({.bucket = many_bucket, .prefix = "nobody has this/"});
  REQUIRE(pages.size() == 1);
  CHECK_FALSE(pages[0]->is_truncated());
  page_stream none = at.s3.page_ordered({.bucket = many_bucket, .prefix = "nobody has this/"});
  checker seen(many_objects());
  at.loop.run(read_all(none, seen));
  CHECK(seen.pages() == 0);
  // A proxy may close connections without a word, which costs a request now and then.
  if (server().proxy.empty()) CHECK(none.summary().requests == 1);
}

TEST_CASE("owners are listed when they are asked for") {
  (void)many_objects();
  session at(each_strategy());
  const auto with = at.list({.bucket = many_bucket, .prefix = "n/05/", .fetch_owner = true});
  REQUIRE(with.size() == 100);
  const std::string owner = server().is("radosgw") ? "test" : server().access_key_id;
  CHECK(std::all_of(with.begin(), with.end(), [&](const object& each) { return each.owner_id() == owner; }));
  const auto without = at.list({.bucket = many_bucket, .prefix = "n/05/"});
  REQUIRE(without.size() == 100);
  CHECK(std::all_of(without.begin(), without.end(), [](const object& each) { return each.owner_id().empty(); }));
}

}  // namespace s3pager::test
