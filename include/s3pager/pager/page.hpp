// What a consumer gets: received bytes of an object, or the failure of one. Knows no window and no stream.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "s3pager/base/bytes.hpp"
#include "s3pager/base/counted.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/base/recycled.hpp"
#include "s3pager/ring/slot_pool.hpp"
#include "s3pager/s3/object.hpp"

namespace s3pager {

namespace detail {

/// What all pages of an object share. Written before its first page is handed on (but for its verification), read by any thread
/// from then on.
class object_record final : public shared_counted, public recycled<object_record, 1024> {
 public:
  explicit object_record(object what) noexcept : what_(std::move(what)) {}
  [[nodiscard]] const object& what() const noexcept { return what_; }
  void learned(object what) noexcept { what_ = std::move(what); }
  [[nodiscard]] const error* failure() const noexcept { return failure_ ? &*failure_ : nullptr; }
  void failed(const error& why) { failure_.emplace(why); }
  void verified(verification what) noexcept { what_.verified(what); }

 private:
  object what_;
  std::optional<error> failure_;
};

}  // namespace detail

/// A page on the heap: bytes that are the caller's own.
struct owned_page {
  s3pager::object object = {};
  std::uint64_t offset = 0;
  std::vector<std::byte> bytes = {};
  bool last = false;
};

/// Some bytes of one object, in the memory that the kernel received them into; neighbours in the object come in order of offset.
/// Move-only. It may be moved to and destroyed on any thread, also after its stream, client and reactor are gone; until then its
/// slots count against the client's window. With failures reported as values, a page may be an object's failure instead: then it is
/// the last one of that object, and bytes() throws.
class page {
 public:
  page(ref<detail::object_record> record, ring::slot_span bytes, std::uint64_t offset, bool last) noexcept
      : record_(std::move(record)), bytes_(std::move(bytes)), offset_(offset), last_(last) {}
  [[nodiscard]] static page of_failure(ref<detail::object_record> record, std::uint64_t offset) noexcept {
    return page(std::move(record), {}, offset, true, true);
  }

  /// Lives as long as the page; copy it to keep it.
  [[nodiscard]] const s3pager::object& object() const noexcept { return record_->what(); }
  /// Where in the object the bytes begin; of a failure, how many bytes of the object came before it.
  [[nodiscard]] std::uint64_t offset() const noexcept { return offset_; }
  /// Live as long as the page. Throws the object's failure, if this is one.
  [[nodiscard]] std::span<const std::byte> bytes() const {
    if (failed_) throw error(*record_->failure());
    return bytes_.bytes();
  }
  /// The same bytes as characters.
  [[nodiscard]] std::string_view text() const { return as_chars(bytes()); }
  /// No page of this object follows. An empty object is one empty page with last().
  [[nodiscard]] bool last() const noexcept { return last_; }
  /// Why the object can't be read; null if this page is bytes.
  [[nodiscard]] const error* failure() const noexcept { return failed_ ? record_->failure() : nullptr; }

  /// The bytes as one's own, so that the slots can go back. Throws as bytes() does.
  [[nodiscard]] owned_page copy() const {
    const std::span<const std::byte> from = bytes();
    return {.object = object(), .offset = offset_, .bytes = {from.begin(), from.end()}, .last = last_};
  }

 private:
  page(ref<detail::object_record> record, ring::slot_span bytes, std::uint64_t offset, bool last, bool failed) noexcept
      : record_(std::move(record)), bytes_(std::move(bytes)), offset_(offset), last_(last), failed_(failed) {}

  ref<detail::object_record> record_;
  ring::slot_span bytes_;
  std::uint64_t offset_ = 0;
  bool last_ = false;
  bool failed_ = false;
};

}  // namespace s3pager
