// What a run is told of how to go about its work. Knows no options of the caller's.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "s3pager/base/clock.hpp"
#include "s3pager/base/counted.hpp"
#include "s3pager/base/secret.hpp"
#include "s3pager/pager/archived.hpp"
#include "s3pager/pager/source.hpp"
#include "s3pager/pager/window.hpp"
#include "s3pager/s3/get_object.hpp"

namespace s3pager::pager {

/// The client makes it of its options and of a call's.
struct run_settings {
  page_order order = page_order::by_key;
  on_error failures = on_error::stop;
  on_archived archived = on_archived::report;
  ref<source_tally> left_out = {};      ///< what the source keeps back, and the run itself; null: one of the run's own
  std::uint32_t lanes = 64;             ///< to begin with, or for good
  std::uint32_t most_lanes = 0;         ///< as many as there may be later, if that is more than 0: a governor finds how many are of use
  bool match_etag = true;
  s3pager::verify verify = s3pager::verify::as_it_arrives;
  duration window_wait = std::chrono::seconds(30);
  duration run_limit = no_limit;
  s3::get_object_request request = {};  ///< what every GET has; its key, and in slices its range, are each slice's own
  std::string if_match = {};            ///< the text that `request` refers to
  std::string if_none_match = {};
  std::string query = {};
  secret target = {};
  ref<s3::common_headers> common = {};  ///< that every GET has; null: none
  bool one_request = false;             ///< an object is one GET as `request` says, never sliced
};

}  // namespace s3pager::pager
