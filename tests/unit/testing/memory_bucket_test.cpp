#include "s3pager/testing/memory_bucket.hpp"

#include <string>
#include <string_view>
#include <vector>

#include "s3pager/base/bytes.hpp"
#include "s3pager/ring/reactor.hpp"
#include "support/catch.hpp"

using namespace s3pager;
using namespace s3pager::testing;

namespace {

std::vector<std::string> keys(const bucket& from, std::string_view first = {}) {
  struct gatherer final : bucket::visitor {
    bool visit(const object_info& object) override {
      found.push_back(object.key);
      return true;
    }
    std::vector<std::string> found;
  } all;
  from.scan(first, all);
  return all.found;
}

}  // namespace

TEST_CASE("keys in memory are in the order of their unsigned bytes", "[testing][memory_bucket]") {
  memory_bucket made;
  for (const char* key : {"b", "\xff", "a/b", "\x01", "a-b", "\xc3\xa9", "a"}) made.put(key, "");
  CHECK(keys(made) == std::vector<std::string>{"\x01", "a", "a-b", "a/b", "b", "\xc3\xa9", "\xff"});
  CHECK(keys(made, "a-b") == std::vector<std::string>{"a-b", "a/b", "b", "\xc3\xa9", "\xff"});
  CHECK(keys(made, "a-c").front() == "a/b");
}

TEST_CASE("an object in memory has the MD5 of its bytes for an ETag", "[testing][memory_bucket]") {
  ring::reactor loop;
  memory_bucket made;
  made.put("empty", "");
  made.put("abc", "abc");
  CHECK(made.open(loop, "empty").info.etag == "d41d8cd98f00b204e9800998ecf8427e");
  CHECK(made.open(loop, "abc").info.etag == "900150983cd24fb0d6963f7d28e17f72");
  CHECK(made.open(loop, "abc").info.size == 3);
}

TEST_CASE("an object in memory is in the storage class that it was stored in, until it is replaced", "[testing][memory_bucket]") {
  ring::reactor loop;
  memory_bucket made;
  made.put("k", "abc");
  const wall_time until{std::chrono::seconds{1'800'000'000}};
  CHECK(made.open(loop, "k").info.storage_class == "STANDARD");
  CHECK_FALSE(made.open(loop, "k").info.archived(until));
  CHECK_FALSE(made.store_in("none", "GLACIER"));
  CHECK(made.store_in("k", "GLACIER"));
  CHECK(made.open(loop, "k").info.storage_class == "GLACIER");
  CHECK(made.open(loop, "k").info.archived(until));
  CHECK(made.store_in("k", "DEEP_ARCHIVE", until));
  CHECK_FALSE(made.open(loop, "k").info.archived(until - std::chrono::nanoseconds(1)));
  CHECK(made.open(loop, "k").info.archived(until));
  CHECK(made.store_in("k", "DEEP_ARCHIVE", {}, true));
  CHECK(made.open(loop, "k").info.restore_in_progress);
  CHECK(made.open(loop, "k").info.archived(until));
  CHECK(made.store_in("k", "GLACIER_IR"));
  CHECK_FALSE(made.open(loop, "k").info.archived(until));
  made.put("k", "abc");
  CHECK(made.open(loop, "k").info.storage_class == "STANDARD");
}

TEST_CASE("an object that is replaced or removed is read to its end by who has opened it", "[testing][memory_bucket]") {
  ring::reactor loop;
  memory_bucket made;
  made.put("k", "before");
  const opened_object opened = made.open(loop, "k");
  made.put("k", "after");
  CHECK(as_chars(loop.run(opened.body->read(2, 100)).bytes) == "fore");
  CHECK(as_chars(loop.run(opened.body->read(2, 2)).bytes) == "fo");
  CHECK(as_chars(loop.run(made.open(loop, "k").body->read(0, 100)).bytes) == "after");
  CHECK(made.remove("k"));
  CHECK_FALSE(made.remove("k"));
  CHECK_FALSE(made.open(loop, "k").body);
  CHECK(keys(made).empty());
}
