#include "s3pager/testing/synthetic_bucket.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "s3pager/ring/reactor.hpp"
#include "support/catch.hpp"

using namespace s3pager;
using namespace s3pager::testing;

namespace {

std::vector<object_info> scan(const bucket& from, std::string_view first, std::size_t most) {
  struct gatherer final : bucket::visitor {
    bool visit(const object_info& object) override {
      found.push_back(object);
      return found.size() < most;
    }
    std::size_t most = 0;
    std::vector<object_info> found;
  } all;
  all.most = most;
  from.scan(first, all);
  return std::move(all.found);
}

}  // namespace

TEST_CASE("synthetic keys are in the order of their numbers", "[testing][synthetic_bucket]") {
  const auto per_folder = GENERATE(as<std::uint64_t>{}, 0, 7);
  const synthetic_bucket made({.count = 1200, .prefix = "p/", .digits = 2, .per_folder = per_folder});
  const auto all = scan(made, "", 5000);
  REQUIRE(all.size() == 1200);
  for (std::uint64_t i = 0; i < all.size(); ++i) {
    if (i > 0) REQUIRE(all[i - 1].key < all[i].key);
    REQUIRE(made.index_of(all[i].key) == i);
  }
  CHECK(all[42].key == (per_folder == 0 ? "p/0042" : "p/0006/0042"));
}

TEST_CASE("what is no synthetic key has no number", "[testing][synthetic_bucket]") {
  const synthetic_bucket made({.count = 10, .prefix = "p", .digits = 3});
  CHECK(made.index_of("p009") == 9);
  for (const char* key : {"", "p", "009", "p010", "p9", "p0009", "q009", "p00x", "p-09", "p009x"})
    CHECK_FALSE(made.index_of(key));
}

TEST_CASE("a scan of a million synthetic keys begins anywhere at once", "[testing][synthetic_bucket]") {
  const synthetic_bucket made({.count = 1'000'000});
  CHECK(scan(made, "00765432", 1).front().key == "00765432");
  CHECK(scan(made, "00765432 ", 1).front().key == "00765433");
  CHECK(scan(made, "0", 1).front().key == "00000000");
  CHECK(scan(made, "00999999", 5).size() == 1);
  CHECK(scan(made, "01", 5).empty());
}

TEST_CASE("synthetic sizes come from a function, a list or one number", "[testing][synthetic_bucket]") {
  synthetic_options options{.count = 5, .size = 9};
  CHECK(synthetic_bucket(options).size(3) == 9);
  options.sizes = {1, 2, 3};
  CHECK(synthetic_bucket(options).size(4) == 2);
  options.size_of = [](std::uint64_t index) { return index * 100; };
  CHECK(synthetic_bucket(options).size(4) == 400);
  const auto totals = total(synthetic_bucket(options));
  CHECK(totals.objects == 5);
  CHECK(totals.bytes == 1000);
}

TEST_CASE("synthetic ETags differ by object, by seed and by size", "[testing][synthetic_bucket]") {
  const synthetic_bucket made({.count = 5});
  CHECK(made.etag(1).size() == 32);
  CHECK(made.etag(1) == synthetic_bucket({.count = 5}).etag(1));
  CHECK(made.etag(1) != made.etag(2));
  CHECK(made.etag(1) != synthetic_bucket({.count = 5, .seed = 2}).etag(1));
  CHECK(made.etag(1) != synthetic_bucket({.count = 5, .size = 1}).etag(1));
}

TEST_CASE("the body of an object of 100 GiB is read anywhere without holding it", "[testing][synthetic_bucket]") {
  ring::reactor loop;
  const synthetic_bucket made({.count = 1, .seed = 5, .size = std::uint64_t{100} << 30});
  const opened_object object = made.open(loop, "00000000");
  REQUIRE(object.body);
  CHECK(object.info.size == std::uint64_t{100} << 30);
  const std::uint64_t offset = (std::uint64_t{99} << 30) + 12345;
  const body_piece piece = loop.run(object.body->read(offset, 65536));
  CHECK(piece.bytes.size() == 65536);
  CHECK(synthetic_equal(5, 0, offset, piece.bytes));
  CHECK_FALSE(made.open(loop, "00000001").body);
}
