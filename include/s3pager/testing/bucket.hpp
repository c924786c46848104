// What an origin serves from: objects in the order of their keys, opened one by one. Knows neither HTTP nor XML.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "s3pager/base/clock.hpp"
#include "s3pager/base/counted.hpp"
#include "s3pager/coro/task.hpp"
#include "s3pager/ring/reactor.hpp"

namespace s3pager::testing {

struct object_info {
  std::string key = {};
  std::uint64_t size = 0;
  std::string etag = {};  ///< without quotes
  wall_time last_modified{};
  std::string storage_class = "STANDARD";
  std::optional<wall_time> restore_expiry = {};  ///< of an archived object's restored copy
  bool restore_in_progress = false;
  std::string customer_key = {};  ///< that it was stored under, 32 bytes; empty: none

  /// Whether its bytes can't be had at `now`.
  [[nodiscard]] bool archived(wall_time now) const noexcept {
    if (storage_class != "GLACIER" && storage_class != "DEEP_ARCHIVE") return false;
    return restore_in_progress || !restore_expiry || *restore_expiry <= now;
  }
};

/// Bytes of a body, which `keep` keeps alive (null: they live as long as the program).
struct body_piece {
  std::span<const std::byte> bytes = {};
  ref<counted> keep = {};
};

/// An object opened for reading: what is read is of the state it had then. On the thread of the reactor it was opened for.
class object_body : public counted {
 public:
  /// Up to `most` bytes from `offset` on, at least one; none if they can't be read any more. Good until the next read.
  [[nodiscard]] virtual task<body_piece> read(std::uint64_t offset, std::size_t most) = 0;
};

/// No body: there is no such object.
struct opened_object {
  object_info info = {};
  ref<object_body> body = {};
};

/// Objects by key. Keys are bytes, in the order of their unsigned values.
class bucket {
 public:
  class visitor {
   public:
    /// False: no more.
    virtual bool visit(const object_info& object) = 0;

   protected:
    ~visitor() = default;
  };

  bucket() = default;
  bucket(const bucket&) = delete;
  bucket& operator=(const bucket&) = delete;
  virtual ~bucket() = default;

  /// Shows the objects from the first key that is not less than `from` on, until `who` has enough.
  virtual void scan(std::string_view from, visitor& who) const = 0;
  [[nodiscard]] virtual opened_object open(ring::reactor& loop, std::string_view key) const = 0;
};

/// How many objects a bucket holds and how many bytes.
struct bucket_totals {
  std::uint64_t objects = 0;
  std::uint64_t bytes = 0;
};

[[nodiscard]] inline bucket_totals total(const bucket& what) {
  struct counter final : bucket::visitor {
    bool visit(const object_info& object) override {
      ++totals.objects;
      totals.bytes += object.size;
      return true;
    }
    bucket_totals totals;
  } all;
  what.scan({}, all);
  return all.totals;
}

}  // namespace s3pager::testing
