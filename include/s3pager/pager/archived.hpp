// What becomes of objects that a list shows as archived, and so can't be read. Knows no requests.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/archived-objects.html
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "s3pager/base/error.hpp"
#include "s3pager/s3/object.hpp"

namespace s3pager {

/// What becomes of an object that a list shows in an archive and not restored (object::needs_restore()).
enum class on_archived : std::uint8_t {
  report,   ///< it is an object that can't be read, with errc::archived, as on_error says; nothing is sent for it
  skip,     ///< it is passed over, and summary().skipped counts it
  attempt,  ///< it is asked for like any other: for services that have storage classes of these names and can read them
};

namespace pager {

/// The failure of an object that needs to be restored.
[[nodiscard]] inline error archived_failure(const object& what, std::string_view bucket) {
  error_details known{.bucket = std::string(bucket), .key = std::string(what.key)};
  known.message = "the list shows the object in storage class " + std::string(what.storage_class());
  if (what.restore_in_progress())
    known.message += ", being restored: it can be read when that is done";
  else if (what.restore_expiry())
    known.message += ", and its restored copy has expired: it has to be restored again before it can be read";
  else
    known.message += ", not restored: it has to be restored before it can be read";
  return error(errc::archived, std::move(known));
}

}  // namespace pager
}  // namespace s3pager
