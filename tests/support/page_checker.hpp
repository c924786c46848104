// Holds the pages of a run against the objects that a test made: every byte, each object once, in order where that was
// promised, failures with a name. Knows where expected objects come from only through an interface.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3pager/base/error.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/pager/page.hpp"
#include "s3pager/pager/stream.hpp"
#include "s3pager/pager/window.hpp"
#include "s3pager/testing/synthetic_bucket.hpp"
#include "support/contents.hpp"

namespace s3pager::test {

/// Objects as a test made them, numbered in the order of their keys.
class expected_objects {
 public:
  struct one {
    std::uint64_t number = 0;
    std::uint64_t size = 0;
  };

  expected_objects() = default;
  expected_objects(const expected_objects&) = delete;
  expected_objects& operator=(const expected_objects&) = delete;
  virtual ~expected_objects() = default;

  [[nodiscard]] virtual std::uint64_t count() const = 0;
  [[nodiscard]] virtual std::string key(std::uint64_t number) const = 0;
  /// Nothing if there is no such object.
  [[nodiscard]] virtual std::optional<one> find(std::string_view key) const = 0;
  /// Whether an object has these bytes from `offset` on.
  [[nodiscard]] virtual bool equal(std::uint64_t number, std::uint64_t offset, std::span<const std::byte> bytes) const = 0;
};

/// Those of a synthetic bucket, which must outlive this.
class synthetic_objects : public expected_objects {
 public:
  explicit synthetic_objects(const testing::synthetic_bucket& from) noexcept : from_(from) {}
  [[nodiscard]] std::uint64_t count() const override { return from_.count(); }
  [[nodiscard]] std::string key(std::uint64_t number) const override { return from_.key(number); }
  [[nodiscard]] std::optional<one> find(std::string_view key) const override {
    const auto number = from_.index_of(key);
    if (!number) return std::nullopt;
    return one{*number, from_.size(*number)};
  }
  [[nodiscard]] bool equal(std::uint64_t number, std::uint64_t offset, std::span<const std::byte> bytes) const override {
    return testing::synthetic_equal(from_.seed(), number, offset, bytes);
  }

 private:
  const testing::synthetic_bucket& from_;
};

using object_map = std::map<std::string, contents, std::less<>>;

/// Those that were put somewhere. The map must outlive this and stay as it is.
class put_objects : public expected_objects {
 public:
  explicit put_objects(const object_map& from) {
    for (const auto& each : from) by_number_.push_back(&each);
  }
  [[nodiscard]] std::uint64_t count() const override { return by_number_.size(); }
  [[nodiscard]] std::string key(std::uint64_t number) const override { return by_number_.at(number)->first; }
  [[nodiscard]] std::optional<one> find(std::string_view key) const override {
    const auto at = std::lower_bound(by_number_.begin(), by_number_.end(), key,
                                     [](const auto* entry, std::string_view name) { return entry->first < name; });
    if (at == by_number_.end() || (*at)->first != key) return std::nullopt;
    return one{static_cast<std::uint64_t>(at - by_number_.begin()), (*at)->second.size};
  }
  [[nodiscard]] bool equal(std::uint64_t number, std::uint64_t offset, std::span<const std::byte> bytes) const override {
    const contents& made = by_number_.at(number)->second;
    std::array<std::byte, 4096> piece;
    for (std::size_t done = 0; done < bytes.size();) {
      const auto now = std::span(piece).first(std::min(piece.size(), bytes.size() - done));
      made.fill(offset + done, now);
      if (!std::equal(now.begin(), now.end(), bytes.begin() + static_cast<std::ptrdiff_t>(done))) return false;
      done += now.size();
    }
    return true;
  }

 private:
  std::vector<const object_map::value_type*> by_number_;
};

/// The condition that a failure means; nothing if it means none that a caller could branch on.
[[nodiscard]] inline std::optional<errc> condition_of(const error& failed) {
  for (const errc each :
       {errc::not_found, errc::access_denied, errc::throttled, errc::timed_out, errc::changed, errc::corrupted,
        errc::window_exhausted, errc::cancelled, errc::not_modified, errc::precondition_failed, errc::invalid_argument,
        errc::protocol_violation, errc::connection_lost, errc::unavailable, errc::untrusted_peer, errc::archived})
    if (failed.code() == each) return each;
  return std::nullopt;
}

/// Takes the pages of one run. What is wrong first is kept in words.
class page_checker {
 public:
  /// With `by_key`, objects must come in the order of their numbers, all of one before anything of the next.
  explicit page_checker(const expected_objects& expected, page_order order = page_order::by_arrival)
      : expected_(expected), order_(order), objects_(expected.count()) {}

  /// Bytes that a server sends wrong are noticed when their checksum is: an object that fails may have had other ones.
  void allow_other_bytes_of_failures() noexcept { judges_failures_ = false; }

  void take(const page& got) {
    const std::string_view key = got.object().key;
    const auto object = expected_.find(key);
    if (!object) return take_unknown(got);
    progress& of = objects_[object->number];
    if (of.ended) return complain(key, "goes on after its last page");
    follow(key, object->number);
    if (got.failure() != nullptr) {
      of.ended = true;
      if (got.offset() != of.bytes) complain(key, "failed at another offset than it had come to");
      return take_failure(got);
    }
    const std::span<const std::byte> bytes = got.bytes();
    if (got.offset() != of.bytes) complain(key, "has a gap at " + std::to_string(of.bytes));
    if (got.offset() + bytes.size() > object->size)
      complain(key, "is longer than it is");
    else if (!of.other && !expected_.equal(object->number, got.offset(), bytes))
      of.other = true;
    if (of.other && (judges_failures_ || got.last()))
      complain(key, "has other bytes, seen in the page at " + std::to_string(got.offset()) + ", " + std::string(describe(got.object().verification())));
    of.bytes += bytes.size();
    bytes_ += bytes.size();
    ++pages_;
    if (!got.last()) {
      if (bytes.empty()) complain(key, "has an empty page that is not its last");
      return;
    }
    of.ended = true;
    ++whole_;
    if (of.bytes != object->size) complain(key, "ends at " + std::to_string(of.bytes));
    if (got.object().size != of.bytes) complain(key, "says it has another size than it has");
  }

  /// To be called when the run has ended: whether each of the expected objects came whole or failed.
  void finish() {
    for (std::uint64_t number = 0; number < objects_.size(); ++number)
      if (!objects_[number].ended) return complain(expected_.key(number), "neither came nor failed");
  }

  /// Empty: all is as it should be so far.
  [[nodiscard]] const std::string& complaint() const noexcept { return complaint_; }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::uint64_t pages() const noexcept { return pages_; }
  /// Objects that were read to their end.
  [[nodiscard]] std::uint64_t whole() const noexcept { return whole_; }
  [[nodiscard]] const std::map<std::string, error, std::less<>>& failures() const noexcept { return failures_; }
  /// The keys of the pages in their order, each run of one object's pages once.
  [[nodiscard]] std::vector<std::string> sequence() const {
    std::vector<std::string> made;
    for (const std::uint64_t number : sequence_) made.push_back(key_of(number));
    return made;
  }
  /// Whether every expected object was read to its end, and nothing else came.
  [[nodiscard]] bool all() const { return complaint_.empty() && failures_.empty() && whole_ == expected_.count(); }

 private:
  struct progress {
    std::uint64_t bytes = 0;
    bool ended = false;
    bool other = false;  // some of the bytes so far are other ones
  };

  /// A key that was asked for, but is no object's, may only fail.
  void take_unknown(const page& got) {
    const std::string_view key = got.object().key;
    const auto [at, first] = unknown_.emplace(key);
    if (!first) return complain(key, "goes on after its last page");
    follow(key, expected_.count() + unknown_names_.size());
    unknown_names_.push_back(*at);
    if (got.failure() == nullptr) return complain(key, "is no object of those expected");
    take_failure(got);
  }

  void take_failure(const page& got) {
    const std::string_view key = got.object().key;
    const error& failed = *got.failure();
    failures_.emplace(key, failed);
    if (!condition_of(failed)) complain(key, "failed with a code that has no name: " + std::string(failed.what()));
    if (failed.key() != key) complain(key, "failed with another key: " + std::string(failed.what()));
    if (failed.attempts() == 0) complain(key, "failed without an attempt: " + std::string(failed.what()));
  }

  void follow(std::string_view key, std::uint64_t number) {
    if (!sequence_.empty() && sequence_.back() == number) return;
    if (order_ == page_order::by_key && !sequence_.empty() && number < expected_.count()) {
      const std::uint64_t before = sequence_.back();
      if (before < expected_.count() && (number < before || !objects_[before].ended))
        complain(key, "comes out of order, after a page of " + expected_.key(before));
    }
    sequence_.push_back(number);
  }

  [[nodiscard]] std::string key_of(std::uint64_t number) const {
    return number < expected_.count() ? expected_.key(number) : unknown_names_[number - expected_.count()];
  }
  void complain(std::string_view key, const std::string& what) {
    if (complaint_.empty()) complaint_ = std::string(key) + ' ' + what;
  }

  const expected_objects& expected_;
  page_order order_;
  std::vector<progress> objects_;
  std::map<std::string, error, std::less<>> failures_;
  std::vector<std::uint64_t> sequence_;  // unknown keys are numbered on from the last object
  std::set<std::string, std::less<>> unknown_;
  std::vector<std::string> unknown_names_;
  std::string complaint_;
  bool judges_failures_ = true;
  std::uint64_t bytes_ = 0;
  std::uint64_t pages_ = 0;
  std::uint64_t whole_ = 0;
};

/// Reads a stream to its end.
[[nodiscard]] inline task<> read_all(page_stream& pages, page_checker& into) {
  for (;;) {
    const std::optional<page> got = co_await pages.next();
    if (!got) break;
    into.take(*got);
  }
}

}  // namespace s3pager::test
