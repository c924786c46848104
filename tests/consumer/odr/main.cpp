// A program of two translation units: nothing is defined twice, and what must exist once (an error category, the frames of
// a thread) does. Both use the whole of the public face.
#include <s3pager/s3pager.hpp>

#include <cstddef>
#include <iostream>
#include <system_error>

const std::error_category& category_of_other();
std::size_t frames_of_other();
int run_of_other();

int main() {
  std::cout << "s3pager " << s3pager::version << '\n';
  if (&category_of_other() != &make_error_condition(s3pager::errc::not_found).category()) return 1;
  const int status = s3pager::run(
      [](s3pager::client&) -> s3pager::task<int> { co_return frames_of_other() == 1 ? run_of_other() : 2; },
      {.client = {.anonymous = true, .region = "us-east-1", .endpoint_url = "http://127.0.0.1:1"}});
  return status;
}
