#include "s3pager/pager/plan.hpp"

#include <cstdint>
#include <optional>
#include <string>

#include "support/catch.hpp"
#include "support/drive.hpp"

using namespace s3pager;
using namespace s3pager::pager;

namespace {

object sized(const std::string& key, std::uint64_t size) {
  object made = object::of_key(key);
  made.size = size;
  made.etag = "\"1\"";
  return made;
}

std::string text(const slice* of) {
  if (of == nullptr) return "none";
  return std::string(of->owner->record->what().key) + " " + std::to_string(of->offset) + "+" + std::to_string(of->size) +
         (of->whole ? " whole" : "");
}

/// Small slices, so that numbers are easy to read.
constexpr plan_limits small{.whole_bytes = 10, .slice_bytes = 10, .first_bytes = 10, .ahead = 3, .jobs = 4};

}  // namespace

TEST_CASE("slices are claimed in the order of the objects, and by offset", "[pager][plan]") {
  plan of(small);
  of.add(sized("a", 10));
  of.add(sized("b", 25));
  of.add(sized("c", 0));
  CHECK(text(of.claim()) == "a 0+10 whole");
  CHECK(text(of.claim()) == "b 0+10");
  CHECK(text(of.claim()) == "b 10+10");
  CHECK(text(of.claim()) == "b 20+5");
  CHECK(text(of.claim()) == "c 0+0 whole");
  CHECK(text(of.claim()) == "none");
  CHECK_FALSE(of.finished());
  of.close();
  CHECK(of.finished());
  CHECK_FALSE(of.drained());
}

TEST_CASE("what is left of an object of unknown size takes its place before later ones", "[pager][plan]") {
  plan of(small);
  of.add(object::of_key("a"));
  of.add(object::of_key("b"));
  of.add(sized("c", 10));
  slice* a = of.claim();
  CHECK(text(a) == "a 0+10");
  slice* b = of.claim();
  CHECK(text(b) == "b 0+10");
  of.learn(*b, 15, 10);
  of.learn(*a, 30, 10);
  CHECK(text(of.claim()) == "a 10+10");
  CHECK(text(of.claim()) == "a 20+10");
  CHECK(text(of.claim()) == "b 10+5");
  CHECK(text(of.claim()) == "c 0+10 whole");
  CHECK(text(of.claim()) == "none");
}

TEST_CASE("an answer may be shorter than what was asked for", "[pager][plan]") {
  plan of(small);
  of.add(object::of_key("a"));
  slice* a = of.claim();
  of.learn(*a, 7, 7);
  CHECK(a->size == 7);
  CHECK(text(of.claim()) == "none");
}

TEST_CASE("a plan is not finished while an object may turn out to have more slices", "[pager][plan]") {
  plan of(small);
  of.add(object::of_key("a"));
  of.add(object::of_key("b"));
  of.close();
  slice* a = of.claim();
  slice* b = of.claim();
  CHECK_FALSE(of.finished());
  of.learn(*a, 20, 10);
  CHECK(text(of.claim()) == "a 10+10");
  CHECK_FALSE(of.finished());

  SECTION("and is once all are known") {
    of.learn(*b, 10, 10);
    CHECK(of.finished());
  }
  SECTION("or given up") {
    of.drop(*b);
    CHECK(of.finished());
  }
  SECTION("and tells who waits for work") {
    coro::ready_queue queue;
    bool woken = false;
    const test::root<> lane(queue, [](plan& in, bool& out) -> task<> {
      co_await in.work().wait();
      out = true;
    }(of, woken));
    while (queue.run(1) == 1) {
    }
    CHECK_FALSE(woken);
    of.learn(*b, 10, 10);
    while (queue.run(1) == 1) {
    }
    CHECK(woken);
  }
}

TEST_CASE("a plan has room for so many objects that wait, and for so many in all", "[pager][plan]") {
  plan of(small);
  for (const char* key : {"a", "b"}) of.add(sized(key, 1));
  CHECK(of.has_room());
  of.add(sized("c", 1));
  CHECK_FALSE(of.has_room());
  slice* a = of.claim();
  CHECK(of.has_room());
  of.add(sized("d", 1));
  CHECK_FALSE(of.has_room());
  static_cast<void>(of.claim());
  CHECK_FALSE(of.has_room());  // four jobs, though only two wait

  coro::ready_queue queue;
  bool told = false;
  const test::root<> source(queue, [](plan& in, bool& out) -> task<> {
    co_await in.room().wait();
    out = true;
  }(of, told));
  while (queue.run(1) == 1) {
  }
  CHECK_FALSE(told);
  job& owner = *a->owner;
  of.drop(*a);
  of.drop(owner);
  while (queue.run(1) == 1) {
  }
  CHECK(told);
  CHECK(of.has_room());
}

TEST_CASE("new work wakes one who waits, each time", "[pager][plan]") {
  plan of(small);
  coro::ready_queue queue;
  int woken = 0;
  const auto lane = [](plan& in, int& count) -> task<> {
    co_await in.work().wait();
    ++count;
  };
  const test::root<> first(queue, lane(of, woken));
  const test::root<> second(queue, lane(of, woken));
  const test::root<> third(queue, lane(of, woken));
  while (queue.run(1) == 1) {
  }
  of.add(sized("a", 1));
  while (queue.run(1) == 1) {
  }
  CHECK(woken == 1);
  of.close();
  while (queue.run(1) == 1) {
  }
  CHECK(woken == 3);
}

TEST_CASE("an object that is given up has nothing left to claim", "[pager][plan]") {
  plan of(small);
  of.add(sized("a", 100));
  of.add(sized("b", 5));
  slice* a = of.claim();
  a->owner->failed = true;
  of.drop_claimable(*a->owner);
  CHECK(text(of.claim()) == "b 0+5 whole");
  CHECK(text(of.claim()) == "none");

  of.add(object::of_key("c"));
  slice* c = of.claim();
  c->owner->failed = true;
  of.learn(*c, 100, 10);
  CHECK(text(of.claim()) == "none");
}

TEST_CASE("records are used again, as new", "[pager][plan]") {
  plan of(small);
  for (int i = 0; i < 3; ++i) {
    of.add(sized("a", 5));
    slice* a = of.claim();
    CHECK(a->received == 0);
    CHECK_FALSE(a->finished);
    a->received = 5;
    a->finished = true;
    job& owner = *a->owner;
    CHECK(owner.handed_on == 0);
    owner.handed_on = 5;
    piece& waiting = of.make_piece();
    a->pieces.push_back(waiting);
    of.drop(*a);
    of.drop(owner);
  }
  of.close();
  CHECK(of.drained());
}
