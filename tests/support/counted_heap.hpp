// The bytes of a test program's heap. Replaces operator new and delete: to be included by one file of a program.
#pragma once

#include <malloc.h>

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

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

// Not inlined: GCC would take malloc and delete, or new and free, for a pair that does not match.
[[gnu::noinline]] void* operator new(std::size_t size) {
  if (void* memory = s3pager::test::heap::take(size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return s3pager::test::heap::take(size); }
[[gnu::noinline]] void operator delete(void* memory) noexcept { s3pager::test::heap::give(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { s3pager::test::heap::give(memory); }
[[gnu::noinline]] void operator delete(void* memory, const std::nothrow_t&) noexcept { s3pager::test::heap::give(memory); }
[[gnu::noinline]] void* operator new[](std::size_t size) { return operator new(size); }
[[gnu::noinline]] void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return s3pager::test::heap::take(size); }
[[gnu::noinline]] void operator delete[](void* memory) noexcept { s3pager::test::heap::give(memory); }
[[gnu::noinline]] void operator delete[](void* memory, std::size_t) noexcept { s3pager::test::heap::give(memory); }
