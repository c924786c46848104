// Whether an object's bytes are what its service says of them: what a slice's bytes come to as they pass, and what all slices of an
// object come to. Knows neither requests nor pages.
//
// An answer of all of an object (200) says of what its checksum is. An answer of a range (206) does not: Amazon S3 gives the part's
// where the range is one part of a multipart object, and none else; others give the whole object's, or that of the parts' checksums without
// its `-N`. So what comes with a range counts only where it fits, or where nothing else can be meant.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html (part-level checksums);
// https://github.com/boto/botocore/issues/3346, https://github.com/ceph/ceph/pull/61901, https://github.com/versity/versitygw/issues/2056
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "s3pager/checksum/digest.hpp"
#include "s3pager/checksum/hasher.hpp"
#include "s3pager/s3/get_object.hpp"
#include "s3pager/s3/verification.hpp"

namespace s3pager::pager {

/// What bytes came to: a verification, or that they are not what was claimed.
struct verdict {
  verification what = verification::pending;
  bool corrupted = false;
};

/// A claim that does not hold, and what the bytes came to, in words.
[[nodiscard]] inline std::string mismatch(const checksum::claim& said, const checksum::digest& computed) {
  return std::string(checksum::header_name(said.algorithm)) + " of what was received is " + checksum::to_base64(computed) +
         ", the service's is " + checksum::to_base64(said.value);
}

/// One slice's bytes against what its first answer said. Answers that go on where a body broke off say nothing new: they are of the same
/// version.
class slice_check {
 public:
  /// Of the first answer. `complete`: it is an answer of all of the object, and all of it is taken.
  void begin(const s3::checksum_claims& said, bool complete, int http_status, std::string_view etag) {
    reset();
    composite_ = said.composite;
    complete_ = complete;
    full_object_ = said.full_object;
    // Of a plain answer it is the object's, and so of a range that is all of an object which never had parts (whose ETag has
    // their number): nothing else could be meant.
    const bool one_part = !etag.empty() && etag.find('-') == std::string_view::npos;
    certain_ = complete && (http_status == 200 || said.full_object || one_part);
    claim_ = said.claim;
    if (claim_) hasher_.begin(claim_->algorithm);
  }
  void update(std::span<const std::byte> bytes) noexcept {
    if (claim_) hasher_.update(bytes);
  }
  /// All bytes have come.
  void finish() noexcept {
    if (hasher_.active()) computed_ = hasher_.finish();
  }
  void reset() noexcept {
    hasher_.reset();
    claim_.reset();
    computed_ = {};
    composite_ = complete_ = full_object_ = certain_ = false;
  }

  [[nodiscard]] const std::optional<checksum::claim>& claim() const noexcept { return claim_; }
  [[nodiscard]] const checksum::digest& computed() const noexcept { return computed_; }
  [[nodiscard]] bool composite() const noexcept { return composite_; }
  [[nodiscard]] bool complete() const noexcept { return complete_; }
  [[nodiscard]] bool full_object() const noexcept { return full_object_; }
  [[nodiscard]] bool holds() const noexcept { return claim_ && computed_ == claim_->value; }

  /// Of a claim that does not hold, what both are. After finish().
  [[nodiscard]] std::string mismatch() const { return pager::mismatch(*claim_, computed_); }
  /// Of an object that is one slice. After finish().
  [[nodiscard]] verdict conclude() const noexcept {
    if (holds()) return {verified_by(claim_->algorithm)};
    if (claim_) return {verification::ambiguous, certain_};
    return {composite_ ? verification::composite : verification::none_given};
  }

 private:
  checksum::hasher hasher_;
  std::optional<checksum::claim> claim_;
  checksum::digest computed_;
  bool composite_ = false;
  bool complete_ = false;
  bool full_object_ = false;
  bool certain_ = false;
};

/// The slices of one object, told in the order of their offsets.
class object_check {
 public:
  void add(const slice_check& of, std::uint64_t bytes) noexcept {
    ++slices_;
    composite_ = composite_ || of.composite();
    const std::optional<checksum::claim>& claim = of.claim();
    if (!claim) return;
    ++claims_;
    if (of.holds()) ++holding_;
    if (claims_ == 1) {
      first_ = *claim;
      whole_ = of.computed();
      same_ = of.full_object();
      return;
    }
    same_ = same_ && *claim == first_ && of.full_object();
    if (same_ && checksum::combinable(first_.algorithm))
      whole_ = checksum::combine(first_.algorithm, whole_, of.computed(), bytes);
  }

  [[nodiscard]] verdict conclude() const noexcept {
    if (claims_ < slices_) {
      // Where some ranges' own were given and hold, one that does not is no misunderstanding.
      if (holding_ > 0 && holding_ < claims_) return {verification::sliced, true};
      return {claims_ == 0 && composite_ ? verification::composite : verification::sliced};
    }
    if (holding_ == slices_) return {verified_by(first_.algorithm)};
    if (holding_ > 0) return {verification::ambiguous, true};
    // The same of every range, and said to be the whole object's.
    if (slices_ > 1 && same_ && checksum::combinable(first_.algorithm)) {
      if (whole_ == first_.value) return {verified_by(first_.algorithm)};
      return {verification::ambiguous, true};
    }
    return {verification::ambiguous};
  }

  /// Of an object that is corrupted.
  [[nodiscard]] std::string mismatch() const {
    if (holding_ > 0) return "the checksums of some of its ranges hold, and those of others don't";
    return pager::mismatch(first_, whole_);
  }

  void reset() noexcept { *this = {}; }

 private:
  checksum::claim first_;
  checksum::digest whole_;  ///< of all slices so far, as long as their claims are the same
  std::uint32_t slices_ = 0;
  std::uint32_t claims_ = 0;
  std::uint32_t holding_ = 0;
  bool composite_ = false;
  bool same_ = false;
};

}  // namespace s3pager::pager
