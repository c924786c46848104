#include "s3pager/pager/window.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/drive.hpp"

using namespace s3pager;
using namespace s3pager::pager;

namespace {

/// A window over a pool of 16 slots: one is its reserve, four are for what the caller holds, and one for the heads of lines, of
/// windows to come too.
struct bench {
  explicit bench(page_order order = page_order::by_key, on_error failures = on_error::report, std::size_t bytes_a_slot = 4096)
      : slot(bytes_a_slot) {
    in = make_window(objects, order, failures);
  }
  std::unique_ptr<window> make_window(plan& of, page_order order = page_order::by_key,
                                      on_error failures = on_error::report) {
    auto made = std::make_unique<window>(loop, pool, of, order, failures, std::chrono::seconds(30));
    made->begin();
    return made;
  }

  slice& add(const std::string& key, std::uint64_t size) { return add(objects, key, size); }
  static slice& add(plan& to, const std::string& key, std::uint64_t size) {
    object made = object::of_key(key);
    made.size = size;
    made.etag = "\"1\"";
    to.add(std::move(made));
    return *to.claim();
  }

  /// Received bytes in `slots` slots.
  ring::slot_span bytes(std::uint32_t slots = 1) {
    const ref<ring::slot_pool>& memory = pool->memory();
    const std::uint32_t first = memory->take_free();
    memory->hold(first);
    for (std::uint32_t i = 1; i < slots; ++i) {
      const std::uint32_t next = memory->take_free();
      REQUIRE(next == first + i);
      memory->hold(next);
    }
    return ring::slot_span(memory, first, slots, 0, slots * slot);
  }

  void turns() {
    while (loop.run_once(ring::reactor::wait::no)) {
    }
  }

  std::size_t slot;
  manual_clock time;
  ring::reactor loop{{.clock = &time}};
  ref<ring::buffer_pool> pool = loop.make_buffer_pool({.window_bytes = 16 * slot, .slot_bytes = slot, .ring_bytes = slot});
  plan objects{{.whole_bytes = 256 * slot, .slice_bytes = 256 * slot, .ahead = 100, .jobs = 100}};
  std::unique_ptr<window> in;
};

/// A lane's wait for a grant.
class asking {
 public:
  asking(bench& on, window& of, slice& what, std::uint32_t want) : wait_(on.loop.ready(), ask(of, what, want, *this)) {
    on.turns();
  }
  asking(bench& on, slice& what, std::uint32_t want) : asking(on, *on.in, what, want) {}
  [[nodiscard]] bool answered() const { return wait_.done(); }
  ring::grant given;

 private:
  static task<> ask(window& of, slice& what, std::uint32_t want, asking& out) { out.given = co_await of.grant(what, want); }
  test::root<> wait_;
};

/// A consumer's wait for a page.
class taking {
 public:
  taking(bench& on, window& of) : wait_(on.loop.ready(), take(of, *this)) { on.turns(); }
  explicit taking(bench& on) : taking(on, *on.in) {}
  [[nodiscard]] bool answered() const { return wait_.done(); }
  std::optional<page> got;
  std::optional<error> failure;

 private:
  static task<> take(window& of, taking& out) {
    try {
      out.got = co_await of.next();
    } catch (const error& failed) {
      out.failure.emplace(failed);
    }
  }
  test::root<> wait_;
};

std::string text(const taking& of) {
  if (!of.answered()) return "waits";
  if (of.failure) return "throws " + of.failure->details().message;
  if (!of.got) return "end";
  return std::string(of.got->object().key) + "@" + std::to_string(of.got->offset()) + (of.got->last() ? " last" : "") +
         (of.got->failure() != nullptr ? " failed" : "");
}

}  // namespace

TEST_CASE("by key, nothing of an object comes before all of those before it", "[pager][window]") {
  bench on;
  slice& a = on.add("a", 8192);
  slice& b = on.add("b", 4096);
  on.in->deliver(b, on.bytes(), true);
  on.in->finish(b);
  on.in->deliver(a, on.bytes(), false);
  CHECK(text(taking(on)) == "a@0");
  {
    const taking waits(on);
    CHECK(text(waits) == "waits");
    on.in->deliver(a, on.bytes(), true);
    on.turns();
    CHECK(text(waits) == "a@4096 last");
  }
  {
    const taking waits(on);
    CHECK(text(waits) == "waits");
    on.in->finish(a);
    on.turns();
    CHECK(text(waits) == "b@0 last");
  }
  const taking waits(on);
  CHECK(text(waits) == "waits");
  on.in->source_ended();
  on.turns();
  CHECK(text(waits) == "end");
  CHECK(on.in->objects() == 2);
  CHECK(on.in->bytes() == 3 * 4096);
  CHECK(on.objects.drained());
}

TEST_CASE("by arrival, what is there comes, in order within an object, and objects take turns", "[pager][window]") {
  bench on(page_order::by_arrival);
  slice& a = on.add("a", 2 << 20);
  slice& a2 = *on.objects.claim();
  slice& b = on.add("b", 8192);
  REQUIRE(a2.owner == a.owner);
  on.in->deliver(a2, on.bytes(), false);
  {
    const taking waits(on);
    CHECK(text(waits) == "waits");
    on.in->deliver(b, on.bytes(), false);
    on.turns();
    CHECK(text(waits) == "b@0");
  }
  on.in->deliver(a, on.bytes(), false);
  on.in->deliver(a, on.bytes(), false);
  on.in->finish(a);
  on.in->deliver(b, on.bytes(), true);
  on.in->finish(b);
  CHECK(text(taking(on)) == "a@0");
  CHECK(text(taking(on)) == "b@4096 last");
  CHECK(text(taking(on)) == "a@4096");
  CHECK(text(taking(on)) == "a@1048576");
}

TEST_CASE("an empty object is one empty page", "[pager][window]") {
  for (const page_order order : {page_order::by_key, page_order::by_arrival}) {
    bench on(order);
    slice& a = on.add("a", 0);
    on.in->deliver(a, {}, true);
    on.in->finish(a);
    const taking got(on);
    CHECK(text(got) == "a@0 last");
    CHECK(got.got->bytes().empty());
    on.in->source_ended();
    CHECK(text(taking(on)) == "end");
  }
}

TEST_CASE("grants are given in plan order, whoever asked first", "[pager][window]") {
  bench on;
  slice& head = on.add("a", 4096);
  slice& b = on.add("b", 4096);
  slice& c = on.add("c", 4096);
  slice& d = on.add("d", 4096);
  asking all(on, head, 100);
  REQUIRE(all.answered());
  CHECK(all.given.slots() == 10);  // all but the reserve and what is kept for the caller and for heads
  const asking later(on, d, 2);
  const asking first(on, b, 2);
  const asking second(on, c, 2);
  CHECK_FALSE(later.answered());
  const auto give_back = [&](std::uint32_t slots) {
    all.given.split(slots).reset();
    on.turns();
  };
  give_back(1);
  CHECK(first.answered());
  CHECK(first.given.slots() == 1);
  CHECK_FALSE(second.answered());
  give_back(3);
  CHECK(second.answered());
  CHECK(second.given.slots() == 2);
  CHECK(later.answered());
  CHECK(later.given.slots() == 1);
}

TEST_CASE("the head of the line gets on when others have taken all", "[pager][window]") {
  for (const page_order order : {page_order::by_key, page_order::by_arrival}) {
    bench on(order);
    slice& head = on.add("a", 8192);
    slice& b = on.add("b", 1 << 19);
    slice& c = on.add("c", 4096);
    const asking all(on, b, 100);
    CHECK(all.given.slots() == 10);
    const asking waits(on, c, 1);
    CHECK_FALSE(waits.answered());
    const asking served(on, head, 4);
    REQUIRE(served.answered());
    CHECK(served.given.slots() == 1);
    const asking more(on, head, 4);
    CHECK_FALSE(more.answered());
    // While the consumer waits for just this, what is kept for others is the head's too.
    const taking consumer(on);
    on.turns();
    CHECK(more.answered());
    CHECK_FALSE(waits.answered());
  }
}

TEST_CASE("what is read ahead leaves a quarter of the window to the caller", "[pager][window]") {
  bench on;
  slice& a = on.add("a", 1 << 19);
  slice& b = on.add("b", 1 << 19);
  std::vector<page> held;
  const auto hold_another = [&] {
    taking next(on);
    asking one(on, a, 1);
    REQUIRE(one.given.slots() == 1);
    one.given.reset();
    on.in->deliver(a, on.bytes(), false);
    on.turns();
    REQUIRE(next.got);
    held.push_back(std::move(*next.got));
  };
  hold_another();
  CHECK(on.pool->handed_on() == 1);
  // One in reserve, one for heads, three for the caller: then it has its four.
  asking ahead(on, b, 100);
  CHECK(ahead.given.slots() == 10);
  const asking waits(on, b, 100);
  for (int i = 0; i < 3; ++i) hold_another();
  CHECK(on.pool->handed_on() == 4);
  CHECK_FALSE(waits.answered());
  // What it lets go of is for it to hold again.
  held.clear();
  on.turns();
  CHECK(on.pool->handed_on() == 0);
  CHECK_FALSE(waits.answered());
  ahead.given.split(1).reset();
  on.turns();
  CHECK(waits.given.slots() == 1);
}

TEST_CASE("the next slice inherits the head's right when the one before it is handed on", "[pager][window]") {
  bench on;
  slice& a = on.add("a", 4096);
  slice& b = on.add("b", 4096);
  slice& c = on.add("c", 1 << 19);
  const asking all(on, c, 100);
  const asking waits(on, b, 1);
  CHECK_FALSE(waits.answered());
  on.in->finish(a);
  on.turns();
  CHECK(waits.answered());
}

TEST_CASE("a stream that begins when another has filled the window gets on", "[pager][window]") {
  bench on;
  slice& a = on.add("a", 1 << 19);
  const taking urgent(on);
  const asking all(on, a, 100);
  CHECK(all.given.slots() == 11);
  // Its reserve, and what is the caller's one by one.
  const asking reserve(on, a, 3);
  CHECK(reserve.given.slots() == 1);
  const asking one(on, a, 3);
  const asking two(on, a, 3);
  const asking three(on, a, 3);
  CHECK(one.given.slots() + two.given.slots() + three.given.slots() == 3);

  plan others{plan_limits{}};
  const auto second = on.make_window(others);
  slice& b = bench::add(others, "b", 4096);
  {
    const taking consumer(on, *second);
    asking served(on, *second, b, 4);
    REQUIRE(served.answered());
    CHECK(served.given.slots() == 1);
    served.given.reset();
    second->deliver(b, on.bytes(), true);
    second->finish(b);
    on.turns();
    CHECK(text(consumer) == "b@0 last");
  }
  slice& c = bench::add(others, "c", 4096);
  const asking again(on, *second, c, 4);
  CHECK_FALSE(again.answered());
  const taking consumer(on, *second);
  CHECK(again.answered());
}

TEST_CASE("lanes of a failed object hold up nobody", "[pager][window]") {
  bench on;
  slice& a = on.add("a", 3 << 20);
  slice& a2 = *on.objects.claim();
  slice& a3 = *on.objects.claim();
  slice& b = on.add("b", 4096);
  slice& c = on.add("c", 1 << 19);
  const asking all(on, c, 100);
  const asking waits(on, a2, 2);
  CHECK_FALSE(waits.answered());
  on.in->fail(a, error(errc::not_found, "gone"));
  on.turns();
  CHECK(waits.answered());
  CHECK(waits.given.slots() == 0);
  const asking late(on, a3, 2);
  CHECK(late.answered());
  CHECK(late.given.slots() == 0);
  CHECK(text(taking(on)) == "a@0 last failed");
  const asking served(on, b, 1);
  CHECK(served.answered());
  CHECK(served.given.slots() == 1);
  on.in->deliver(a3, on.bytes(), false);
  on.in->finish(a2);
  on.in->finish(a3);
  CHECK(text(taking(on)) == "waits");
  CHECK(on.pool->held() == 0);
}

TEST_CASE("a failed object is reported once, after what came before it, and the others go on", "[pager][window]") {
  for (const page_order order : {page_order::by_key, page_order::by_arrival}) {
    bench on(order);
    slice& a = on.add("a", 2 << 20);
    slice& a2 = *on.objects.claim();
    slice& b = on.add("b", 4096);
    on.in->deliver(a, on.bytes(), false);
    on.in->deliver(a2, on.bytes(), false);
    on.in->finish(a2);
    on.in->fail(a, error(errc::corrupted, "torn"));
    on.in->deliver(b, on.bytes(), true);
    on.in->finish(b);
    on.in->source_ended();
    {
      const taking got(on);
      CHECK(text(got) == "a@0");
    }
    std::vector<std::string> rest;
    for (int i = 0; i < 3; ++i) {
      const taking got(on);
      if (got.got && got.got->failure() != nullptr) {
        CHECK(got.got->failure()->code() == errc::corrupted);
        CHECK_THROWS_AS(got.got->bytes(), error);
      }
      rest.push_back(text(got));
    }
    if (order == page_order::by_key)
      CHECK(rest == std::vector<std::string>{"a@4096 last failed", "b@0 last", "end"});
    else
      CHECK(rest == std::vector<std::string>{"b@0 last", "a@4096 last failed", "end"});
    CHECK(on.in->failures() == 1);
    CHECK(on.in->objects() == 1);
    CHECK(on.pool->held() == 0);
  }
}

TEST_CASE("a failed object ends a run that stops for failures", "[pager][window]") {
  bench on(page_order::by_key, on_error::stop);
  slice& a = on.add("a", 4096);
  slice& b = on.add("b", 4096);
  on.in->fail(b, error(errc::not_found, "gone"));
  on.in->deliver(a, on.bytes(), true);
  on.in->finish(a);
  CHECK(text(taking(on)) == "a@0 last");
  CHECK(text(taking(on)) == "throws gone");
  CHECK(text(taking(on)) == "throws gone");
  CHECK(on.in->failures() == 1);
}

TEST_CASE("the failure of a source comes after what it gave, that of a run at once", "[pager][window]") {
  for (const bool at_once : {false, true}) {
    bench on;
    slice& a = on.add("a", 4096);
    on.in->deliver(a, on.bytes(), true);
    on.in->finish(a);
    on.in->fail_run(std::make_exception_ptr(error(errc::throttled, "slow down")), at_once);
    if (!at_once) CHECK(text(taking(on)) == "a@0 last");
    CHECK(text(taking(on)) == "throws slow down");
  }
}

TEST_CASE("pages that the caller holds end the wait for more with words, after window_wait", "[pager][window]") {
  bench on;
  slice& a = on.add("a", 1 << 19);
  const ring::grant others = on.pool->try_grant(1);
  std::vector<page> held;
  for (int i = 0; i < 14; ++i) {
    on.in->deliver(a, on.bytes(), false);
    taking got(on);
    held.push_back(std::move(*got.got));
  }
  // The last one is the reserve's.
  const taking waits(on);
  asking last(on, a, 4);
  CHECK(last.given.slots() == 1);
  ring::slot_span received = on.bytes();
  last.given.reset();
  on.in->deliver(a, std::move(received), false);
  on.turns();
  CHECK(text(waits) == "a@57344");

  const taking starves(on);
  const asking nothing(on, a, 4);
  CHECK_FALSE(nothing.answered());
  on.time.advance(std::chrono::seconds(30) - std::chrono::nanoseconds(1));
  on.turns();
  CHECK(text(starves) == "waits");
  on.time.advance(std::chrono::nanoseconds(1));
  on.turns();
  on.turns();
  REQUIRE(starves.failure);
  CHECK(starves.failure->code() == errc::window_exhausted);
  CHECK(starves.failure->details().message.find("of a window of 65536 bytes") != std::string::npos);
  CHECK(starves.failure->details().message.find("take 65536") != std::string::npos);
}

TEST_CASE("a slow server is no exhausted window", "[pager][window]") {
  bench on;
  slice& head = on.add("a", 1 << 19);
  slice& b = on.add("b", 1 << 19);
  const taking waits(on);
  asking all(on, b, 100);
  const asking more(on, b, 1);
  CHECK_FALSE(more.answered());
  asking reserve(on, head, 100);  // under way
  CHECK(reserve.given.slots() == 1);
  on.time.advance(std::chrono::hours(1));
  on.turns();
  on.turns();
  CHECK(text(waits) == "waits");
}

TEST_CASE("a window that was short of room for a moment is not exhausted", "[pager][window]") {
  bench on;
  slice& a = on.add("a", 1 << 19);
  ring::grant others = on.pool->try_grant(15);
  const taking waits(on);
  asking slow(on, a, 4);  // of the reserve
  REQUIRE(slow.given.slots() == 1);
  on.time.advance(std::chrono::seconds(30) - std::chrono::milliseconds(1));
  on.turns();
  // Its attempt fails, and another stream takes the slot.
  slow.given.reset();
  others.merge(on.pool->try_grant(1));
  const asking again(on, a, 4);
  REQUIRE_FALSE(again.answered());
  on.time.advance(std::chrono::seconds(30) - std::chrono::nanoseconds(1));
  on.turns();
  CHECK(text(waits) == "waits");
  on.time.advance(std::chrono::nanoseconds(1));
  on.turns();
  REQUIRE(waits.failure);
  CHECK(waits.failure->code() == errc::window_exhausted);
}

TEST_CASE("a window is not exhausted while a lane of it may make room", "[pager][window]") {
  bench on;
  slice& a = on.add("a", 1 << 19);
  slice& b = on.add("b", 1 << 19);
  const ring::grant others = on.pool->try_grant(1);
  asking under_way(on, b, 4);
  std::vector<page> held;
  for (int i = 0; i < 10; ++i) {
    on.in->deliver(a, on.bytes(), false);
    taking got(on);
    held.push_back(std::move(*got.got));
  }
  const taking waits(on);
  asking last(on, a, 4);
  ring::slot_span received = on.bytes();
  last.given.reset();
  on.in->deliver(a, std::move(received), false);
  on.turns();
  CHECK(text(waits) == "a@40960");

  const taking next(on);
  const asking head(on, a, 4);
  CHECK_FALSE(head.answered());
  // What b is granted comes back at the latest when its server's deadline passes.
  on.time.advance(std::chrono::minutes(10));
  on.turns();
  CHECK(text(next) == "waits");
  {
    const asking more(on, b, 1);
    under_way.given.reset();
    on.turns();
    CHECK(head.answered());
  }
  CHECK(text(next) == "waits");
}

TEST_CASE("a window that ends gives back all it has", "[pager][window]") {
  bench on;
  slice& a = on.add("a", 1 << 19);
  on.in->deliver(a, on.bytes(), false);
  slice& b = on.add("b", 4096);
  on.in->deliver(b, on.bytes(), true);
  CHECK(on.pool->held() == 2);
  on.in.reset();
  CHECK(on.pool->held() == 0);
  CHECK(on.pool->granted() == 0);
}

TEST_CASE("slots are spared for a second request only while nobody waits for any", "[pager][window]") {
  bench on;
  slice& a = on.add("a", 100'000);
  slice& b = on.add("b", 100'000);
  slice& c = on.add("c", 100'000);
  CHECK(on.in->spare_grant(b, 2).slots() == 2);
  const asking first(on, b, 9);
  CHECK(first.given.slots() == 9);
  // One is in reserve, four are for the caller, one is for heads.
  CHECK(on.in->spare_grant(b, 2).slots() == 1);
  const asking second(on, b, 1);
  CHECK(second.answered());
  CHECK_FALSE(on.in->spare_grant(b, 1));
  CHECK_FALSE(on.in->spare_grant(a, 1));
  {
    const asking waits(on, c, 1);
    CHECK_FALSE(waits.answered());
    CHECK_FALSE(on.in->spare_grant(b, 1));
  }
  CHECK(on.pool->granted() == 11);
}

TEST_CASE("the head of the line may spend its reserve on a second request, but for one slot", "[pager][window]") {
  manual_clock time;
  ring::reactor loop({.clock = &time});
  const ref<ring::buffer_pool> pool =
      loop.make_buffer_pool({.window_bytes = 64 * 4096, .slot_bytes = 4096, .ring_bytes = 4096});
  plan objects{{.whole_bytes = 1 << 20, .slice_bytes = 1 << 20, .ahead = 100, .jobs = 100}};
  window in(loop, pool, objects, page_order::by_key, on_error::report, std::chrono::seconds(30));
  in.begin();
  slice& head = bench::add(objects, "a", 1000);
  slice& other = bench::add(objects, "b", 1000);
  CHECK(pool->granted() == 4);  // the reserve
  const ring::grant rest = pool->try_grant(60);
  CHECK_FALSE(in.spare_grant(other, 4));
  ring::grant one = in.spare_grant(head, 4);
  ring::grant two = in.spare_grant(head, 4);
  ring::grant three = in.spare_grant(head, 4);
  CHECK(one.slots() == 1);
  CHECK(two.slots() == 1);
  CHECK(three.slots() == 1);
  CHECK_FALSE(in.spare_grant(head, 4));
}

TEST_CASE("what was received of an object keeps no slots when its failure was handed on", "[pager][window]") {
  bench on;
  slice& a = on.add("a", 3 << 20);
  slice& a2 = *on.objects.claim();
  slice& a3 = *on.objects.claim();
  on.in->deliver(a2, on.bytes(), false);  // its lane waits for more from here on
  on.in->fail(a3, error(errc::not_found, "gone"));
  on.in->finish(a);
  CHECK(on.pool->held() == 1);
  CHECK(text(taking(on)) == "a@0 last failed");
  CHECK(on.pool->held() == 0);
}

TEST_CASE("an object is withdrawn though the consumer was told of another", "[pager][window]") {
  bench on;
  slice& a = on.add("a", 8192);
  slice& b = on.add("b", 8192);
  const taking waits(on);
  on.in->deliver(b, on.bytes(), false);
  on.in->deliver(a, on.bytes(), false);  // promised
  CHECK(on.in->withdraw(b));
  CHECK_FALSE(on.in->withdraw(a));
  on.turns();
  CHECK(text(waits) == "a@0");
}

TEST_CASE("a head whose consumer waits may be asked for again though its reserve is at work", "[pager][window]") {
  bench on;
  slice& a = on.add("a", 100'000);
  slice& b = on.add("b", 100'000);
  std::optional<taking> consumer(std::in_place, on);
  const asking ahead(on, b, 100);
  CHECK(ahead.given.slots() == 10);
  const asking one(on, a, 4);  // what is left to heads
  CHECK(one.given.slots() == 1);
  const asking two(on, a, 4);  // the reserve
  CHECK(two.given.slots() == 1);
  CHECK(on.pool->available() == 4);
  CHECK(on.in->spare_grant(a, 2).slots() == 1);
  CHECK_FALSE(on.in->spare_grant(b, 2));
  consumer.reset();
  CHECK_FALSE(on.in->spare_grant(a, 2));
}

namespace {

/// Has the consumer take `count` slots of an object, each of which takes so long, of which the thread computes for a millisecond.
void read_busily(bench& on, slice& of, int count, duration each = std::chrono::milliseconds(1)) {
  for (int i = 0; i < count; ++i) {
    on.time.advance(each);
    on.time.compute(std::chrono::milliseconds(1));
    on.in->deliver(of, on.bytes(), false);
    CHECK(taking(on).answered());
  }
}

}  // namespace

TEST_CASE("where the thread is busy lanes run ahead by 8 MiB, and only the head of the line by more", "[pager][window]") {
  constexpr std::size_t slot = std::size_t{1} << 20;
  // Of 16 slots they have ten, while it is not busy, of 64 they have 40.
  for (const std::size_t slots : {16, 64}) {
    bench on(page_order::by_key, on_error::report, slot);
    on.pool = on.loop.make_buffer_pool({.window_bytes = slots * slot, .slot_bytes = slot, .ring_bytes = slot});
    on.in = on.make_window(on.objects);
    slice& a = on.add("a", slot << 10);
    slice& b = on.add("b", slot << 10);
    slice& c = on.add("c", slot << 10);
    slice& d = on.add("d", slot << 10);
    {
      const asking ahead(on, b, 64);
      CHECK(ahead.given.slots() == (slots == 16 ? 10U : 40U));
    }
    on.in->finish(b);
    read_busily(on, a, 8 + 4 * 4);  // what tells nothing, and four intervals
    const asking ahead(on, c, 8);
    const asking no_further(on, d, 1);
    CHECK(ahead.given.slots() == 8);
    CHECK_FALSE(no_further.answered());
    {
      const asking head(on, a, 4);
      CHECK(head.answered());
    }
    // Less comes that way: they are let go.
    read_busily(on, a, 4 * (8 + 15), std::chrono::milliseconds(2));
    CHECK_FALSE(no_further.answered());
    read_busily(on, a, 4, std::chrono::milliseconds(2));
    CHECK(no_further.answered());
  }
}

namespace {

/// A window of 64 slots of 1 MiB, and a consumer that has read of the first of three objects until lanes are kept 8 MiB ahead.
struct busy_bench : bench {
  busy_bench() : bench(page_order::by_key, on_error::report, std::size_t{1} << 20) {
    pool = loop.make_buffer_pool({.window_bytes = 64 * slot, .slot_bytes = slot, .ring_bytes = slot});
    in = make_window(objects);
    read_busily(*this, a, 8 + 4 * 4);
  }
  slice& a = add("a", slot << 8);
  slice& b = add("b", slot << 8);
  slice& c = add("c", slot << 8);
};

}  // namespace

TEST_CASE("who waits behind what is far ahead gets on as soon as that is less", "[pager][window]") {
  busy_bench on;
  std::optional<asking> ahead(std::in_place, on, on.b, 8);
  CHECK(ahead->given.slots() == 8);
  const asking waits(on, on.c, 1);
  CHECK_FALSE(waits.answered());
  SECTION("an attempt has ended") { on.in->attempt_ended(on.b); }
  SECTION("a slice has ended") { on.in->finish(on.b); }
  SECTION("one asks again, for less") {
    const asking again(on, on.b, 1);
    CHECK(again.given.slots() == 1);
  }
  SECTION("what had come is taken back") {
    ahead->given.reset();
    for (int i = 0; i < 8; ++i) on.in->deliver(on.b, on.bytes(), false);
    on.turns();
    CHECK_FALSE(waits.answered());
    CHECK(on.in->withdraw(on.b));
  }
  SECTION("what had come of an object goes with it") {
    ahead->given.reset();
    for (int i = 0; i < 8; ++i) on.in->deliver(on.b, on.bytes(), false);
    on.in->finish(on.a);
    CHECK_FALSE(waits.answered());
    on.in->fail(on.b, error(errc::timed_out, "in a test"));
    CHECK(text(taking(on)) == "b@0");
  }
  SECTION("the consumer takes some of it") {
    ahead->given.reset();
    for (int i = 0; i < 8; ++i) on.in->deliver(on.b, on.bytes(), false);
    on.in->finish(on.a);
    CHECK(text(taking(on)) == "b@0");
  }
  on.turns();
  CHECK(waits.answered());
}

TEST_CASE("what a lane has left of a grant is its own again before it is somebody's who comes later", "[pager][window]") {
  busy_bench on;
  std::optional<asking> ahead(std::in_place, on, on.b, 8);
  const asking later(on, on.c, 8);
  CHECK_FALSE(later.answered());
  ahead->given.reset();
  const asking again(on, on.b, 8);
  CHECK(again.given.slots() == 8);
  CHECK_FALSE(later.answered());
}

TEST_CASE("a second request has slots to spare though others wait, if they are too far ahead", "[pager][window]") {
  busy_bench on;
  const asking ahead(on, on.b, 8);
  const asking waits(on, on.c, 1);
  CHECK_FALSE(waits.answered());
  CHECK(on.in->spare_grant(on.b, 2).slots() == 2);
  CHECK(on.in->spare_grant(on.a, 2).slots() == 2);
}

TEST_CASE("by arrival lanes run ahead as far as there is room, however busy the thread is", "[pager][window]") {
  constexpr std::size_t slot = std::size_t{1} << 20;
  bench on(page_order::by_arrival, on_error::report, slot);
  on.pool = on.loop.make_buffer_pool({.window_bytes = 64 * slot, .slot_bytes = slot, .ring_bytes = slot});
  on.in = on.make_window(on.objects, page_order::by_arrival);
  slice& a = on.add("a", slot << 10);
  slice& b = on.add("b", slot << 10);
  read_busily(on, a, 8 + 4 * 4);
  const asking ahead(on, b, 64);
  CHECK(ahead.given.slots() == 40);
}
