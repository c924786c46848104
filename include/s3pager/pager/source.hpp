// Where objects come from: a list and what is left out of it, or keys that the caller gives. Knows nothing of fetching them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3pager/base/counted.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/coro/generator.hpp"
#include "s3pager/coro/stop.hpp"
#include "s3pager/pager/filter.hpp"
#include "s3pager/pager/shard.hpp"
#include "s3pager/s3/list_objects.hpp"
#include "s3pager/s3/object.hpp"

namespace s3pager::pager {

/// What became of the objects of a source that are not to be fetched.
struct source_tally final : counted {
  std::uint64_t filtered = 0;  ///< a filter left them out
  std::uint64_t skipped = 0;   ///< they are archived
};

/// The objects of a list that are of `part` and pass `which`, in its order; common prefixes are passed over. Ends with errc::cancelled on
/// `stop`.
[[nodiscard]] inline async_generator<object> listed_objects(async_generator<ref<xml::list_page>> pages, shard part = {},
                                                            object_filter which = {}, ref<source_tally> tally = {},
                                                            ref<coro::stop_state> stop = {}) {
  for (;;) {
    std::optional<ref<xml::list_page>> page = co_await pages.next();
    if (!page) break;
    for (const xml::listed& each : (*page)->contents()) {
      if (!part.owns(each.key)) continue;
      if (stop && stop->requested()) throw error(errc::cancelled, "the list was stopped");
      if (!which.passes(each)) {
        if (tally) ++tally->filtered;
        continue;
      }
      object made(each);
      co_yield std::move(made);
    }
  }
}

/// Keys that were given, as one block of text.
class key_list {
 public:
  void add(std::string_view key) {
    text_ += key;
    ends_.push_back(text_.size());
  }
  [[nodiscard]] std::size_t size() const noexcept { return ends_.size(); }
  [[nodiscard]] std::string_view operator[](std::size_t index) const noexcept {
    const std::size_t begin = index == 0 ? 0 : ends_[index - 1];
    return std::string_view(text_).substr(begin, ends_[index] - begin);
  }

 private:
  std::string text_;
  std::vector<std::size_t> ends_;
};

[[nodiscard]] inline async_generator<object> given_objects(key_list keys) {
  for (std::size_t i = 0; i < keys.size(); ++i) {
    object made = object::of_key(keys[i]);
    co_yield std::move(made);
  }
}

}  // namespace s3pager::pager
