// Keys are opaque bytes: each kind is put, listed, paged and got, and comes back unharmed.
#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/real_server.hpp"

namespace s3pager::test {
namespace {

struct kind {
  std::string key;
  const char* not_stored_by_versitygw = nullptr;  ///< why not; radosgw stores them all
  const char* not_listed_by_versitygw = nullptr;  ///< why its list shows another key, though it stores it
};

std::string repeated(std::string_view what, std::size_t count) {
  std::string made;
  while (count-- > 0) made += what;
  return made;
}

const std::vector<kind>& all_kinds() {
  static constexpr const char* cleaned = "its paths are those of files, which have no empty component, no . and no ..";
  static constexpr const char* name_too_long = "a file's name has 255 bytes at most";
  static constexpr const char* no_xml = "it ignores encoding-type=url, and XML cannot hold this character";
  static const std::vector<kind> kinds{
      {"plain"},
      {"two words"},
      {" leads with a space"},
      {"trails with a space "},
      {"two  spaces"},
      {"plus+plus"},
      {"a +b"},
      {"100%"},
      {"encoded%20already"},
      {"%2F"},
      {"%zz"},
      {"%25%"},
      {"double//slash", cleaned},
      {"triple///slash", cleaned},
      {"/leading", cleaned},
      {"//leading twice", cleaned},
      {"trailing/"},
      {"trailing twice//", cleaned},
      {".", cleaned},
      {"..", cleaned},
      {"./dot first", cleaned},
      {"../up first", cleaned},
      {"dot/./within", cleaned},
      {"up/../within", cleaned},
      {"dots/...three"},
      {"ends in dot."},
      {".hidden"},
      {"\u00fcml\u00e4ut/\u65e5\u672c\u8a9e"},
      {"e\u0301 is not \u00e9"},
      {"\U0001f40b"},
      {"\u0627\u0644\u0639\u0631\u0628\u064a\u0629"},
      {"\ufeff marks no order"},
      {"not a character \ufffe", nullptr, no_xml},
      {"control \x01 one", nullptr, no_xml},
      {"control \x1f last", nullptr, no_xml},
      {"control \x7f delete"},
      {"tab\tbed"},
      {"line\nfeed"},
      {"carriage\rreturn"},
      {"line\r\nend"},
      {"question?mark=1"},
      {"?versionId=null"},
      {"hash#fragment"},
      {"back\\slash"},
      {"double\"quote"},
      {"single'quote"},
      {"a&b<c>d"},
      {"&amp;&#x41;"},
      {"]]>"},
      {"star*"},
      {"til~de"},
      {"a=b&c=d"},
      {"colon:semi;comma,at@dollar$bang!"},
      {"(round)[square]{curly}"},
      {"pipe|caret^tick`"},
      {"_underscore"},
      {"-dash"},
      {"http://host:80/path", cleaned},
      {repeated("1024 bytes/ in parts of 32 bytes", 32)},
      {repeated("\u00fc", 512), name_too_long},
      {repeated("x", 1024), name_too_long},
  };
  return kinds;
}

bool unknown_to_versitygw(const kind& which) {
  return which.not_stored_by_versitygw != nullptr || which.not_listed_by_versitygw != nullptr;
}

/// What the server stores and lists.
const object_map& stored() {
  static const object_map made = [] {
    put_client writer = server().writer();
    writer.make_bucket("kinds");
    object_map put;
    std::uint64_t seed = 0;
    for (const kind& each : all_kinds()) {
      const bool versitygw = server().is("versitygw");
      if (versitygw && unknown_to_versitygw(each)) continue;
      // A key that ends in a slash is a folder to versitygw, which has no bytes.
      const contents what{.seed = ++seed, .size = versitygw && each.key.back() == '/' ? 0 : 10 * seed};
      writer.put("kinds", each.key, what);
      put.emplace(each.key, what);
    }
    return put;
  }();
  return made;
}

}  // namespace

TEST_CASE("a list has each kind of key as it was put, in the order of its bytes") {
  const object_map& put = stored();
  CHECK(put.size() >= 40);
  session at(each_strategy());
  const auto found = at.list({.bucket = "kinds"});
  REQUIRE(keys_of(found) == keys_of(put));
  for (const object& each : found) CHECK(each.size == put.find(each.key)->second.size);
}

TEST_CASE("a list goes on after each kind of key") {
  const object_map& put = stored();
  session at(each_strategy());
  CHECK(keys_of(at.list({.bucket = "kinds", .max_keys = 1})) == keys_of(put));
}

TEST_CASE("each kind of key is a prefix and a start") {
  const object_map& put = stored();
  session at(each_strategy());
  for (auto each = put.begin(); each != put.end(); ++each) {
    CAPTURE(each->first);
    const auto under = at.list({.bucket = "kinds", .prefix = each->first});
    REQUIRE_FALSE(under.empty());
    CHECK(under.front().key == each->first);
    std::vector<std::string> rest;
    for (auto other = std::next(each); other != put.end(); ++other) rest.push_back(other->first);
    CHECK(keys_of(at.list({.bucket = "kinds", .start_after = each->first})) == rest);
  }
}

TEST_CASE("each kind of key is got") {
  const object_map& put = stored();
  session at(each_strategy());
  for (const auto& [key, what] : put) {
    CAPTURE(key);
    const whole_object got = at.get({.bucket = "kinds", .key = key});
    CHECK(got.what.key == key);
    CHECK(got.bytes == what.bytes());
  }
}

TEST_CASE("each kind of key is paged when given, in the order given") {
  const object_map& put = stored();
  session at(each_strategy());
  std::vector<std::string> keys = keys_of(put);
  std::reverse(keys.begin(), keys.end());
  page_stream pages = at.s3.page_ordered("kinds", keys);
  checker seen(put);
  at.loop.run(read_all(pages, seen));
  CHECK(seen.complaint().empty());
  CHECK(seen.whole() == keys.size());
  CHECK(seen.sequence() == keys);
}

TEST_CASE("each kind of key is paged when listed") {
  const object_map& put = stored();
  session at(each_strategy());
  page_stream pages = at.s3.page_unordered({.bucket = "kinds", .max_keys = 7});
  checker seen(put);
  at.loop.run(read_all(pages, seen));
  CHECK(seen.complaint().empty());
  CHECK(seen.whole() == put.size());
}

TEST_CASE("what versitygw cannot store or list is known by name, and what it stores is got") {
  if (!server().is("versitygw")) return;
  put_client writer = server().writer();
  writer.make_bucket("unknown-kinds");
  session at(each_strategy());
  for (const kind& each : all_kinds()) {
    if (!unknown_to_versitygw(each)) continue;
    CAPTURE(each.key);
    const bool stored = each.not_stored_by_versitygw == nullptr;
    WARN("SKIP: versitygw does not " << (stored ? "list" : "store") << " '" << each.key.substr(0, 40) << "': "
                                     << (stored ? each.not_listed_by_versitygw : each.not_stored_by_versitygw));
    const contents what{.seed = 7, .size = 70};
    const int status = writer.try_put("unknown-kinds", each.key, what).status;
    if (stored) {
      CHECK(status == 200);
      CHECK(at.get({.bucket = "unknown-kinds", .key = each.key}).bytes == what.bytes());
    }
    const std::vector<std::string> found = keys_of(at.list({.bucket = "unknown-kinds"}));
    CHECK(std::find(found.begin(), found.end(), each.key) == found.end());
  }
}

}  // namespace s3pager::test
