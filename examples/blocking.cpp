// Without coroutines: the lines of every object under a prefix are counted in a plain loop.
//   blocking BUCKET [PREFIX]
#include <algorithm>
#include <cstddef>
#include <iostream>
#include <s3pager/s3pager.hpp>

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: blocking BUCKET [PREFIX]\n";
    return 2;
  }
  const s3pager::page_options what{.bucket = argv[1], .prefix = argc > 2 ? argv[2] : ""};
  s3pager::signal_interruption ctrl_c;
  std::ptrdiff_t lines = 0;
  try {
    for (auto& page : s3pager::blocking([&](s3pager::client& s3) { return s3.page_unordered(what); }, {}, &ctrl_c)) {
      const auto bytes = page.bytes();
      lines += std::count(bytes.begin(), bytes.end(), std::byte{'\n'});
    }
    std::cout << lines << " lines\n";
  } catch (const s3pager::error& failed) {
    if (failed.code() == s3pager::errc::cancelled) std::cout << lines << " lines so far\n";
    std::cerr << failed.what() << '\n';
    return ctrl_c.exit_status(1);
  }
}
