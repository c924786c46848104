// Replaces operator new and delete by ones that count: to be included by one file of a program.
#pragma once

#include <cstddef>
#include <new>

#include "support/counted_heap.hpp"

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
