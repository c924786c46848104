#include "s3pager/testing/fault_script.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>

#include "support/catch.hpp"

using namespace s3pager::testing;

namespace {

request_info request(std::uint64_t index, std::string_view key = "k", std::string_view range = {}, bool checksum = true) {
  request_info made;
  made.index = index;
  made.key = key;
  made.range = range;
  made.checksum = checksum;
  return made;
}

/// Which kinds come up for many requests of one sort.
std::set<fault> kinds(const fault_script& script, std::string_view key, std::string_view range, bool checksum) {
  std::set<fault> met;
  for (std::uint64_t i = 0; i < 20'000; ++i)
    if (const auto made = script.decide(request(i, key, range, checksum)); made.any) met.insert(made.which);
  return met;
}

}  // namespace

TEST_CASE("a script has a fault for its share of the requests", "[testing][fault_script]") {
  for (const double share : {0.0, 0.2, 1.0}) {
    const fault_script script({.seed = 7, .share = share});
    std::size_t met = 0;
    for (std::uint64_t i = 0; i < 10'000; ++i) met += script.decide(request(i)).any ? 1 : 0;
    CHECK(met >= static_cast<std::size_t>(share * 9'500));
    CHECK(met <= static_cast<std::size_t>(share * 10'500));
  }
}

TEST_CASE("the same seed has the same for the same request, and for no other", "[testing][fault_script]") {
  const fault_script one({.seed = 7, .share = 1});
  const fault_script same({.seed = 7, .share = 1});
  const fault_script other({.seed = 8, .share = 1});
  std::size_t by_seed = 0;
  std::size_t by_key = 0;
  std::size_t by_range = 0;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const auto made = one.decide(request(i));
    const auto again = same.decide(request(i));
    CHECK(made.which == again.which);
    CHECK(made.how.cut_answer_at == again.how.cut_answer_at);
    by_seed += made.which == other.decide(request(i)).which ? 1 : 0;
    by_key += made.which == one.decide(request(i, "l")).which ? 1 : 0;
    by_range += made.which == one.decide(request(i, "k", "bytes=0-1")).which ? 1 : 0;
  }
  for (const std::size_t alike : {by_seed, by_key, by_range}) CHECK(alike < 100);
}

TEST_CASE("each kind comes up where it fits, and nowhere else", "[testing][fault_script]") {
  const fault_script script({.share = 1});
  const std::set<fault> of_object = kinds(script, "k", {}, true);
  const std::set<fault> of_range = kinds(script, "k", "bytes=0-1", false);
  const std::set<fault> of_list = kinds(script, {}, {}, false);
  for (std::size_t i = 0; i < fault_count; ++i) {
    const auto each = static_cast<fault>(i);
    CAPTURE(name_of(each));
    const bool ranged = each == fault::wrong_range || each == fault::ignored_range;
    const bool listed =
        each == fault::error_in_list || each == fault::broken_list || each == fault::truncated_list;
    CHECK(of_object.count(each) == (ranged || listed ? 0 : 1));
    CHECK(of_range.count(each) == (listed || each == fault::flipped_bit ? 0 : 1));
    CHECK(of_list.count(each) == (ranged || each == fault::flipped_bit ? 0 : 1));
  }
  const fault_script only({.share = 1, .on = {fault::stall}});
  CHECK(kinds(only, "k", {}, true) == std::set<fault>{fault::stall});
  const fault_script none({.share = 1, .on = {fault::broken_list}});
  CHECK(kinds(none, "k", {}, true).empty());
  CHECK_FALSE(fault_set::all().without(fault::deaf).has(fault::deaf));
}

TEST_CASE("a script counts what it does as a hook, and names it", "[testing][fault_script]") {
  fault_script script({.share = 1, .on = {fault::flipped_bit, fault::slow_down}});
  const request_hook hook = std::ref(script);
  for (std::uint64_t i = 0; i < 100; ++i) {
    const behaviour made = hook(request(i));
    CHECK((made.status == 503) == (made.flip_at == behaviour::never));
  }
  const auto& counts = script.counts();
  CHECK(counts[static_cast<std::size_t>(fault::flipped_bit)] + counts[static_cast<std::size_t>(fault::slow_down)] == 100);
  CHECK(counts[static_cast<std::size_t>(fault::stall)] == 0);
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < fault_count; ++i) names.insert(name_of(static_cast<fault>(i)));
  CHECK(names.size() == fault_count);
  CHECK(name_of(fault::refuse) == "refuse");
  CHECK(name_of(fault::flipped_bit) == "flipped_bit");
  CHECK(name_of(fault::deaf) == "deaf");
}

TEST_CASE("rare kinds come up less often", "[testing][fault_script]") {
  fault_script script({.share = 1, .on = {fault::reset, fault::stall}, .rare = {fault::stall}});
  for (std::uint64_t i = 0; i < 9'000; ++i) static_cast<void>(script(request(i)));
  CHECK(script.counts()[static_cast<std::size_t>(fault::stall)] > 900);
  CHECK(script.counts()[static_cast<std::size_t>(fault::stall)] < 1'100);
}

TEST_CASE("places are as often near the begin of an answer as far behind", "[testing][fault_script]") {
  const fault_script script({.share = 1, .on = {fault::truncate}, .within = 1 << 20});
  std::size_t in_head = 0;
  std::size_t far = 0;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const auto place = script.decide(request(i)).how.cut_answer_at;
    CHECK(place < (1 << 20));
    in_head += place < 300 ? 1 : 0;
    far += place > 10'000 ? 1 : 0;
  }
  CHECK(in_head > 200);
  CHECK(far > 200);
}
