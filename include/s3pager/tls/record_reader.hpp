// From the bytes of a TLS 1.3 connection to its records' content: cut, opened where they lie, joined where they were cut. Knows no
// SSL: what is not the application's is made ready for it.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <new>
#include <span>
#include <utility>

#include "s3pager/tls/record_keys.hpp"

namespace s3pager::tls {

enum class record_kind : std::uint8_t {
  none,        ///< all input is consumed, and there is no whole record
  data,        ///< the application's: written to the room, as far as it went
  other,       ///< anything else that its tag holds of: to be handed on as resealed()
  bad_header,  ///< no record of this protocol: refused_header()
  bad_tag,     ///< changed on its way, repeated, or not in its place
  no_memory,
};

struct record_step {
  record_kind kind = record_kind::none;
  std::size_t consumed = 0;  ///< of the input
  std::size_t produced = 0;  ///< of the room
};

/// Takes one record at a time. Holds one that was cut, or whose content had no room: 17 KiB, allocated when that first happens.
///
/// Another reader, which has seen none of the records of data, may judge all others: what is resealed for it bears the number that is
/// its next. Such a record is under a nonce that the server has used, so it must never leave the process.
class record_reader {
 public:
  /// What comes from now on is under the keys of `secret`, beginning with number 0, in both counts. False if OpenSSL has no memory, or
  /// not this cipher; nothing may be read then.
  [[nodiscard]] bool start(const record_suite& suite, std::span<const unsigned char> secret) noexcept {
    sequence_ = resealed_ = 0;
    return keys_.set(suite, secret);
  }
  [[nodiscard]] bool started() const noexcept { return static_cast<bool>(keys_); }
  /// Content that had no room.
  [[nodiscard]] bool waiting() const noexcept { return waiting_begin_ < waiting_end_; }

  /// `room` lies elsewhere than `input`, or begins before it and ends with it. Then they share memory: what is consumed is overwritten,
  /// and a record is opened where it lies. Beyond what it `produced` the room may have been written to.
  [[nodiscard]] record_step next(std::span<const std::byte> input, std::span<std::byte> room) noexcept {
    if (waiting()) return {.kind = record_kind::data, .produced = take_waiting(room)};
    if (held_bytes_ == 0 && input.size() >= record_header_bytes) {
      if (!is_record(input.data())) return refuse(input.data(), record_header_bytes);
      const std::size_t size = size_of(input.data());
      if (size <= input.size()) return open_in(input.first(size), room);
    }
    return gather(input, room);
  }

  /// The record that was called other, until the next call of anything. Empty if OpenSSL failed.
  [[nodiscard]] std::span<const std::byte> resealed() noexcept {
    const std::span<std::byte> record(held_.get(), size_of(held_.get()));
    if (!keys_.seal(resealed_++, record.data(), record.subspan(record_header_bytes))) return {};
    return record;
  }

  static constexpr std::size_t token_bytes = record_header_bytes + 2 + record_tag_bytes;
  /// A record of one byte of data, for who is to know that there was some.
  [[nodiscard]] std::array<std::byte, token_bytes> data_token() noexcept {
    std::array<std::byte, token_bytes> record{};
    write_header(record.data(), token_bytes - record_header_bytes);
    record[record_header_bytes + 1] = application_data;
    // Of one that could not be sealed, the tag won't hold.
    static_cast<void>(keys_.seal(resealed_++, record.data(), std::span(record).subspan(record_header_bytes)));
    return record;
  }

  /// A record whose tag does not hold, whatever the keys are. The broken one itself won't do: another one's copy would be good for who
  /// counts otherwise.
  [[nodiscard]] static std::array<std::byte, token_bytes> broken_token() noexcept {
    std::array<std::byte, token_bytes> record{};
    write_header(record.data(), token_bytes - record_header_bytes);
    return record;
  }

  [[nodiscard]] std::span<const std::byte> refused_header() const noexcept { return refused_; }

 private:
  static constexpr std::byte application_data{23};

  [[nodiscard]] static std::size_t size_of(const std::byte* header) noexcept {
    return record_header_bytes + (std::to_integer<std::size_t>(header[3]) << 8) + std::to_integer<std::size_t>(header[4]);
  }
  /// All of them look like those of TLS 1.2's data (RFC 8446 5.2).
  [[nodiscard]] static bool is_record(const std::byte* header) noexcept {
    return header[0] == application_data && header[1] == std::byte{3} && header[2] == std::byte{3} &&
           size_of(header) <= record_header_bytes + max_record_body;
  }
  static void write_header(std::byte* header, std::size_t body) noexcept {
    header[0] = application_data;
    header[1] = header[2] = std::byte{3};
    header[3] = static_cast<std::byte>(body >> 8);
    header[4] = static_cast<std::byte>(body & 0xff);
  }

  [[nodiscard]] record_step refuse(const std::byte* header, std::size_t consumed) noexcept {
    std::memcpy(refused_.data(), header, refused_.size());
    return {.kind = record_kind::bad_header, .consumed = consumed};
  }

  [[nodiscard]] std::size_t take_waiting(std::span<std::byte> room) noexcept {
    const std::size_t size = std::min(room.size(), waiting_end_ - waiting_begin_);
    if (size != 0) std::memcpy(room.data(), held_.get() + waiting_begin_, size);
    waiting_begin_ += size;
    return size;
  }

  [[nodiscard]] bool have_memory() noexcept {
    if (!held_) held_.reset(new (std::nothrow) std::byte[record_header_bytes + max_record_body]);
    return held_ != nullptr;
  }

  /// A record that begins or began in another input.
  [[nodiscard]] record_step gather(std::span<const std::byte> input, std::span<std::byte> room) noexcept {
    if (input.empty()) return {};
    if (!have_memory()) return {.kind = record_kind::no_memory};
    std::size_t taken = 0;
    const auto hold = [&](std::size_t up_to) {
      const std::size_t size = std::min(up_to - held_bytes_, input.size() - taken);
      std::memcpy(held_.get() + held_bytes_, input.data() + taken, size);
      held_bytes_ += size;
      taken += size;
      return held_bytes_ == up_to;
    };
    if (held_bytes_ < record_header_bytes) {
      if (!hold(record_header_bytes)) return {.consumed = taken};
      if (!is_record(held_.get())) return refuse(held_.get(), taken);
    }
    const std::size_t size = size_of(held_.get());
    const std::span<const std::byte> rest = input.subspan(taken, std::min(size - held_bytes_, input.size() - taken));
    if (held_bytes_ + rest.size() < size) {
      hold(size);
      return {.consumed = taken};
    }
    const bool shared = share(input, room);
    if (shared) room = room.first(bytes_between(room.data(), rest.data() + rest.size()));
    // What is held must not be written over the rest.
    if (inner_size(size) <= room.size() && (!shared || held_bytes_ <= bytes_between(room.data(), rest.data()))) {
      const std::size_t held = std::exchange(held_bytes_, 0);
      return opened(std::span(held_.get(), held), rest, room.data(), room, taken + rest.size());
    }
    hold(size);
    held_bytes_ = 0;
    return opened(std::span(held_.get(), size), {}, held_.get() + record_header_bytes, room, taken);
  }

  /// A record that lies whole in the input.
  [[nodiscard]] record_step open_in(std::span<const std::byte> record, std::span<std::byte> room) noexcept {
    if (share(record, room)) room = room.first(bytes_between(room.data(), record.data() + record.size()));
    std::byte* into = room.data();
    if (inner_size(record.size()) > room.size()) {
      if (!have_memory()) return {.kind = record_kind::no_memory};
      into = held_.get() + record_header_bytes;
    }
    return opened(record, {}, into, room, record.size());
  }

  [[nodiscard]] static std::size_t inner_size(std::size_t record) noexcept {
    return record - std::min(record, record_header_bytes + record_tag_bytes);
  }
  [[nodiscard]] static std::size_t bytes_between(const std::byte* begin, const std::byte* end) noexcept {
    return static_cast<std::size_t>(end - begin);
  }
  [[nodiscard]] static bool share(std::span<const std::byte> input, std::span<std::byte> room) noexcept {
    const std::less<const std::byte*> before;
    return !room.empty() && before(room.data(), input.data()) && before(input.data(), room.data() + room.size());
  }

  /// Opens a whole record, whose header lies in its first part, to `into`: the front of the room, or what is held.
  [[nodiscard]] record_step opened(std::span<const std::byte> record, std::span<const std::byte> rest, std::byte* into,
                                   std::span<std::byte> room, std::size_t consumed) noexcept {
    const std::size_t body = record.size() + rest.size() - record_header_bytes;
    // Kind and tag at least.
    if (body <= record_tag_bytes) return {.kind = record_kind::bad_tag, .consumed = consumed};
    const std::size_t inner = body - record_tag_bytes;
    if (!keys_.open(sequence_, record.data(), record.subspan(record_header_bytes), rest, into)) {
      std::memset(into, 0, inner);
      return {.kind = record_kind::bad_tag, .consumed = consumed};
    }
    ++sequence_;
    std::size_t size = inner - 1;
    while (size > 0 && into[size] == std::byte{0}) --size;
    std::byte* const own = held_ ? held_.get() + record_header_bytes : nullptr;
    if (into[size] != application_data || size == 0 || size > max_record_content) {
      if (!have_memory()) return {.kind = record_kind::no_memory};
      if (into != own) std::memcpy(held_.get() + record_header_bytes, into, inner);
      write_header(held_.get(), body);
      return {.kind = record_kind::other, .consumed = consumed};
    }
    if (into != own) return {.kind = record_kind::data, .consumed = consumed, .produced = size};
    waiting_begin_ = record_header_bytes;
    waiting_end_ = record_header_bytes + size;
    return {.kind = record_kind::data, .consumed = consumed, .produced = take_waiting(room)};
  }

  record_keys keys_;
  std::uint64_t sequence_ = 0;
  std::uint64_t resealed_ = 0;
  std::unique_ptr<std::byte[]> held_;
  std::size_t held_bytes_ = 0;  // of a record that was cut
  std::size_t waiting_begin_ = 0;
  std::size_t waiting_end_ = 0;
  std::array<std::byte, record_header_bytes> refused_{};
};

}  // namespace s3pager::tls
