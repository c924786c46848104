// One ring of provided buffers over a slot_pool, and grants: the counts without which no receive is armed.
// Knows the io_uring it is registered with, no socket and no coroutine.
#pragma once

#include <liburing.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "s3pager/base/counted.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/base/intrusive_list.hpp"
#include "s3pager/base/recycled.hpp"
#include "s3pager/ring/slot_pool.hpp"

namespace s3pager::ring {

class buffer_pool;

/// The right to receive into a number of slots. Move-only; what is not used returns when it is destroyed. One thread's.
class grant {
 public:
  grant() noexcept = default;
  inline grant(ref<buffer_pool> pool, std::uint32_t slots) noexcept;
  grant(grant&& other) noexcept;
  grant& operator=(grant&& other) noexcept;
  ~grant() { reset(); }

  [[nodiscard]] std::uint32_t slots() const noexcept { return slots_; }
  [[nodiscard]] explicit operator bool() const noexcept { return slots_ > 0; }
  /// That can be received under it.
  [[nodiscard]] inline std::size_t bytes() const noexcept;
  [[nodiscard]] const ref<buffer_pool>& pool() const noexcept { return pool_; }
  inline void reset() noexcept;
  /// Takes up to `slots` of this grant's slots out of it.
  [[nodiscard]] inline grant split(std::uint32_t slots) noexcept;
  /// Takes the slots of `other` of the same pool into this one.
  inline void merge(grant other) noexcept;

 private:
  friend class buffer_pool;
  ref<buffer_pool> pool_;
  std::uint32_t slots_ = 0;
};

/// Free slots that are given to one receive beforehand, where the kernel fills only one of those that it picks itself. Counted, as the
/// operation keeps it: the kernel reads its message header. Slots that nothing was received into go back when it is destroyed.
class taken_slots final : public counted, public recycled<taken_slots, 256> {
 public:
  static constexpr std::uint32_t most = 16;

  inline taken_slots(ref<buffer_pool> pool, std::uint32_t slots) noexcept;
  inline ~taken_slots() override;

  [[nodiscard]] msghdr& message() noexcept { return message_; }
  [[nodiscard]] std::uint32_t slots() const noexcept { return count_; }
  /// No more than `bytes`, at least 1, are to be received into them.
  inline void limit(std::size_t bytes) noexcept;

 private:
  friend class buffer_pool;
  ref<buffer_pool> pool_;
  std::uint32_t count_ = 0;
  std::uint32_t used_ = 0;  // of these, from the first on, what came lies in
  std::array<std::uint32_t, most> slots_;
  std::array<iovec, most> parts_;
  msghdr message_{};
};

struct buffer_pool_options {
  std::size_t window_bytes = 64 << 20;  ///< all memory that received bytes may lie in; rounded down to whole slots
  std::size_t slot_bytes = 64 << 10;    ///< a power of two, 4 KiB to 1 MiB
  std::size_t lead_bytes = 0;           ///< left free before what is received into a slot; at most half of it
  std::size_t ring_bytes = 8 << 20;     ///< how much of it the kernel may pick from at a time, at most
  std::size_t hot_bytes = 0;            ///< how much of what comes is to find room there, as slots were filled lately; 0: all
};

/// The receive memory of one client on one reactor. Counted: operations in the kernel's hands keep it. All of it is the
/// reactor's thread's; the slots themselves may be dropped anywhere. The reactor makes it (`reactor::make_buffer_pool`).
class buffer_pool final : public counted, public list_node, private slot_pool::room_listener {
 public:
  buffer_pool(io_uring& ring, std::uint16_t group, const buffer_pool_options& options, ref<waker> wake)
      : ring_(&ring), hot_bytes_(options.hot_bytes), group_(group) {
    if (!std::has_single_bit(options.slot_bytes) || options.slot_bytes < 4096 || options.slot_bytes > (1U << 20))
      throw error(errc::invalid_argument, "slot_bytes is " + std::to_string(options.slot_bytes) +
                                              ", a power of two from 4096 to 1048576 is needed");
    if (options.lead_bytes > options.slot_bytes / 2)
      throw error(errc::invalid_argument, "slot_bytes is " + std::to_string(options.slot_bytes) + ", " +
                                              std::to_string(2 * options.lead_bytes) + " or more is needed with https");
    const std::size_t slots = options.window_bytes / options.slot_bytes;
    if (slots < least_slots || slots > most_slots)
      throw error(errc::invalid_argument, "window_bytes is " + std::to_string(options.window_bytes) + ", " +
                                              std::to_string(least_slots * options.slot_bytes) + " to " +
                                              std::to_string(most_slots * options.slot_bytes) +
                                              " are needed with slots of " + std::to_string(options.slot_bytes));
    slots_ = make_ref<slot_pool>(options.slot_bytes, static_cast<std::uint32_t>(slots), std::move(wake),
                                options.lead_bytes);
    slots_->set_listener(this);
    fill_ = slots_->receive_bytes();
    const std::size_t wanted = std::max<std::size_t>(options.ring_bytes / options.slot_bytes, 1);
    entries_ = static_cast<std::uint32_t>(std::bit_floor(std::clamp<std::size_t>(wanted, 1, 32768)));
    order_.resize(std::size_t{entries_} * 4);
    position_.resize(slots);
    map_ring();
  }
  ~buffer_pool() override {
    unregister();
    ::munmap(buffers_, entries_ * sizeof(io_uring_buf));
  }

  /// The reactor ends, with no operation in flight: the kernel lets go of the ring, the memory stays.
  void unregister() noexcept {
    if (io_uring* ring = std::exchange(ring_, nullptr)) ::io_uring_unregister_buf_ring(ring, group_);
    // From here on the thread that owned the slots may end, and its mark be another thread's.
    slots_->detach();
  }

  static constexpr std::size_t least_slots = 4;
  static constexpr std::size_t most_slots = 65536;  // a buffer id has 16 bits

  [[nodiscard]] const ref<slot_pool>& memory() const noexcept { return slots_; }
  [[nodiscard]] std::uint16_t group() const noexcept { return group_; }
  [[nodiscard]] std::size_t slot_bytes() const noexcept { return slots_->slot_bytes(); }
  /// Of each slot, behind its lead.
  [[nodiscard]] std::size_t receive_bytes() const noexcept { return slots_->receive_bytes(); }
  [[nodiscard]] std::size_t lead_bytes() const noexcept { return slots_->lead_bytes(); }
  [[nodiscard]] std::uint32_t capacity() const noexcept { return slots_->slots(); }
  /// Slots under grants, whether the kernel fills them now or not.
  [[nodiscard]] std::uint32_t granted() const noexcept { return granted_; }
  [[nodiscard]] std::uint32_t held() const noexcept { return slots_->held(); }
  [[nodiscard]] std::uint32_t handed_on() const noexcept { return slots_->handed_on(); }
  [[nodiscard]] std::uint32_t available() const noexcept {
    const std::uint32_t used = granted_ + held();
    return used < capacity() ? capacity() - used : 0;
  }

  /// Up to `want` slots, at once; an empty grant if there are none.
  [[nodiscard]] grant try_grant(std::uint32_t want) noexcept {
    const std::uint32_t slots = std::min(want, available());
    if (slots == 0) return {};
    granted_ += slots;
    return grant(ref<buffer_pool>(this), slots);
  }

  /// Slots that were received into for nothing become a grant again, which nobody is given before: of one that is the caller's alone.
  [[nodiscard]] grant regrant(slot_span received) noexcept {
    const std::uint32_t slots = received.slots();
    granted_ += slots;
    grant made(ref<buffer_pool>(this), slots);
    received.reset();
    return made;
  }

  /// Told when slots have come back, from grants or from pages. May link coroutines, not resume them.
  class listener : public list_node {
   public:
    virtual void room() noexcept = 0;

   protected:
    ~listener() = default;
  };
  void add_listener(listener& who) noexcept { listeners_.push_back(who); }

  /// Fills the kernel's ring from the hottest free slots, neighbours in order so that they can be handed on as one.
  void refill() noexcept {
    const std::uint32_t wanted = wanted_in_ring();
    if (wanted <= in_ring_) return;
    const std::uint32_t room = std::min(wanted - in_ring_, slots_->free_slots());
    if (room == 0) return;
    batch_.clear();
    for (std::uint32_t i = 0; i < room; ++i) batch_.push_back(slots_->take_free());
    std::sort(batch_.begin(), batch_.end());
    const auto mask = static_cast<int>(entries_ - 1);
    int offset = 0;
    for (const std::uint32_t slot : batch_) {
      ::io_uring_buf_ring_add(buffers_, slots_->address(slot) + lead_bytes(), static_cast<unsigned>(receive_bytes()),
                              static_cast<std::uint16_t>(slot), mask, offset++);
      position_[slot] = tail_;
      order_[tail_++ % order_.size()] = slot;
    }
    ::io_uring_buf_ring_advance(buffers_, offset);
    in_ring_ += room;
  }
  [[nodiscard]] bool ring_empty() const noexcept { return in_ring_ == 0; }

  /// Up to `want` free slots, beside those in the kernel's ring, for a receive under a grant of as many; null if there are less than two.
  [[nodiscard]] ref<taken_slots> take(std::uint32_t want) {
    const std::uint32_t slots = std::min({want, slots_->free_slots(), taken_slots::most});
    if (slots < 2) return {};
    return make_ref<taken_slots>(ref<buffer_pool>(this), slots);
  }
  /// Settles a receive that brought `size` bytes, at least 1, into slots that were taken.
  [[nodiscard]] received settle(taken_slots& into, std::size_t size, grant used) noexcept {
    into.used_ = static_cast<std::uint32_t>((size + receive_bytes() - 1) / receive_bytes());
    assert(into.used_ <= into.count_);
    for (std::uint32_t i = 0; i < into.used_; ++i) {
      slots_->hold(into.slots_[i]);
      if (i > 0) slots_->next(into.slots_[i - 1]) = into.slots_[i];
    }
    used.reset();
    return received(slots_, into.slots_[0], into.used_, size);
  }

  /// Settles a receive that brought `size` bytes from buffer `first` on: the slots it filled are held, the rest of its grant
  /// returns. `size` of zero with a buffer: the kernel took one and filled nothing. The caller holds a reference to the pool.
  [[nodiscard]] received settle(std::uint16_t first, std::size_t size, grant used) noexcept {
    const std::size_t count = std::max<std::size_t>((size + receive_bytes() - 1) / receive_bytes(), 1);
    std::uint32_t at = position_[first];
    assert(count <= in_ring_ && order_[at % order_.size()] == first);
    std::uint32_t previous = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint32_t slot = order_[at++ % order_.size()];
      slots_->hold(slot);
      if (i > 0) slots_->next(previous) = slot;
      previous = slot;
    }
    in_ring_ -= static_cast<std::uint32_t>(count);
    fill_ = fill_ - fill_ / 8 + size / count / 8;
    used.reset();
    return received(slots_, first, static_cast<std::uint32_t>(count), size);
  }

 private:
  friend class grant;

  void map_ring() {
    void* memory = ::mmap(nullptr, entries_ * sizeof(io_uring_buf), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                          -1, 0);
    if (memory == MAP_FAILED) throw error(errno_code(errno), "mapping the ring of provided buffers");
    buffers_ = static_cast<io_uring_buf_ring*>(memory);
    ::io_uring_buf_ring_init(buffers_);
    io_uring_buf_reg registration{};
    registration.ring_addr = reinterpret_cast<std::uintptr_t>(memory);
    registration.ring_entries = entries_;
    registration.bgid = group_;
    if (const int result = ::io_uring_register_buf_ring(ring_, &registration, 0); result < 0) {
      ::munmap(memory, entries_ * sizeof(io_uring_buf));
      slots_->detach();
      throw error(errno_code(result), "registering the ring of provided buffers (Linux 5.19 or later is needed)");
    }
  }

  /// The kernel picks what has been in the ring longest: what is to be found in a cache has to come round soon.
  [[nodiscard]] std::uint32_t wanted_in_ring() const noexcept {
    if (hot_bytes_ == 0) return entries_;
    return static_cast<std::uint32_t>(std::clamp<std::size_t>(hot_bytes_ / std::max<std::size_t>(fill_, 1), 1, entries_));
  }

  void give_back(std::uint32_t slots) noexcept {
    granted_ -= slots;
    room();
  }

  void room() noexcept override {
    // A listener may unlink itself; nobody links one from here.
    for (auto at = listeners_.begin(); at != listeners_.end();) {
      listener& who = *at;
      ++at;
      who.room();
    }
  }

  io_uring* ring_;  // null once the reactor is gone
  ref<slot_pool> slots_;
  io_uring_buf_ring* buffers_ = nullptr;
  std::vector<std::uint32_t> order_;     // the slots in the kernel's ring in its order, by position; longer than the
                                         // ring, as completions need not come in the order of their buffers
  std::vector<std::uint32_t> position_;  // by slot
  std::vector<std::uint32_t> batch_;
  intrusive_list<listener> listeners_;
  std::uint32_t entries_ = 0;
  std::uint32_t tail_ = 0;
  std::uint32_t in_ring_ = 0;
  std::size_t hot_bytes_;
  std::size_t fill_ = 0;  // of a slot, on average of the last receives
  std::uint32_t granted_ = 0;
  std::uint16_t group_;
};

inline taken_slots::taken_slots(ref<buffer_pool> pool, std::uint32_t slots) noexcept : pool_(std::move(pool)), count_(slots) {
  for (std::uint32_t i = 0; i < slots; ++i) slots_[i] = pool_->memory()->take_free();
  // Neighbours in order, so that they can be handed on as one.
  std::sort(slots_.begin(), slots_.begin() + slots);
  for (std::uint32_t i = 0; i < slots; ++i)
    parts_[i] = {pool_->memory()->address(slots_[i]) + pool_->lead_bytes(), pool_->receive_bytes()};
  message_.msg_iov = parts_.data();
  message_.msg_iovlen = slots;
}
inline taken_slots::~taken_slots() {
  while (count_ > used_) pool_->memory()->put_free(slots_[--count_]);
}
inline void taken_slots::limit(std::size_t bytes) noexcept {
  std::size_t parts = 0;
  for (; parts < count_ && bytes > 0; ++parts) {
    parts_[parts].iov_len = std::min(parts_[parts].iov_len, bytes);
    bytes -= parts_[parts].iov_len;
  }
  message_.msg_iovlen = parts;
}

inline grant::grant(ref<buffer_pool> pool, std::uint32_t slots) noexcept : pool_(std::move(pool)), slots_(slots) {}
inline grant::grant(grant&& other) noexcept : pool_(std::move(other.pool_)), slots_(std::exchange(other.slots_, 0)) {}
inline grant& grant::operator=(grant&& other) noexcept {
  if (this != &other) {
    reset();
    pool_ = std::move(other.pool_);
    slots_ = std::exchange(other.slots_, 0);
  }
  return *this;
}
inline std::size_t grant::bytes() const noexcept { return slots_ == 0 ? 0 : slots_ * pool_->receive_bytes(); }
inline void grant::reset() noexcept {
  if (const std::uint32_t slots = std::exchange(slots_, 0); slots > 0) {
    const ref<buffer_pool> pool = std::move(pool_);
    pool->give_back(slots);
  }
}
inline grant grant::split(std::uint32_t slots) noexcept {
  slots = std::min(slots, slots_);
  if (slots == 0) return {};
  slots_ -= slots;
  return grant(pool_, slots);
}
inline void grant::merge(grant other) noexcept {
  if (other.slots_ == 0) return;
  if (slots_ == 0) pool_ = other.pool_;
  assert(pool_ == other.pool_);
  slots_ += std::exchange(other.slots_, 0);
}

}  // namespace s3pager::ring
