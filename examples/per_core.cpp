// A shard a core: each lists the prefix, pages its own part of the keys, and gives its sum.
//   per_core BUCKET [PREFIX]
#include <cstdint>
#include <iostream>
#include <s3pager/s3pager.hpp>

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: per_core BUCKET [PREFIX]\n";
    return 2;
  }
  const s3pager::page_options what{.bucket = argv[1], .prefix = argc > 2 ? argv[2] : ""};
  const auto sum = [&](s3pager::client& s3, s3pager::shard part) -> s3pager::task<s3pager::summary> {
    s3pager::page_options mine = what;
    mine.shard = part;
    auto pages = s3.page_unordered(mine);
    try {
      while (auto page = co_await pages.next()) {
      }
    } catch (const s3pager::error& failed) {
      if (failed.code() != s3pager::errc::cancelled) throw;  // after ctrl-C, what was read so far counts
    }
    co_return pages.summary();
  };
  s3pager::signal_interruption ctrl_c;
  int status = 0;
  std::uint64_t bytes = 0;
  for (auto& shard : s3pager::run_per_core({.stop = &ctrl_c}, sum)) {
    try {
      bytes += shard.value().bytes;
      std::cout << "a shard read " << shard.value().objects << " objects\n";
    } catch (const s3pager::error& failed) {
      std::cerr << failed.what() << '\n';
      status = 1;
    }
  }
  std::cout << bytes << (ctrl_c.requested() ? " bytes so far\n" : " bytes in all\n");
  return ctrl_c.exit_status(status);
}
