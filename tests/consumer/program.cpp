// What a user's first program needs of the build: the umbrella header compiles, and what it declares links and runs.
#include <s3pager/s3pager.hpp>

#include <iostream>
#include <system_error>

int main() {
  std::cout << "s3pager " << s3pager::version << '\n';
  const std::error_code code = make_error_code(std::errc::timed_out);
  return code == s3pager::errc::timed_out ? 0 : 1;
}
