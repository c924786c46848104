// A bucket of any number of objects of any size, whose keys and contents are computed. Stores nothing an object.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "s3pager/base/bytes.hpp"
#include "s3pager/base/clock.hpp"
#include "s3pager/testing/bucket.hpp"
#include "s3pager/testing/pattern.hpp"

namespace s3pager::testing {

struct synthetic_options {
  std::uint64_t count = 1000;   ///< objects, numbered from 0
  std::uint64_t seed = 1;       ///< of contents and ETags
  std::string prefix = {};      ///< of every key
  std::size_t digits = 8;       ///< of the number in a key, at least; leading zeros make numbers and keys agree in order
  std::uint64_t per_folder = 0; ///< not 0: the number is behind a folder's, `00000003/00000042`, this many in each

  // The size of an object: that of `size_of`, if it is set; else the next one of `sizes`, over and over; else `size`.
  std::uint64_t size = 4096;
  std::vector<std::uint64_t> sizes = {};
  std::function<std::uint64_t(std::uint64_t index)> size_of = {};

  wall_time last_modified{std::chrono::seconds{1'767'225'600}};  ///< of all; 2026-01-01
};

/// Use from any threads.
class synthetic_bucket final : public bucket {
 public:
  explicit synthetic_bucket(synthetic_options options) : options_(std::move(options)) {
    const std::size_t needed = std::to_string(options_.count == 0 ? 0 : options_.count - 1).size();
    options_.digits = std::max(options_.digits, needed);
  }

  [[nodiscard]] std::uint64_t count() const noexcept { return options_.count; }
  [[nodiscard]] std::uint64_t seed() const noexcept { return options_.seed; }

  [[nodiscard]] std::string key(std::uint64_t index) const {
    std::string made = options_.prefix;
    if (options_.per_folder != 0) {
      append_number(made, index / options_.per_folder);
      made += '/';
    }
    append_number(made, index);
    return made;
  }

  [[nodiscard]] std::uint64_t size(std::uint64_t index) const {
    if (options_.size_of) return options_.size_of(index);
    return options_.sizes.empty() ? options_.size : options_.sizes[index % options_.sizes.size()];
  }

  [[nodiscard]] std::string etag(std::uint64_t index) const {
    const std::uint64_t high = detail::mix(detail::mix(options_.seed) + index);
    const std::uint64_t low = detail::mix(high ^ size(index));
    unsigned char bytes[16];
    for (std::size_t i = 0; i < sizeof bytes; ++i)
      bytes[i] = static_cast<unsigned char>((i < 8 ? high : low) >> (i % 8 * 8));
    std::string hex(2 * sizeof bytes, '0');
    write_hex(bytes, hex.data());
    return hex;
  }

  /// The number of the object of this key; nothing if there is none.
  [[nodiscard]] std::optional<std::uint64_t> index_of(std::string_view name) const {
    if (name.size() < options_.prefix.size() + options_.digits) return std::nullopt;
    const std::string_view number = name.substr(name.size() - options_.digits);
    std::uint64_t index = 0;
    const char* const end = number.data() + number.size();
    const auto [stop, code] = std::from_chars(number.data(), end, index);
    if (code != std::errc{} || stop != end || index >= options_.count || key(index) != name) return std::nullopt;
    return index;
  }

  void scan(std::string_view from, visitor& who) const override {
    std::uint64_t first = 0;
    for (std::uint64_t last = options_.count; first < last;) {
      const std::uint64_t middle = first + (last - first) / 2;
      if (key(middle) < from) first = middle + 1;
      else last = middle;
    }
    for (; first < options_.count; ++first)
      if (!who.visit(info(first))) return;
  }

  [[nodiscard]] opened_object open(ring::reactor&, std::string_view name) const override {
    const auto index = index_of(name);
    if (!index) return {};
    return {info(*index), make_ref<computed_body>(options_.seed, *index)};
  }

 private:
  class computed_body final : public object_body {
   public:
    computed_body(std::uint64_t seed, std::uint64_t index) noexcept : seed_(seed), index_(index) {}
    task<body_piece> read(std::uint64_t offset, std::size_t most) override {
      co_return body_piece{synthetic_span(seed_, index_, offset, most), {}};
    }

   private:
    std::uint64_t seed_;
    std::uint64_t index_;
  };

  [[nodiscard]] object_info info(std::uint64_t index) const {
    return {key(index), size(index), etag(index), options_.last_modified};
  }
  void append_number(std::string& out, std::uint64_t number) const {
    char digits[20];
    const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
    const auto length = static_cast<std::size_t>(end - digits);
    out.append(options_.digits - std::min(options_.digits, length), '0').append(digits, length);
  }

  synthetic_options options_;
};

}  // namespace s3pager::testing
