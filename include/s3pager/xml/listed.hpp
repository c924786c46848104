// An object as a list shows it, in as little memory as a million of them may take. Knows no XML.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "s3pager/base/clock.hpp"
#include "s3pager/base/counted.hpp"
#include "s3pager/xml/detail/text_block.hpp"

namespace s3pager::xml {

/// What most objects of a list have in common with the one before.
struct listed_traits {
  std::string_view storage_class = {};           ///< empty if missing
  std::string_view owner_id = {};                ///< only with fetch-owner; empty if missing
  std::string_view checksum_algorithm = {};      ///< as the service names it (`CRC64NVME`); the first if there are several
  std::optional<wall_time> restore_expiry = {};  ///< of an archived object's restored copy
  bool restore_in_progress = false;

  [[nodiscard]] bool operator==(const listed_traits&) const noexcept = default;
};

/// What the views of objects look at, and what they have in common: one for all that follow each other and are alike. Immutable
/// once it is shared; may be shared between threads.
class listed_memory : public shared_counted {
 public:
  listed_memory() noexcept = default;
  explicit listed_memory(const listed_traits& traits) noexcept : traits_(traits) {}

  [[nodiscard]] const listed_traits& traits() const noexcept { return traits_; }

 private:
  friend class list_reader;
  /// Moves its own text into `text`, which it keeps from then on.
  void settle(const ref<detail::text_block>& text) noexcept {
    for (std::string_view* const each : {&traits_.storage_class, &traits_.owner_id, &traits_.checksum_algorithm})
      *each = text->add(*each);
    text_ = text;
  }

  listed_traits traits_;
  ref<detail::text_block> text_;
};

/// An object of a list. The views live as long as the list_page that it is in, or its memory().
class listed {
 public:
  std::string_view key = {};                    ///< opaque bytes, URL-decoded if the answer was encoded; never empty
  std::string_view etag = {};                   ///< with its quotes, as If-Match wants it; empty if missing
  std::uint64_t size = 0;                       ///< bytes
  std::optional<wall_time> last_modified = {};  ///< nothing if missing or not a time

  explicit listed(listed_memory& memory) noexcept : memory_(&memory) {}

  [[nodiscard]] std::string_view storage_class() const noexcept { return traits().storage_class; }
  [[nodiscard]] std::string_view owner_id() const noexcept { return traits().owner_id; }
  [[nodiscard]] std::string_view checksum_algorithm() const noexcept { return traits().checksum_algorithm; }
  [[nodiscard]] const listed_traits& traits() const noexcept { return memory_->traits(); }
  [[nodiscard]] ref<listed_memory> memory() const noexcept { return ref<listed_memory>(memory_); }

 private:
  listed_memory* memory_;  // the page's
};
static_assert(sizeof(listed) <= 64);

}  // namespace s3pager::xml
