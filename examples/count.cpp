// The first program of the README: every page of every object under a prefix, in the order of the keys.
#include <iostream>
#include <s3pager/s3pager.hpp>

s3pager::task<> count(s3pager::client& s3) {
  auto pages = s3.page_ordered({.bucket = "logs", .prefix = "2026/11/"});
  while (auto page = co_await pages.next())
    std::cout << page->object().key << ' ' << page->offset() << ' ' << page->bytes().size() << '\n';
}

int main() {
  s3pager::signal_interruption ctrl_c;
  return ctrl_c.exit_status(s3pager::run(count, {.stop = &ctrl_c}));  // credentials, region and endpoint from the environment
}
