// Objects some of which are put again, with other bytes, while they are read: what an origin serves, and what a reader of it may
// get, all of one version or all of the other. Knows no faults.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3pager/ring/reactor.hpp"
#include "s3pager/testing/bucket.hpp"
#include "s3pager/testing/pattern.hpp"
#include "s3pager/testing/synthetic_bucket.hpp"
#include "support/page_checker.hpp"

namespace s3pager::test {

/// Two versions of the same objects, of the same sizes; one in 32 has the second from some GET on.
struct two_versions {
  explicit two_versions(const testing::synthetic_options& options) : first(options), second(other_seed(options)) {}

  [[nodiscard]] static bool changes(std::uint64_t index) noexcept { return index % 32 == 5; }
  /// How many GETs of an object that changes meet the first version.
  [[nodiscard]] std::uint32_t firsts(std::uint64_t index) const noexcept {
    return static_cast<std::uint32_t>(testing::detail::mix(first.seed() ^ index) % 6);
  }

  testing::synthetic_bucket first;
  testing::synthetic_bucket second;

 private:
  static testing::synthetic_options other_seed(testing::synthetic_options options) {
    options.seed = testing::detail::mix(options.seed);
    return options;
  }
};

/// Counts the GETs of each. One thread's.
class changing_bucket final : public testing::bucket {
 public:
  explicit changing_bucket(std::shared_ptr<const two_versions> of) : of_(std::move(of)), gets_(of_->first.count()) {}

  void scan(std::string_view from, visitor& who) const override {
    struct by_version final : visitor {
      by_version(const changing_bucket& of, visitor& who) noexcept : of_(of), who_(who) {}
      bool visit(const testing::object_info& object) override {
        const std::uint64_t index = *of_.of_->first.index_of(object.key);
        // What nobody has asked for yet is listed as it was: it changes between list and GET.
        if (of_.gets_[index] == 0 || !of_.changed(index)) return who_.visit(object);
        testing::object_info now = object;
        now.etag = of_.of_->second.etag(index);
        return who_.visit(now);
      }
      const changing_bucket& of_;
      visitor& who_;
    } all(*this, who);
    of_->first.scan(from, all);
  }
  [[nodiscard]] testing::opened_object open(ring::reactor& loop, std::string_view key) const override {
    const auto index = of_->first.index_of(key);
    const bool second = index && changed(*index);
    if (index) ++gets_[*index];
    return (second ? of_->second : of_->first).open(loop, key);
  }

 private:
  [[nodiscard]] bool changed(std::uint64_t index) const noexcept {
    return two_versions::changes(index) && gets_[index] >= of_->firsts(index);
  }

  std::shared_ptr<const two_versions> of_;
  mutable std::vector<std::uint32_t> gets_;
};

/// For one run over them: an object has the bytes of that version which all of its pages so far had, never of both.
class changing_objects final : public expected_objects {
 public:
  explicit changing_objects(const two_versions& from) : as_first_(from.first), as_second_(from.second), seen_(from.first.count()) {}

  [[nodiscard]] std::uint64_t count() const override { return as_first_.count(); }
  [[nodiscard]] std::string key(std::uint64_t number) const override { return as_first_.key(number); }
  [[nodiscard]] std::optional<one> find(std::string_view key) const override { return as_first_.find(key); }
  [[nodiscard]] bool equal(std::uint64_t number, std::uint64_t offset, std::span<const std::byte> bytes) const override {
    may_be& of = seen_[number];
    of.first = of.first && as_first_.equal(number, offset, bytes);
    of.second = of.second && two_versions::changes(number) && as_second_.equal(number, offset, bytes);
    return of.first || of.second;
  }

 private:
  struct may_be {
    bool first = true;
    bool second = true;
  };

  synthetic_objects as_first_;
  synthetic_objects as_second_;
  mutable std::vector<may_be> seen_;
};

}  // namespace s3pager::test
