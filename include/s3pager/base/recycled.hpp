// Memory of objects that come and go all the time, kept for the next one on the same thread. Knows nothing of what lies in it.
#pragma once

#include <cstddef>
#include <new>

#if defined(__SANITIZE_ADDRESS__)
#define S3PAGER_NOTHING_RECYCLED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define S3PAGER_NOTHING_RECYCLED 1
#endif
#endif

namespace s3pager {

/// Base of a class that is final and made by new: a thread keeps the memory of up to Most of them that were deleted on it, whichever
/// thread they were made on, until it ends. Under AddressSanitizer none is kept, so that use after free shows.
template <class T, std::size_t Most>
class recycled {
 public:
  // Neither is inlined: GCC 12 would see the plain allocation behind one of them only, and warn of a delete that does not match.
  [[nodiscard, gnu::noinline]] static void* operator new(std::size_t size) {
    static_assert(sizeof(T) >= sizeof(block));
#ifndef S3PAGER_NOTHING_RECYCLED
    if (block* kept = list().first; kept != nullptr) {
      list().first = kept->next;
      --list().count;
      return kept;
    }
#endif
    return ::operator new(size);
  }
  [[gnu::noinline]] static void operator delete(void* memory) noexcept {
#ifndef S3PAGER_NOTHING_RECYCLED
    if (list().count < Most) {
      list().first = ::new (memory) block{list().first};
      ++list().count;
      return;
    }
#endif
    ::operator delete(memory);
  }

 protected:
  ~recycled() = default;

 private:
  struct block {
    block* next;
  };
  struct kept_blocks {
    kept_blocks() noexcept = default;
    kept_blocks(const kept_blocks&) = delete;
    kept_blocks& operator=(const kept_blocks&) = delete;
    ~kept_blocks() {
      count = Most;  // what is deleted while the thread ends is not kept any more
      while (first != nullptr) {
        block* const next = first->next;
        ::operator delete(first);
        first = next;
      }
    }
    block* first = nullptr;
    std::size_t count = 0;
  };
  [[nodiscard]] static kept_blocks& list() noexcept {
    static thread_local kept_blocks kept;
    return kept;
  }
};

}  // namespace s3pager
