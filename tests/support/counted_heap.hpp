// What a test program takes from its heap, where one of its files includes support/counted_operators.hpp.
#pragma once

#include <malloc.h>

#include <atomic>
#include <cstddef>
#include <cstdlib>

namespace s3pager::test {

/// Bytes of the heap, by the allocator's own count. Any thread counts; `most` is right where only one takes memory.
struct heap {
  static void* take(std::size_t size) noexcept {
    void* memory = std::malloc(size);
    if (memory == nullptr) return nullptr;
    times.fetch_add(1, std::memory_order_relaxed);
    const std::size_t size_taken = ::malloc_usable_size(memory);
    const std::size_t sum = bytes.fetch_add(size_taken, std::memory_order_relaxed) + size_taken;
    if (sum > peak.load(std::memory_order_relaxed)) peak.store(sum, std::memory_order_relaxed);
    return memory;
  }
  static void give(void* memory) noexcept {
    if (memory == nullptr) return;
    bytes.fetch_sub(::malloc_usable_size(memory), std::memory_order_relaxed);
    std::free(memory);
  }
  [[nodiscard]] static std::size_t now() noexcept { return bytes.load(std::memory_order_relaxed); }
  [[nodiscard]] static std::size_t most() noexcept { return peak.load(std::memory_order_relaxed); }
  /// How often memory was taken.
  [[nodiscard]] static std::size_t allocations() noexcept { return times.load(std::memory_order_relaxed); }
  static void forget_peak() noexcept { peak.store(now(), std::memory_order_relaxed); }

 private:
  static inline constinit std::atomic<std::size_t> bytes{0};
  static inline constinit std::atomic<std::size_t> peak{0};
  static inline constinit std::atomic<std::size_t> times{0};
};

}  // namespace s3pager::test
