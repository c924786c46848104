#include "s3pager/pager/page.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <thread>
#include <utility>

#include "s3pager/base/bytes.hpp"
#include "support/catch.hpp"

using namespace s3pager;

namespace {

struct slots {
  page make(const ref<s3pager::detail::object_record>& of, const std::string& text, std::uint64_t offset, bool last) {
    const std::uint32_t slot = pool->take_free();
    pool->hold(slot);
    std::memcpy(pool->address(slot), text.data(), text.size());
    return page(of, ring::slot_span(pool, slot, 1, 0, text.size()), offset, last);
  }
  ref<ring::slot_pool> pool = make_ref<ring::slot_pool>(std::size_t{4096}, std::uint32_t{4}, make_ref<ring::waker>());
};

ref<s3pager::detail::object_record> record() { return make_ref<s3pager::detail::object_record>(object::of_key("k")); }

}  // namespace

TEST_CASE("a page is bytes of an object, at their place", "[pager][page]") {
  slots from;
  const page made = from.make(record(), "hello", 7, true);
  CHECK(made.object().key == "k");
  CHECK(made.offset() == 7);
  CHECK(as_chars(made.bytes()) == "hello");
  CHECK(made.last());
  CHECK(made.failure() == nullptr);
}

TEST_CASE("a page holds its slot until it is dropped, wherever it is moved to", "[pager][page]") {
  slots from;
  {
    page made = from.make(record(), "hello", 0, false);
    CHECK(from.pool->held() == 1);
    page moved = std::move(made);
    CHECK(from.pool->held() == 1);
    moved = from.make(record(), "other", 0, false);
    CHECK(from.pool->held() == 1);
    CHECK(as_chars(moved.bytes()) == "other");
  }
  CHECK(from.pool->held() == 0);
}

TEST_CASE("a page may be dropped on another thread, and after everything else", "[pager][page]") {
  slots from;
  page made = from.make(record(), "hello", 0, false);
  page left = from.make(record(), "late", 0, false);
  std::thread([](page taken) { CHECK(as_chars(taken.bytes()) == "hello"); }, std::move(made)).join();
  from.pool->collect();
  CHECK(from.pool->held() == 1);
  from.pool->detach();
  from.pool = {};
  CHECK(as_chars(left.bytes()) == "late");
}

TEST_CASE("a copy is one's own", "[pager][page]") {
  slots from;
  owned_page copy;
  {
    const page made = from.make(record(), "hello", 3, true);
    copy = made.copy();
  }
  CHECK(from.pool->held() == 0);
  CHECK(copy.object.key == "k");
  CHECK(copy.offset == 3);
  CHECK(as_chars(copy.bytes) == "hello");
  CHECK(copy.last);
}

TEST_CASE("the failure of an object throws where its bytes are asked for", "[pager][page]") {
  const auto of = record();
  of->failed(error(errc::corrupted, "torn"));
  const page made = page::of_failure(of, 5);
  CHECK(made.offset() == 5);
  CHECK(made.last());
  REQUIRE(made.failure() != nullptr);
  CHECK(made.failure()->code() == errc::corrupted);
  CHECK_THROWS_AS(made.bytes(), error);
  CHECK_THROWS_AS(made.copy(), error);
}

TEST_CASE("pages before the failure of their object are bytes still", "[pager][page]") {
  slots from;
  const auto of = record();
  const page made = from.make(of, "hello", 0, false);
  of->failed(error(errc::corrupted, "torn"));
  CHECK(made.failure() == nullptr);
  CHECK(as_chars(made.bytes()) == "hello");
}
