// Memory of coroutine frames: free lists a thread, so that a steady run takes nothing from the heap, and a count of the
// frames that live, which tests hold against zero.
#pragma once

#include <array>
#include <cstddef>
#include <new>

#if defined(__SANITIZE_ADDRESS__)
#define S3PAGER_PLAIN_FRAMES 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define S3PAGER_PLAIN_FRAMES 1
#endif
#endif

namespace s3pager::coro {

/// The frames of one thread. A frame is freed on the thread that made it, as generators and tasks may not move between
/// threads. Under AddressSanitizer every frame is a plain allocation, so that use after free shows.
class frame_pool {
 public:
  [[nodiscard]] static frame_pool& local() noexcept {
    static thread_local frame_pool pool;
    return pool;
  }

  frame_pool() noexcept = default;
  frame_pool(const frame_pool&) = delete;
  frame_pool& operator=(const frame_pool&) = delete;
  ~frame_pool() {
    for (free_block*& head : free_) {
      while (head != nullptr) {
        free_block* next = head->next;
        ::operator delete(head);
        head = next;
      }
    }
  }

  [[nodiscard]] void* allocate(std::size_t size) {
    ++live_;
    const std::size_t index = (size - 1) / step;
#ifndef S3PAGER_PLAIN_FRAMES
    if (index < classes) {
      if (free_block* block = free_[index]) {
        free_[index] = block->next;
        return block;
      }
      return allocate_new((index + 1) * step);
    }
#endif
    static_cast<void>(index);
    return allocate_new(size);
  }

  void deallocate(void* memory, std::size_t size) noexcept {
    --live_;
#ifndef S3PAGER_PLAIN_FRAMES
    const std::size_t index = (size - 1) / step;
    if (index < classes) {
      free_[index] = new (memory) free_block{free_[index]};
      return;
    }
#endif
    static_cast<void>(size);
    ::operator delete(memory);
  }

  /// Frames made and not yet destroyed on this thread.
  [[nodiscard]] std::size_t live() const noexcept { return live_; }

 private:
  struct free_block {
    free_block* next;
  };
  static constexpr std::size_t step = 64;
  static constexpr std::size_t classes = 64;

  void* allocate_new(std::size_t size) {
    try {
      return ::operator new(size);
    } catch (...) {
      --live_;
      throw;
    }
  }

  std::array<free_block*, classes> free_{};
  std::size_t live_ = 0;
};

}  // namespace s3pager::coro
