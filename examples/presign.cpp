// A URL by which whoever has it gets an object, for a time; and the object by such a URL, whoever made it.
//   presign BUCKET KEY [MINUTES]  prints a URL that is good for so long, 60 minutes by default
//   presign URL                   writes the object to standard output
#include <charconv>
#include <chrono>
#include <iostream>
#include <s3pager/s3pager.hpp>
#include <string>
#include <string_view>

namespace {

s3pager::task<> print_url(s3pager::client& s3, const s3pager::presign_options& what) {
  const std::string url = co_await s3.presign_get(what);
  std::cout << url << '\n';  // a secret: whoever reads it reads the object
}

s3pager::task<> print_object(s3pager::client& s3, std::string_view url) {
  auto pages = s3.get_presigned(url);
  while (auto page = co_await pages.next()) std::cout << page->text();
  std::cout.flush();
}

}  // namespace

int main(int argc, char** argv) {
  int minutes = 60;
  const std::string_view given(argc == 4 ? argv[3] : "60");
  const auto [end, failed] = std::from_chars(given.data(), given.data() + given.size(), minutes);
  if (argc < 2 || argc > 4 || failed != std::errc() || end != given.data() + given.size()) {
    std::cerr << "usage: presign BUCKET KEY [MINUTES]\n       presign URL\n";
    return 2;
  }
  s3pager::signal_interruption ctrl_c;
  const s3pager::run_options how{.stop = &ctrl_c};
  if (argc == 2) return ctrl_c.exit_status(s3pager::run([&](s3pager::client& s3) { return print_object(s3, argv[1]); }, how));
  const s3pager::presign_options what{.bucket = argv[1], .key = argv[2], .expires_in = std::chrono::minutes(minutes)};
  return ctrl_c.exit_status(s3pager::run([&](s3pager::client& s3) { return print_url(s3, what); }, how));
}
