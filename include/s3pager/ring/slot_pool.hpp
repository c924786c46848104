// The memory that received bytes lie in: slots of one size, counted references to them, and their return from any thread.
// The control block outside reactor and client: it lives until the last page is gone. Knows no ring and no socket.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "s3pager/base/counted.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/ring/waker.hpp"

namespace s3pager::ring {

/// A fixed number of slots in one mapping, of which only those are touched that were ever needed at once: slots are taken
/// last in, first out. References may be dropped on any thread; all else is the owning thread's.
class slot_pool final : public shared_counted {
 public:
  /// What is received into a slot lies `lead_bytes` behind its beginning.
  slot_pool(std::size_t slot_bytes, std::uint32_t slots, ref<waker> owner_waker, std::size_t lead_bytes = 0)
      : slot_bytes_(slot_bytes),
        lead_bytes_(lead_bytes),
        slots_(slots),
        memory_(map(slot_bytes * slots)),
        references_(std::make_unique<std::atomic<std::uint32_t>[]>(slots)),
        next_(std::make_unique<std::uint32_t[]>(slots)),
        handed_on_(slots),
        waker_(std::move(owner_waker)),
        owner_(thread_mark()) {
    free_.reserve(slots);
    for (std::uint32_t i = slots; i > 0; --i) free_.push_back(i - 1);
  }
  ~slot_pool() override { ::munmap(memory_, slot_bytes_ * slots_); }

  [[nodiscard]] std::size_t slot_bytes() const noexcept { return slot_bytes_; }
  [[nodiscard]] std::size_t lead_bytes() const noexcept { return lead_bytes_; }
  /// Of a slot, that are received into.
  [[nodiscard]] std::size_t receive_bytes() const noexcept { return slot_bytes_ - lead_bytes_; }
  [[nodiscard]] std::uint32_t slots() const noexcept { return slots_; }
  [[nodiscard]] std::byte* address(std::uint32_t slot) const noexcept { return memory_ + slot * slot_bytes_; }

  /// Slots with a reference, as far as this thread knows: what other threads dropped counts until it is collected.
  [[nodiscard]] std::uint32_t held() const noexcept { return held_; }
  /// Those of them that the caller has.
  [[nodiscard]] std::uint32_t handed_on() const noexcept { return handed_on_count_; }
  [[nodiscard]] std::uint32_t free_slots() const noexcept { return static_cast<std::uint32_t>(free_.size()); }

  /// The hottest free slot, taken for a buffer ring; there must be one.
  [[nodiscard]] std::uint32_t take_free() noexcept {
    const std::uint32_t slot = free_.back();
    free_.pop_back();
    return slot;
  }
  /// A slot that nothing refers to goes back on top of the free ones.
  void put_free(std::uint32_t slot) noexcept { free_.push_back(slot); }

  /// The first reference to a slot that holds received bytes.
  void hold(std::uint32_t slot) noexcept {
    ++held_;
    references_[slot].store(1, std::memory_order_relaxed);
  }
  void add_reference(std::uint32_t slot) noexcept { references_[slot].fetch_add(1, std::memory_order_relaxed); }
  [[nodiscard]] bool only_reference(std::uint32_t slot) const noexcept {
    return references_[slot].load(std::memory_order_acquire) == 1;
  }
  /// The caller gets it, until its last reference is dropped.
  void hand_on(std::uint32_t slot) noexcept {
    if (handed_on_[slot]) return;
    handed_on_[slot] = true;
    ++handed_on_count_;
  }
  /// Any thread.
  void drop_reference(std::uint32_t slot) noexcept {
    if (references_[slot].fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    if (owner_.load(std::memory_order_relaxed) == thread_mark()) {
      released(slot);
      if (listener_ != nullptr) listener_->room();
      return;
    }
    std::uint32_t head = returned_.load(std::memory_order_relaxed);
    do next_[slot] = head;
    while (!returned_.compare_exchange_weak(head, slot + 1, std::memory_order_release, std::memory_order_relaxed));
    if (head == 0 && owner_.load(std::memory_order_acquire) != nullptr) waker_->wake();
  }

  /// The owning thread takes in what others have dropped.
  void collect() noexcept {
    if (returned_.load(std::memory_order_relaxed) == 0) return;
    std::uint32_t head = returned_.exchange(0, std::memory_order_acquire);
    while (head != 0) {
      const std::uint32_t slot = head - 1;
      head = next_[slot];
      released(slot);
    }
    if (listener_ != nullptr) listener_->room();
  }

  /// The successor of a slot in a chain of received slots.
  [[nodiscard]] std::uint32_t& next(std::uint32_t slot) noexcept { return next_[slot]; }

  /// Told on the owning thread whenever slots have come back. Must not resume or throw.
  class room_listener {
   public:
    virtual void room() noexcept = 0;

   protected:
    ~room_listener() = default;
  };
  void set_listener(room_listener* listener) noexcept { listener_ = listener; }

  /// The owner goes: from now on a dropped reference only counts down.
  void detach() noexcept {
    listener_ = nullptr;
    owner_.store(nullptr, std::memory_order_release);
  }

 private:
  [[nodiscard]] static const void* thread_mark() noexcept {
    static thread_local const char mark = 0;
    return &mark;
  }

  static std::byte* map(std::size_t bytes) {
    void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) throw error(errno_code(errno), "mapping the receive window");
    return static_cast<std::byte*>(memory);
  }

  void released(std::uint32_t slot) noexcept {
    --held_;
    if (handed_on_[slot]) {
      handed_on_[slot] = false;
      --handed_on_count_;
    }
    free_.push_back(slot);
  }

  std::size_t slot_bytes_;
  std::size_t lead_bytes_;
  std::uint32_t slots_;
  std::byte* memory_;
  std::unique_ptr<std::atomic<std::uint32_t>[]> references_;
  std::unique_ptr<std::uint32_t[]> next_;
  std::vector<bool> handed_on_;
  ref<waker> waker_;
  std::atomic<const void*> owner_;
  std::atomic<std::uint32_t> returned_{0};  // slot + 1; 0: none
  std::vector<std::uint32_t> free_;
  std::uint32_t held_ = 0;
  std::uint32_t handed_on_count_ = 0;
  room_listener* listener_ = nullptr;
};

/// Received bytes in neighbouring slots, each of which it holds a reference to. Move-only; may be moved to and dropped on any thread.
class slot_span {
 public:
  slot_span() noexcept = default;
  /// Takes over one reference to each of `slots` slots from `first` on.
  slot_span(ref<slot_pool> pool, std::uint32_t first, std::uint32_t slots, std::size_t offset, std::size_t size) noexcept
      : pool_(std::move(pool)), size_(size), first_(first), slots_(slots), offset_(static_cast<std::uint32_t>(offset)) {}
  slot_span(slot_span&& other) noexcept
      : pool_(std::move(other.pool_)),
        size_(std::exchange(other.size_, 0)),
        first_(other.first_),
        slots_(std::exchange(other.slots_, 0)),
        offset_(other.offset_) {}
  slot_span& operator=(slot_span&& other) noexcept {
    if (this != &other) {
      reset();
      pool_ = std::move(other.pool_);
      size_ = std::exchange(other.size_, 0);
      first_ = other.first_;
      slots_ = std::exchange(other.slots_, 0);
      offset_ = other.offset_;
    }
    return *this;
  }
  ~slot_span() { reset(); }

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept {
    if (slots_ == 0) return {};
    return {pool_->address(first_) + offset_, size_};
  }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::uint32_t slots() const noexcept { return slots_; }

  /// The caller gets it. On the owning thread.
  void hand_on() const noexcept {
    for (std::uint32_t i = 0; i < slots_; ++i) pool_->hand_on(first_ + i);
  }

  void reset() noexcept {
    for (std::uint32_t i = 0; i < slots_; ++i) pool_->drop_reference(first_ + i);
    slots_ = 0;
    size_ = 0;
    pool_ = {};
  }

  /// Its slots, to be written to: where nobody else refers to them.
  [[nodiscard]] std::span<std::byte> memory() noexcept {
    if (slots_ == 0) return {};
    return {pool_->address(first_), slots_ * pool_->slot_bytes()};
  }
  /// Where in memory() the bytes begin.
  [[nodiscard]] std::size_t offset() const noexcept { return offset_; }
  /// They lie elsewhere there now; of none the slots are kept.
  void place(std::size_t offset, std::size_t size) noexcept {
    assert(offset + size <= slots_ * pool_->slot_bytes());
    offset_ = static_cast<std::uint32_t>(offset);
    size_ = size;
  }

  /// Lets go of the first `count` bytes, and of the slots that only they lie in.
  void skip(std::size_t count) noexcept {
    assert(count <= size_);
    if (count == size_) {
      reset();
      return;
    }
    const std::size_t begin = offset_ + count;
    const auto whole = static_cast<std::uint32_t>(begin / pool_->slot_bytes());
    for (std::uint32_t i = 0; i < whole; ++i) pool_->drop_reference(first_ + i);
    first_ += whole;
    slots_ -= whole;
    offset_ = static_cast<std::uint32_t>(begin - whole * pool_->slot_bytes());
    size_ -= count;
  }

  /// Copies the bytes of `more` behind one's own, in a slot that nobody else refers to; false, and nothing has happened, if that
  /// can't be. The bytes may move within the slot.
  [[nodiscard]] bool append(const slot_span& more) noexcept {
    if (slots_ != 1 || size_ + more.size_ > pool_->slot_bytes() || !pool_->only_reference(first_)) return false;
    std::byte* const slot = pool_->address(first_);
    if (offset_ + size_ + more.size_ > pool_->slot_bytes()) {
      std::memmove(slot, slot + offset_, size_);
      offset_ = 0;
    }
    const std::span<const std::byte> from = more.bytes();
    std::memcpy(slot + offset_ + size_, from.data(), from.size());
    size_ += from.size();
    return true;
  }

  /// How many bytes lie from `from`, which is in one of these slots, to the end of the last of them.
  [[nodiscard]] std::size_t room_from(const std::byte* from) const noexcept {
    const std::byte* const end = pool_->address(first_) + slots_ * pool_->slot_bytes();
    return from < end ? static_cast<std::size_t>(end - from) : 0;
  }
  /// Moves `more`, which lies behind these bytes and within the same slots, up to them; nobody else may look at what lies between.
  void move_up(std::span<const std::byte> more) noexcept {
    std::byte* const to = pool_->address(first_) + offset_ + size_;
    assert(slots_ > 0 && more.data() >= to && more.size() <= room_from(more.data()));
    std::memmove(to, more.data(), more.size());
    size_ += more.size();
  }

  /// Another reference to `[from, from + size)` of these bytes: only the slots that they lie in.
  [[nodiscard]] slot_span share(std::size_t from, std::size_t size) const noexcept {
    assert(from + size <= size_);
    if (size == 0 || slots_ == 0) return {};
    const std::size_t begin = offset_ + from;
    const std::size_t slot_bytes = pool_->slot_bytes();
    const auto skip = static_cast<std::uint32_t>(begin / slot_bytes);
    const auto count = static_cast<std::uint32_t>((begin + size - 1) / slot_bytes) - skip + 1;
    for (std::uint32_t i = 0; i < count; ++i) pool_->add_reference(first_ + skip + i);
    return slot_span(pool_, first_ + skip, count, begin - skip * slot_bytes, size);
  }

 private:
  ref<slot_pool> pool_;
  std::size_t size_ = 0;
  std::uint32_t first_ = 0;
  std::uint32_t slots_ = 0;
  std::uint32_t offset_ = 0;
};

/// What one receive brought: a chain of slots, full (behind their lead) but for the last one. Move-only, the owning thread's.
class received {
 public:
  received() noexcept = default;
  received(ref<slot_pool> pool, std::uint32_t first, std::uint32_t slots, std::size_t size) noexcept
      : pool_(std::move(pool)), size_(size), first_(first), slots_(slots) {}
  received(received&& other) noexcept
      : pool_(std::move(other.pool_)),
        size_(std::exchange(other.size_, 0)),
        first_(other.first_),
        slots_(std::exchange(other.slots_, 0)) {}
  received& operator=(received&& other) noexcept {
    if (this != &other) {
      reset();
      pool_ = std::move(other.pool_);
      size_ = std::exchange(other.size_, 0);
      first_ = other.first_;
      slots_ = std::exchange(other.slots_, 0);
    }
    return *this;
  }
  ~received() { reset(); }

  /// Bytes not yet taken by next_span().
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return slots_ == 0; }

  /// The next bytes: as many slots as lie side by side in memory, or one where each has its lead. Empty at the end.
  [[nodiscard]] slot_span next_span() noexcept {
    if (slots_ == 0) return {};
    const std::uint32_t first = first_;
    std::uint32_t count = 0;
    std::uint32_t slot = first_;
    do {
      const std::uint32_t here = slot;
      slot = pool_->next(here);
      ++count;
      --slots_;
    } while (slots_ > 0 && slot == first + count && pool_->lead_bytes() == 0);
    first_ = slot;
    const std::size_t size = std::min(size_, count * pool_->receive_bytes());
    size_ -= size;
    return slot_span(pool_, first, count, pool_->lead_bytes(), size);
  }

  void reset() noexcept {
    while (slots_ > 0) {
      const slot_span dropped = next_span();
    }
    size_ = 0;
    pool_ = {};
  }

 private:
  ref<slot_pool> pool_;
  std::size_t size_ = 0;
  std::uint32_t first_ = 0;
  std::uint32_t slots_ = 0;
};

}  // namespace s3pager::ring
