#include "s3pager/pager/source.hpp"

#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/drive.hpp"

using namespace s3pager;
using namespace s3pager::pager;

namespace {

ref<xml::list_page> page_of(const std::vector<std::string>& keys) {
  std::string xml = "<ListBucketResult><CommonPrefixes><Prefix>p/</Prefix></CommonPrefixes>";
  for (const std::string& key : keys) xml += "<Contents><Key>" + key + "</Key><Size>3</Size></Contents>";
  xml += "<IsTruncated>false</IsTruncated></ListBucketResult>";
  auto body = std::make_unique<char[]>(xml.size());
  std::memcpy(body.get(), xml.data(), xml.size());
  ref<xml::list_page> made;
  REQUIRE_FALSE(xml::parse_list_page(std::move(body), xml.size(), made));
  return made;
}

async_generator<ref<xml::list_page>> pages_of(std::vector<std::vector<std::string>> pages, bool fail = false) {
  for (const auto& keys : pages) {
    ref<xml::list_page> made = page_of(keys);
    co_yield std::move(made);
  }
  if (fail) throw error(errc::throttled, "slow down");
}

task<std::vector<object>> all_of(async_generator<object> objects) {
  std::vector<object> made;
  for (;;) {
    std::optional<object> next = co_await objects.next();
    if (!next) break;
    made.push_back(std::move(*next));
  }
  co_return made;
}

std::vector<std::string> keys_of(async_generator<object> objects) {
  std::vector<std::string> keys;
  for (const object& each : test::drive(all_of(std::move(objects)))) keys.emplace_back(each.key);
  return keys;
}

}  // namespace

TEST_CASE("the objects of all pages come in their order, and no prefixes", "[pager][source]") {
  const auto objects = test::drive(all_of(listed_objects(pages_of({{"a", "b"}, {}, {"c"}}))));
  REQUIRE(objects.size() == 3);
  CHECK(objects[0].key == "a");
  CHECK(objects[1].key == "b");
  CHECK(objects[2].key == "c");
  CHECK(objects[2].size == 3U);
}

TEST_CASE("the failure of a list comes after what it gave", "[pager][source]") {
  auto objects = listed_objects(pages_of({{"a"}}, true));
  const auto first = test::drive([](async_generator<object>& of) -> task<bool> {
    const std::optional<object> next = co_await of.next();
    co_return next && next->key == "a";
  }(objects));
  CHECK(first);
  CHECK_THROWS_AS(test::drive(all_of(std::move(objects))), error);
}

TEST_CASE("shards of one list are all of it, and nothing twice", "[pager][source]") {
  std::vector<std::string> all;
  for (int i = 0; i < 100; ++i) all.push_back("key-" + std::to_string(i));
  std::size_t count = 0;
  for (std::uint32_t i = 0; i < 3; ++i) {
    const auto part = keys_of(listed_objects(pages_of({all}), {.index = i, .count = 3}));
    for (const std::string& key : part) CHECK(shard{.index = i, .count = 3}.owns(key));
    count += part.size();
  }
  CHECK(count == 100);
}

TEST_CASE("given keys are opaque bytes and come in the order given, repeated too", "[pager][source]") {
  using namespace std::string_view_literals;
  key_list keys;
  CHECK(keys.size() == 0);
  const std::vector<std::string_view> given{"b"sv, ""sv, "a\0b"sv, "b"sv, "../x"sv};
  for (const std::string_view each : given) keys.add(each);
  CHECK(keys.size() == 5);
  CHECK(keys[2] == given[2]);
  const auto got = keys_of(given_objects(std::move(keys)));
  CHECK(got == std::vector<std::string>(given.begin(), given.end()));
}
