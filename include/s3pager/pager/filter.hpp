// Which objects of a list are wanted: what a caller says, and what is held against each of them. Knows what a list tells of an
// object; no requests.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "s3pager/base/clock.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/base/glob.hpp"
#include "s3pager/s3/object.hpp"
#include "s3pager/xml/listed.hpp"

namespace s3pager {

/// A callable `bool(const object&)` of the caller's, which is referred to and not copied: one with a name, that outlives the stream or list
/// it is given to,
///
///     auto small = [&](const s3pager::object& each) { return *each.size < limit; };
///     auto pages = s3.page_ordered({.bucket = "logs", .filter = {.where = small}});
///
/// or a function, or a lambda that captures nothing. A lambda with captures that has no name does not compile.
class object_predicate {
 public:
  constexpr object_predicate() noexcept = default;

  template <class F>
    requires(!std::same_as<std::remove_cvref_t<F>, object_predicate> && std::is_invocable_r_v<bool, F&, const object&> &&
             (std::is_lvalue_reference_v<F> || std::convertible_to<F, bool (*)(const object&)>))
  constexpr object_predicate(F&& from) noexcept {
    if constexpr (std::convertible_to<F, bool (*)(const object&)>) {
      target_.function = from;
      call_ = [](const target& of, const object& what) { return of.function(what); };
    } else {
      target_.callable = std::addressof(from);
      call_ = [](const target& of, const object& what) {
        using pointer = std::add_pointer_t<std::remove_reference_t<F>>;
        return static_cast<bool>((*static_cast<pointer>(const_cast<void*>(of.callable)))(what));
      };
    }
  }

  [[nodiscard]] explicit operator bool() const noexcept { return call_ != nullptr; }
  /// Only if there is one.
  [[nodiscard]] bool operator()(const object& what) const { return call_(target_, what); }

 private:
  union target {
    const void* callable = nullptr;
    bool (*function)(const object&);
  };
  target target_ = {};
  bool (*call_)(const target&, const object&) = nullptr;
};

/// Which objects of a list are wanted: those for which all of this holds. The others are never asked for, and summary().filtered counts
/// them. The call that takes it copies all but the callable of `where`, and throws error(invalid_argument) if nothing could
/// hold or `glob` is none.
struct filter {
  std::string_view glob = {};                         ///< of the whole key, prefix included (base/glob.hpp): `logs/**/*.json`; empty: any key
  std::uint64_t min_size = 0;                         ///< bytes
  std::optional<std::uint64_t> max_size = {};         ///< bytes; this many are allowed
  std::optional<wall_time> modified_since = {};       ///< at this time or later; an object of which no time is known is not
  std::optional<wall_time> modified_before = {};      ///< before this time; the same
  std::span<const std::string_view> storage_classes = {};  ///< any of these; empty: any; an object of which none is known is STANDARD
  /// Asked last, once for each object for which the rest holds, in the order of the list, on the reactor's thread, and ahead of the
  /// pages that come. What it throws ends the stream or list, whose next() throws it. It must not use the stream that it is of.
  object_predicate where = {};
};

namespace pager {

/// A filter as it is kept, with its own text. By default it lets all pass.
class object_filter {
 public:
  object_filter() = default;
  explicit object_filter(const filter& from)
      : min_size_(from.min_size),
        max_size_(from.max_size.value_or(~std::uint64_t{0})),
        since_(from.modified_since.value_or(wall_time::min())),
        before_(from.modified_before),
        timed_(from.modified_since || from.modified_before),
        storage_classes_(from.storage_classes.begin(), from.storage_classes.end()),
        where_(from.where) {
    if (min_size_ > max_size_)
      throw error(errc::invalid_argument, "filter.min_size is " + std::to_string(min_size_) + ", more than filter.max_size, " +
                                              std::to_string(max_size_));
    if (before_ && since_ >= *before_)
      throw error(errc::invalid_argument, "filter.modified_since is not before filter.modified_before");
    if (std::find(storage_classes_.begin(), storage_classes_.end(), "") != storage_classes_.end())
      throw error(errc::invalid_argument, "a name in filter.storage_classes is empty");
    if (from.glob.empty()) return;
    auto parsed = glob::parse(from.glob);
    if (!parsed)
      throw error(errc::invalid_argument, "filter.glob is '" + std::string(from.glob) + "': " + parsed.message());
    glob_ = std::move(parsed).value();
  }

  /// Throws what the predicate throws.
  [[nodiscard]] bool passes(const xml::listed& what) const {
    if (what.size < min_size_ || what.size > max_size_) return false;
    if (timed_ && (!what.last_modified || *what.last_modified < since_ || (before_ && *what.last_modified >= *before_))) return false;
    if (!storage_classes_.empty()) {
      const std::string_view its = what.storage_class().empty() ? std::string_view("STANDARD") : what.storage_class();
      if (std::find(storage_classes_.begin(), storage_classes_.end(), its) == storage_classes_.end()) return false;
    }
    if (glob_ && !glob_->matches(what.key)) return false;
    return !where_ || where_(object(what));
  }

 private:
  std::uint64_t min_size_ = 0;
  std::uint64_t max_size_ = ~std::uint64_t{0};
  wall_time since_ = wall_time::min();
  std::optional<wall_time> before_;
  bool timed_ = false;
  std::vector<std::string> storage_classes_;
  std::optional<glob> glob_;
  object_predicate where_;
};

}  // namespace pager
}  // namespace s3pager
