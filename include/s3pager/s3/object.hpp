// An object as a list or a caller names it. Knows nothing of requests.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "s3pager/base/clock.hpp"
#include "s3pager/base/counted.hpp"
#include "s3pager/s3/verification.hpp"
#include "s3pager/xml/listed.hpp"

namespace s3pager {

/// An object of a bucket. The views live as long as the object or a copy of it: they share the memory of the objects that came on
/// the same page of a list (or of the key given), so copies are cheap, and one that is kept keeps the keys and ETags of a page: a
/// million that are kept take 80 bytes each, their keys and their ETags. Copies may go to any thread.
class object {
 public:
  std::string_view key = {};            ///< opaque bytes
  std::string_view etag = {};           ///< with its quotes; empty: not known
  std::optional<std::uint64_t> size = {};       ///< bytes; none: not known before the first answer
  std::optional<wall_time> last_modified = {};

  object() = default;
  explicit object(const xml::listed& from) noexcept
      : key(from.key), etag(from.etag), size(from.size), last_modified(from.last_modified), memory_(from.memory()) {}

  /// An object of which only the key is known; the bytes are copied.
  [[nodiscard]] static object of_key(std::string_view name) {
    object made;
    auto text = make_ref<owned_text>(std::string(name));
    made.key = text->text;
    made.memory_ = std::move(text);
    return made;
  }
  /// Empty: not known, or STANDARD.
  [[nodiscard]] std::string_view storage_class() const noexcept {
    return memory_ ? memory_->traits().storage_class : std::string_view();
  }
  /// When the restored copy of an archived object goes; none: there is none, or it was not asked for (list_options::restore_status).
  [[nodiscard]] std::optional<wall_time> restore_expiry() const noexcept {
    return memory_ ? memory_->traits().restore_expiry : std::nullopt;
  }
  [[nodiscard]] bool restore_in_progress() const noexcept { return memory_ && memory_->traits().restore_in_progress; }
  /// Whether a list shows the object in an archive, with no restored copy that could be read at `now`. False says little:
  /// archive tiers of INTELLIGENT_TIERING are not shown, nor is anything of an object of which only the key is known.
  [[nodiscard]] bool needs_restore(wall_time now) const noexcept {
    const std::string_view in = storage_class();
    if (in != "GLACIER" && in != "DEEP_ARCHIVE") return false;
    const std::optional<wall_time> until = restore_expiry();
    return restore_in_progress() || !until || *until <= now;
  }
  /// With fetch_owner only.
  [[nodiscard]] std::string_view owner_id() const noexcept {
    return memory_ ? memory_->traits().owner_id : std::string_view();
  }
  /// Whether its bytes were held against a checksum of the service's: known with its last page, for all pages of it and copies that
  /// are made from then on. Any thread.
  [[nodiscard]] s3pager::verification verification() const noexcept { return verification_.load(); }
  void verified(s3pager::verification what) noexcept { verification_.store(what); }

  /// The same object with an ETag and a size that an answer gave.
  [[nodiscard]] object with_answer(std::string_view answered_etag, std::uint64_t answered_size) const {
    object made = *this;
    auto text = make_ref<owned_text>(std::string(key), std::string(answered_etag));
    made.key = text->text;
    made.etag = text->more;
    made.size = answered_size;
    made.memory_ = std::move(text);
    return made;
  }

 private:
  struct owned_text final : xml::listed_memory {
    explicit owned_text(std::string first, std::string second = {})
        : text(std::move(first)), more(std::move(second)) {}
    std::string text;
    std::string more;
  };

  ref<xml::listed_memory> memory_;
  detail::relaxed<s3pager::verification> verification_{s3pager::verification::pending};
};
static_assert(sizeof(object) <= 80);

}  // namespace s3pager
