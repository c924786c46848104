// The second translation unit of a program that includes everything twice.
#include <s3pager/s3pager.hpp>

#include <system_error>

const std::error_category& category_of_other() { return make_error_condition(s3pager::errc::not_found).category(); }
