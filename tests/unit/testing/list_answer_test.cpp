#include "s3pager/testing/list_answer.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3pager/base/uri_encoding.hpp"
#include "s3pager/testing/memory_bucket.hpp"
#include "s3pager/testing/synthetic_bucket.hpp"
#include "s3pager/xml/list_result.hpp"
#include "support/catch.hpp"
#include "unit/testing/parsed.hpp"

using namespace s3pager;
using namespace s3pager::testing;

namespace {

using parameters = std::vector<std::pair<std::string, std::string>>;

/// The answer as the library's own parser reads it.
struct page {
  std::string body = {};
  s3_error refused = {};
  std::vector<std::string> keys = {};
  std::vector<std::string> prefixes = {};
  std::optional<std::string> token = {};
  ref<xml::list_page> read = {};
};

page list(const bucket& from, const parameters& asked, std::size_t most = 1000, test::fields headers = {}) {
  std::string target = "/b?list-type=2";
  for (const auto& [name, value] : asked) {
    target += '&' + name + '=';
    append_uri_encoded(target, value, slash::encode);
  }
  headers.emplace_back("Host", "s3.localhost");
  const test::parsed request("GET", target, headers);
  REQUIRE(request.complete());
  page out;
  out.refused = write_list_answer(from, request.request, most, out.body);
  if (out.refused) return out;
  auto copy = std::make_unique<char[]>(out.body.size());
  std::memcpy(copy.get(), out.body.data(), out.body.size());
  CAPTURE(out.body);
  REQUIRE_FALSE(xml::parse_list_page(std::move(copy), out.body.size(), out.read));
  for (const auto& each : out.read->contents()) out.keys.emplace_back(each.key);
  for (const auto each : out.read->common_prefixes()) out.prefixes.emplace_back(each);
  REQUIRE(out.read->key_count() == out.keys.size() + out.prefixes.size());
  if (out.read->is_truncated()) out.token = out.read->next_continuation_token();
  return out;
}

memory_bucket& add(memory_bucket& made, std::initializer_list<const char*> keys) {
  for (const char* key : keys) made.put(key, key);
  return made;
}

using strings = std::vector<std::string>;

}  // namespace

TEST_CASE("a list shows what there is of each object", "[testing][list_answer]") {
  memory_bucket made;
  made.put("k", "abc");
  const page plain = list(made, {{"fetch-owner", "true"}});
  REQUIRE(plain.keys == strings{"k"});
  const xml::listed& object = plain.read->contents()[0];
  CHECK(object.size == 3);
  CHECK(object.etag == "\"900150983cd24fb0d6963f7d28e17f72\"");
  CHECK(object.storage_class() == "STANDARD");
  CHECK(object.owner_id() == "origin");
  CHECK(object.last_modified == wall_time{std::chrono::seconds{1'767'225'600}});
  CHECK(plain.read->name() == "b");
  CHECK_FALSE(plain.read->is_truncated());
  CHECK(list(made, {}).read->contents()[0].owner_id().empty());
}

TEST_CASE("a list shows storage classes, and the restore status of those that have one if it is asked for", "[testing][list_answer]") {
  memory_bucket made;
  const wall_time until{std::chrono::seconds{1'800'000'000}};
  for (const char* key : {"a", "b", "c", "d"}) made.put(key, "abc");
  made.store_in("b", "GLACIER");
  made.store_in("c", "GLACIER", until);
  made.store_in("d", "DEEP_ARCHIVE", {}, true);
  const page plain = list(made, {});
  CHECK(plain.body.find("<RestoreStatus>") == std::string::npos);
  CHECK(plain.read->contents()[0].storage_class() == "STANDARD");
  CHECK(plain.read->contents()[1].storage_class() == "GLACIER");
  CHECK(plain.read->contents()[3].storage_class() == "DEEP_ARCHIVE");
  CHECK_FALSE(plain.read->contents()[2].traits().restore_expiry);
  const page with = list(made, {}, 1000, {{"x-amz-optional-object-attributes", "RestoreStatus"}});
  CHECK_FALSE(with.read->contents()[1].traits().restore_expiry);
  CHECK(with.read->contents()[2].traits().restore_expiry == until);
  CHECK_FALSE(with.read->contents()[2].traits().restore_in_progress);
  CHECK(with.read->contents()[3].traits().restore_in_progress);
  CHECK(with.body.find("<RestoreStatus>") != with.body.rfind("<RestoreStatus>"));
}

TEST_CASE("a delimiter rolls keys up", "[testing][list_answer]") {
  memory_bucket made;
  add(made, {"a/1", "a/2", "a/b/3", "b", "c/", "c/4", "d"});
  const page top = list(made, {{"delimiter", "/"}});
  CHECK(top.keys == strings{"b", "d"});
  CHECK(top.prefixes == strings{"a/", "c/"});
  const page below = list(made, {{"delimiter", "/"}, {"prefix", "a/"}});
  CHECK(below.keys == strings{"a/1", "a/2"});
  CHECK(below.prefixes == strings{"a/b/"});
  CHECK(list(made, {{"delimiter", "/"}, {"prefix", "c/"}}).keys == strings{"c/", "c/4"});
  const page half = list(made, {{"delimiter", "/"}, {"prefix", "a"}});
  CHECK(half.keys.empty());
  CHECK(half.prefixes == strings{"a/"});
  const page odd = list(made, {{"delimiter", "b/"}});
  CHECK(odd.keys == strings{"a/1", "a/2", "b", "c/", "c/4", "d"});
  CHECK(odd.prefixes == strings{"a/b/"});
}

TEST_CASE("a list starts after an entry, be it there or not", "[testing][list_answer]") {
  memory_bucket made;
  add(made, {"a/1", "a/2", "b", "c/3", "d"});
  CHECK(list(made, {{"start-after", "a/1"}}).keys == strings{"a/2", "b", "c/3", "d"});
  CHECK(list(made, {{"start-after", "a/1x"}}).keys == strings{"a/2", "b", "c/3", "d"});
  CHECK(list(made, {{"start-after", "d"}}).keys.empty());
  CHECK(list(made, {{"start-after", "a"}, {"prefix", "c"}}).keys == strings{"c/3"});
  CHECK(list(made, {{"start-after", "e"}, {"prefix", "c"}}).keys.empty());
  CHECK(list(made, {{"start-after", ""}}).keys.size() == 5);
  const page rolled = list(made, {{"start-after", "a/1"}, {"delimiter", "/"}});
  CHECK(rolled.keys == strings{"b", "d"});
  CHECK(rolled.prefixes == strings{"c/"});
}

TEST_CASE("pages of any size add up to the same list", "[testing][list_answer]") {
  std::mt19937 random(7);
  memory_bucket made;
  std::set<std::string> all;
  for (int i = 0; i < 300; ++i) {
    std::string key;
    for (unsigned n = 1 + static_cast<unsigned>(random() % 6); n > 0; --n) key += "ab/\xff\x7f "[random() % 6];
    made.put(key, "");
    all.insert(key);
  }
  for (const std::string delimiter : {"", "/", "\xff", "ab"}) {
    for (const std::string prefix : {"", "a", "a/", "\xff"}) {
      strings keys, prefixes;
      std::set<std::string> expected_keys, expected_prefixes;
      for (const std::string& key : all) {
        if (!key.starts_with(prefix)) continue;
        const auto at = delimiter.empty() ? std::string::npos : key.find(delimiter, prefix.size());
        if (at == std::string::npos) expected_keys.insert(key);
        else expected_prefixes.insert(key.substr(0, at + delimiter.size()));
      }
      for (const std::size_t size : {1U, 2U, 7U, 1000U}) {
        keys.clear();
        prefixes.clear();
        std::optional<std::string> token;
        do {
          parameters asked{{"prefix", prefix}, {"delimiter", delimiter}, {"encoding-type", "url"},
                           {"max-keys", std::to_string(size)}};
          if (token) asked.emplace_back("continuation-token", *token);
          const page next = list(made, asked);
          REQUIRE(next.keys.size() + next.prefixes.size() <= size);
          if (next.token) REQUIRE(next.keys.size() + next.prefixes.size() == size);
          keys.insert(keys.end(), next.keys.begin(), next.keys.end());
          prefixes.insert(prefixes.end(), next.prefixes.begin(), next.prefixes.end());
          token = next.token;
        } while (token);
        CAPTURE(delimiter, prefix, size);
        REQUIRE(keys == strings(expected_keys.begin(), expected_keys.end()));
        REQUIRE(prefixes == strings(expected_prefixes.begin(), expected_prefixes.end()));
      }
    }
  }
}

TEST_CASE("a list goes on deep in a million keys", "[testing][list_answer]") {
  const synthetic_bucket made({.count = 1'000'000});
  const page deep = list(made, {{"start-after", "00876543"}});
  REQUIRE(deep.keys.size() == 1000);
  CHECK(deep.keys.front() == "00876544");
  REQUIRE(deep.token);
  const page next = list(made, {{"continuation-token", *deep.token}, {"start-after", "00000000"}});
  CHECK(next.keys.front() == "00877544");
  const page last = list(made, {{"start-after", "00999000"}});
  CHECK(last.keys.size() == 999);
  CHECK_FALSE(last.token);
  const page exact = list(made, {{"start-after", "00998999"}});
  CHECK(exact.keys.size() == 1000);
  CHECK_FALSE(exact.token);
}

TEST_CASE("max-keys is at most a thousand, and may be none", "[testing][list_answer]") {
  const synthetic_bucket made({.count = 3000});
  CHECK(list(made, {{"max-keys", "2000"}}).keys.size() == 1000);
  CHECK(list(made, {{"max-keys", "1"}}).keys.size() == 1);
  CHECK(list(made, {}, 10).keys.size() == 10);
  const page none = list(made, {{"max-keys", "0"}});
  CHECK(none.keys.empty());
  CHECK_FALSE(none.token);
}

TEST_CASE("hostile keys come through encoded", "[testing][list_answer]") {
  memory_bucket made;
  const strings hostile{"\x01\x02", " ", "%41", "+", "..", "//", "<&>\"'", "a\r\nb", "\xc3\xa9", "\xff\xfe"};
  for (const std::string& key : hostile) made.put(key, "");
  strings sorted = hostile;
  std::sort(sorted.begin(), sorted.end());
  const page encoded = list(made, {{"encoding-type", "url"}});
  CHECK(encoded.read->url_encoded());
  CHECK(encoded.keys == sorted);
  CHECK(encoded.body.find("<Key>+</Key>") != std::string::npos);  // a space, as AWS writes it
  CHECK(list(made, {{"encoding-type", "url"}, {"prefix", "\xff"}}).read->prefix() == "\xff");
}

TEST_CASE("keys that XML can carry come through as they are", "[testing][list_answer]") {
  memory_bucket made;
  add(made, {"%41", "+", "<&>\"'", "a\r\nb\tc", "\xc3\xa9"});
  const page plain = list(made, {});
  CHECK_FALSE(plain.read->url_encoded());
  CHECK(plain.keys == strings{"%41", "+", "<&>\"'", "a\r\nb\tc", "\xc3\xa9"});
}

TEST_CASE("parameters that make no sense are refused", "[testing][list_answer]") {
  memory_bucket made;
  for (const auto& [name, value] : parameters{{"max-keys", "-1"}, {"max-keys", "x"}, {"max-keys", ""},
                                              {"max-keys", "99999999999"}, {"encoding-type", "xml"},
                                              {"continuation-token", ""}, {"continuation-token", "abc"},
                                              {"continuation-token", "YWJj"}, {"continuation-token", "!!!!"}}) {
    CAPTURE(name, value);
    CHECK(list(made, {{name, value}}).refused.code == "InvalidArgument");
  }
}
