#include "support/page_checker.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "s3pager/base/error.hpp"
#include "s3pager/pager/page.hpp"
#include "support/catch.hpp"

using namespace s3pager;
using namespace s3pager::test;

namespace {

const object_map put{{"a", {.seed = 1, .size = 10}}, {"b", {.seed = 2, .size = 0}}, {"c", {.seed = 3, .size = 9000}}};

/// Pages of the objects that were put, as a run would give them.
struct pages {
  page part(std::string_view key, std::uint64_t offset, std::uint64_t count, bool last) const {
    return part(key, offset, count, last, put.at(std::string(key)));
  }
  page part(std::string_view key, std::uint64_t offset, std::uint64_t count, bool last, const contents& from) const {
    object known = object::of_key(key).with_answer("\"e\"", from.size);
    const auto record = make_ref<s3pager::detail::object_record>(known);
    if (count == 0) return page(record, {}, offset, last);
    const std::uint32_t slot = pool->take_free();
    pool->hold(slot);
    from.fill(offset, {pool->address(slot), count});
    return page(record, ring::slot_span(pool, slot, 1, 0, count), offset, last);
  }
  static page failure(std::string_view key, std::uint64_t offset, const error& why) {
    const auto record = make_ref<s3pager::detail::object_record>(object::of_key(key));
    record->failed(why);
    return page::of_failure(record, offset);
  }
  ref<ring::slot_pool> pool = make_ref<ring::slot_pool>(std::size_t{16384}, std::uint32_t{4}, make_ref<ring::waker>());
};

error named(std::string key, errc why = errc::not_found) {
  return error(why, error_details{.message = "gone", .key = std::move(key), .attempts = 1});
}

struct checked {
  explicit checked(page_order order = page_order::by_arrival) : seen(expected, order) {}
  bool complains_of(std::string_view text) const { return seen.complaint().find(text) != std::string::npos; }
  put_objects expected{put};
  page_checker seen;
  pages from;
};

}  // namespace

TEST_CASE("what is as it was put is no cause for complaint", "[support][page_checker]") {
  checked in(page_order::by_key);
  in.seen.take(in.from.part("a", 0, 4, false));
  in.seen.take(in.from.part("a", 4, 6, true));
  in.seen.take(in.from.part("b", 0, 0, true));
  in.seen.take(in.from.part("c", 0, 5000, false));
  in.seen.take(in.from.part("c", 5000, 4000, true));
  in.seen.finish();
  CHECK(in.seen.complaint().empty());
  CHECK(in.seen.all());
  CHECK(in.seen.bytes() == 9010);
  CHECK(in.seen.pages() == 5);
  CHECK(in.seen.sequence() == std::vector<std::string>{"a", "b", "c"});
}

TEST_CASE("other bytes, gaps, wrong ends and repetitions are complained of", "[support][page_checker]") {
  SECTION("a byte of another object") {
    checked in;
    in.seen.take(in.from.part("c", 0, 9000, true, {.seed = 4, .size = 9000}));
    CHECK(in.complains_of("c has other bytes, seen in the page at 0, not verified yet"));
  }
  SECTION("a byte behind the first 4 KiB") {
    checked in;
    const page made = in.from.part("c", 0, 9000, true);
    const_cast<std::byte&>(made.bytes()[8999]) ^= std::byte{1};
    in.seen.take(made);
    CHECK(in.complains_of("c has other bytes"));
  }
  SECTION("a gap") {
    checked in;
    in.seen.take(in.from.part("a", 0, 4, false));
    in.seen.take(in.from.part("a", 5, 5, true));
    CHECK(in.complains_of("a has a gap at 4"));
  }
  SECTION("an early end") {
    checked in;
    in.seen.take(in.from.part("a", 0, 9, true));
    CHECK(in.complains_of("a ends at 9"));
  }
  SECTION("a late one") {
    checked in;
    in.seen.take(in.from.part("a", 0, 11, true));
    CHECK(in.complains_of("a is longer than it is"));
  }
  SECTION("twice") {
    checked in;
    in.seen.take(in.from.part("b", 0, 0, true));
    in.seen.take(in.from.part("b", 0, 0, true));
    CHECK(in.complains_of("b goes on after its last page"));
  }
  SECTION("an empty page in the middle") {
    checked in;
    in.seen.take(in.from.part("a", 0, 0, false));
    CHECK(in.complains_of("a has an empty page that is not its last"));
  }
  SECTION("what was never put") {
    checked in;
    in.seen.take(in.from.part("x", 0, 1, true, {.seed = 1, .size = 1}));
    CHECK(in.complains_of("x is no object"));
  }
  SECTION("nothing at all") {
    checked in;
    in.seen.take(in.from.part("a", 0, 10, true));
    in.seen.take(in.from.part("c", 0, 9000, true));
    in.seen.finish();
    CHECK(in.complains_of("b neither came nor failed"));
  }
}

TEST_CASE("other bytes of an object that fails may be allowed, of one that is whole never", "[support][page_checker]") {
  for (const bool whole : {true, false}) {
    checked in;
    in.seen.allow_other_bytes_of_failures();
    in.seen.take(in.from.part("c", 0, 5000, false, {.seed = 4, .size = 9000}));
    CHECK(in.seen.complaint().empty());
    in.seen.take(whole ? in.from.part("c", 5000, 4000, true) : pages::failure("c", 5000, named("c", errc::corrupted)));
    CHECK(in.seen.complaint().empty() == !whole);
  }
}

TEST_CASE("order is held only where it was promised", "[support][page_checker]") {
  for (const page_order order : {page_order::by_key, page_order::by_arrival}) {
    checked back(order);
    back.seen.take(back.from.part("b", 0, 0, true));
    back.seen.take(back.from.part("a", 0, 10, true));
    CHECK(back.complains_of("a comes out of order") == (order == page_order::by_key));
    checked between(order);
    between.seen.take(between.from.part("a", 0, 4, false));
    between.seen.take(between.from.part("b", 0, 0, true));
    CHECK(between.complains_of("b comes out of order") == (order == page_order::by_key));
  }
}

TEST_CASE("a failure needs a name, its key and its attempts", "[support][page_checker]") {
  SECTION("has all") {
    checked in;
    in.seen.take(in.from.part("a", 0, 4, false));
    in.seen.take(pages::failure("a", 4, named("a")));
    in.seen.take(pages::failure("x", 0, named("x")));
    CHECK(in.seen.complaint().empty());
    CHECK(in.seen.failures().size() == 2);
    CHECK_FALSE(in.seen.all());
  }
  SECTION("at another offset") {
    checked in;
    in.seen.take(pages::failure("a", 4, named("a")));
    CHECK(in.complains_of("a failed at another offset"));
  }
  SECTION("no name") {
    checked in;
    in.seen.take(pages::failure("a", 0, error(errno_code(EXDEV), error_details{.key = "a", .attempts = 1})));
    CHECK(in.complains_of("a failed with a code that has no name"));
  }
  SECTION("no key") {
    checked in;
    in.seen.take(pages::failure("a", 0, named("b")));
    CHECK(in.complains_of("a failed with another key"));
  }
  SECTION("no attempts") {
    checked in;
    in.seen.take(pages::failure("a", 0, error(errc::not_found, error_details{.key = "a"})));
    CHECK(in.complains_of("a failed without an attempt"));
  }
}
