// A program of two translation units: nothing is defined twice, and what must exist once (an error category) does.
#include <s3pager/s3pager.hpp>

#include <iostream>
#include <system_error>

const std::error_category& category_of_other();

int main() {
  std::cout << "s3pager " << s3pager::version << '\n';
  return &category_of_other() == &make_error_condition(s3pager::errc::not_found).category() ? 0 : 1;
}
