// What a user's first program needs of the build: the umbrella header compiles without a warning, and all that it offers links.
// Without arguments it needs no network and no S3: it says its version.
#include <s3pager/s3pager.hpp>

#include <cstdint>
#include <iostream>
#include <string_view>
#include <system_error>
#include <vector>

namespace {

s3pager::task<int> count(s3pager::client& s3, std::string_view bucket) {
  std::uint64_t bytes = 0;
  auto pages = s3.page_ordered({.bucket = bucket, .prefix = "2026/"});
  while (auto page = co_await pages.next()) bytes += page->bytes().size();

  const std::vector<std::string_view> keys{"a", "b"};
  auto some = s3.page_unordered(bucket, keys, {.on_error = s3pager::on_error::report});
  while (auto page = co_await some.next())
    if (page->failure() == nullptr) bytes += page->bytes().size();

  auto objects = s3.list({.bucket = bucket, .delimiter = "/"});
  while (auto object = co_await objects.next()) std::cout << object->key << '\n';

  auto one = s3.get({.bucket = bucket, .key = "a", .range = s3pager::byte_range{0, 9}});
  while (auto page = co_await one.next()) bytes += page->bytes().size();
  std::cout << bytes << " bytes in " << pages.summary().requests << " requests\n";
  co_return 0;
}

int count_all_ways(std::string_view bucket) {
  const int status = s3pager::run([bucket](s3pager::client& s3) { return count(s3, bucket); });
  for (const auto& object : s3pager::blocking([bucket](s3pager::client& s3) { return s3.list({.bucket = bucket}); }))
    std::cout << object.key << '\n';
  const auto shards = s3pager::run_per_core({}, [bucket](s3pager::client& s3, s3pager::shard part) -> s3pager::task<> {
    auto pages = s3.page_unordered({.bucket = bucket, .shard = part});
    while (auto page = co_await pages.next()) {
    }
  });
  for (const auto& each : shards)
    if (!each.ok()) return 1;
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  std::cout << "s3pager " << s3pager::version << '\n';
  if (argc > 1) return count_all_ways(argv[1]);
  const std::error_code code = make_error_code(std::errc::timed_out);
  return code == s3pager::errc::timed_out ? 0 : 1;
}
