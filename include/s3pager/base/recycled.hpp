// Memory of objects that come and go all the time, kept for the next one on the same thread. Knows nothing of what lies in it.
#pragma once

#include <cstddef>
#include <new>
#include <type_traits>

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
    static_assert(sizeof(T) >= sizeof(block) && std::is_final_v<T>);
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
      static thread_local const at_end freed;
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
  // Trivially destructible: it is there as long as the thread, also for what is deleted after at_end.
  struct kept_blocks {
    block* first = nullptr;
    std::size_t count = 0;
  };
  struct at_end {
    at_end() noexcept {}
    at_end(const at_end&) = delete;
    at_end& operator=(const at_end&) = delete;
    ~at_end() {
      kept_blocks& all = list();
      all.count = Most;  // from now on nothing is kept
      while (block* const each = all.first) {
        all.first = each->next;
        ::operator delete(each);
      }
    }
  };
  [[nodiscard]] static kept_blocks& list() noexcept {
    static thread_local constinit kept_blocks kept;
    return kept;
  }
};

}  // namespace s3pager
