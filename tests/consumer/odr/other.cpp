// The second translation unit of a program that includes everything twice.
#include <s3pager/s3pager.hpp>

#include <cstddef>
#include <system_error>

const std::error_category& category_of_other() { return make_error_condition(s3pager::errc::not_found).category(); }

std::size_t frames_of_other() { return s3pager::coro::frame_pool::local().live(); }

int run_of_other() {
  return s3pager::run([](s3pager::client&) -> s3pager::task<> { co_return; },
                      {.client = {.anonymous = true, .region = "us-east-1", .endpoint_url = "http://127.0.0.1:1"}});
}
