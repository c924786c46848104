// Runs against an origin that keeps checksums: what of them every object is verified by, and what becomes of flipped bits.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "s3pager/pager/client.hpp"
#include "s3pager/testing/checksums.hpp"
#include "support/catch.hpp"
#include "support/world.hpp"

using namespace s3pager;
using testing::behaviour;
using testing::checksum_algorithm;
using testing::range_checksum;
using testing::request_info;

namespace {

const std::vector<std::uint64_t> sizes{0, 1, 5000, 65'536, 200'000, 3'000'000, 9'000'000};

struct outcome {
  explicit outcome(const testing::synthetic_bucket& expected) : reader(expected) {}
  test::reader reader;
  std::map<std::uint64_t, verification> by_size;
  std::uint64_t verified = 0;
};

task<> read_all(page_stream& pages, outcome& out) {
  for (;;) {
    const std::optional<page> got = co_await pages.next();
    if (!got) break;
    out.reader.take(*got);
    if (got->last() && got->failure() == nullptr) out.by_size[got->object().size.value_or(99)] = got->object().verification();
  }
  out.verified = pages.summary().verified;
}

test::world_options with(checksum_algorithm of, range_checksum of_ranges, std::uint32_t parts = 0) {
  test::world_options made;
  made.origin.checksums = {.algorithm = of, .of_ranges = of_ranges, .composite_parts = parts};
  made.objects.count = sizes.size();
  made.objects.sizes = sizes;
  return made;
}

void page_all(test::world& in, outcome& out, page_order order, bool listed = true) {
  client_options options = in.small();
  options.retry = {.max_attempts = 3, .base_delay = duration::zero(), .throttled_delay = duration::zero()};
  client s3(in.loop, options);
  std::vector<std::string> keys;
  for (std::uint64_t i = 0; i < in.objects->count(); ++i) keys.push_back(in.objects->key(i));
  const page_options all{.bucket = "s", .on_error = on_error::report};
  const keys_options these{.on_error = on_error::report};
  page_stream pages = order == page_order::by_key ? listed ? s3.page_ordered(all) : s3.page_ordered("s", keys, these)
                      : listed                    ? s3.page_unordered(all)
                                                  : s3.page_unordered("s", keys, these);
  in.run(read_all(pages, out));
}

}  // namespace

TEST_CASE("every object is verified where the service has a checksum of it, or of each range", "[pager][verification]") {
  const auto [said, by] = GENERATE(table<checksum_algorithm, verification>({
      {checksum_algorithm::crc32, verification::crc32},
      {checksum_algorithm::crc32c, verification::crc32c},
      {checksum_algorithm::crc64nvme, verification::crc64nvme},
      {checksum_algorithm::sha1, verification::sha1},
      {checksum_algorithm::sha256, verification::sha256},
  }));
  const range_checksum of_ranges = GENERATE(range_checksum::none, range_checksum::of_range, range_checksum::of_object);
  const page_order order = GENERATE(page_order::by_key, page_order::by_arrival);
  const bool listed = GENERATE(true, false);
  test::world in(with(said, of_ranges));
  outcome out(*in.objects);
  page_all(in, out, order, listed);
  CHECK(out.reader.complaint() == "");
  REQUIRE(out.reader.all());
  const bool combines = said != checksum_algorithm::sha1 && said != checksum_algorithm::sha256;
  std::uint64_t verified_objects = 0;
  for (const std::uint64_t size : sizes) {
    CAPTURE(size);
    // By key, a slice is 1 MiB here; by arrival an object comes whole. One that is only named is asked for whole, and is sliced if it
    // has more than 8 MiB: its slices' CRCs make up what the first answer said.
    const bool sliced = order == page_order::by_key && size > (listed ? 1U << 20 : 8U << 20);
    verification expected = by;
    if (sliced && !listed && !combines) expected = verification::sliced;
    else if (sliced && listed && of_ranges == range_checksum::none) expected = verification::sliced;
    else if (sliced && listed && of_ranges == range_checksum::of_object && !combines) expected = verification::ambiguous;
    CHECK(describe(out.by_size.at(size)) == describe(expected));
    verified_objects += verified(expected) ? 1 : 0;
  }
  CHECK(out.verified == verified_objects);
}

TEST_CASE("the slices of an object that was only named make up what its first answer said, or it is corrupted", "[pager][verification]") {
  test::world_options how = with(checksum_algorithm::crc64nvme, range_checksum::none);
  how.objects.count = 1;
  how.objects.sizes = {9'000'000};
  test::world in(how);
  in.server->set_hook([](const request_info& asked) {
    behaviour made;
    if (asked.range == "bytes=8388608-8999999") made.flip_at = 0;
    return made;
  });
  client s3(in.loop, in.small());
  page_stream pages = s3.get({.bucket = "s", .key = in.objects->key(0)});
  std::uint64_t came = 0;
  std::optional<error> failure;
  in.run([](page_stream& from, std::uint64_t& bytes, std::optional<error>& failed) -> task<> {
    try {
      while (const std::optional<page> got = co_await from.next()) bytes += got->bytes().size();
    } catch (const error& caught) {
      failed.emplace(caught);
    }
  }(pages, came, failure));
  REQUIRE(failure);
  CHECK(failure->code() == errc::corrupted);
  CHECK(failure->details().message.find("does not hold: x-amz-checksum-crc64nvme of what was received is ") != std::string::npos);
  CHECK(came < 9'000'000);
}

TEST_CASE("a checksum of parts' checksums is told from one of bytes", "[pager][verification]") {
  test::world in(with(checksum_algorithm::crc32c, range_checksum::none, 3));
  outcome out(*in.objects);
  page_all(in, out, page_order::by_arrival);
  REQUIRE(out.reader.all());
  CHECK(out.by_size.at(200'000) == verification::composite);
  CHECK(out.by_size.at(3'000'000) == verification::composite);
}

TEST_CASE("a flipped bit is corrupted in the last page's place, or mended where nobody has seen the object", "[pager][verification]") {
  const page_order order = GENERATE(page_order::by_key, page_order::by_arrival);
  const verify how = GENERATE(verify::as_it_arrives, verify::before_delivery);
  const std::uint64_t flipped = GENERATE(1U, 2U, 5U);  // by index
  const bool always = GENERATE(false, true);
  test::world in(with(checksum_algorithm::crc64nvme, range_checksum::of_object));
  std::uint64_t asked_for = 0;
  in.server->set_hook([&](const request_info& asked) {
    behaviour made;
    if (asked.key != in.objects->key(flipped)) return made;
    if (++asked_for == 1 || always) made.flip_at = 0;
    return made;
  });
  client_options options = in.small();
  options.verify = how;
  options.retry = {.max_attempts = 3, .base_delay = duration::zero()};
  client s3(in.loop, options);
  const page_options all{.bucket = "s", .on_error = on_error::report};
  page_stream pages = order == page_order::by_key ? s3.page_ordered(all) : s3.page_unordered(all);
  std::map<std::string, errc> failures;
  std::map<std::string, bool> ended;
  std::map<std::string, std::uint64_t> came;
  in.run([](page_stream& from, std::map<std::string, errc>& failed, std::map<std::string, bool>& done,
            std::map<std::string, std::uint64_t>& bytes) -> task<> {
    for (;;) {
      const std::optional<page> got = co_await from.next();
      if (!got) break;
      const std::string key(got->object().key);
      if (got->failure() != nullptr) {
        if (got->failure()->code() == errc::corrupted) failed[key] = errc::corrupted;
        continue;
      }
      bytes[key] += got->bytes().size();
      if (got->last()) done[key] = true;
    }
  }(pages, failures, ended, came));
  const std::string broken = in.objects->key(flipped);
  const bool small = sizes[flipped] <= 5000;
  if (small && !always) {
    CHECK(failures.empty());
    CHECK(ended.size() == sizes.size());
    CHECK(asked_for == 2);
  } else {
    CHECK(failures == std::map<std::string, errc>{{broken, errc::corrupted}});
    CHECK(ended.size() == sizes.size() - 1);
    CHECK_FALSE(ended[broken]);
    // All but the last page may have been seen, of what fits into one page nothing.
    CHECK(came[broken] < sizes[flipped]);
    if (small) CHECK(came[broken] == 0);
    if (small) CHECK(asked_for == 2);
  }
}
