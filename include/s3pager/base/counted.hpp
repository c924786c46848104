// Intrusive reference counts: what an operation in the kernel's hands, a page or a stream keeps alive.
#pragma once

#include <atomic>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace s3pager {

/// Base of what is shared on one thread. Deleted by the last ref.
class counted {
 public:
  counted() noexcept = default;
  counted(const counted&) = delete;
  counted& operator=(const counted&) = delete;

 protected:
  virtual ~counted() = default;

 private:
  template <class T>
  friend class ref;
  void count_up() noexcept { ++count_; }
  void count_down() noexcept {
    assert(count_ > 0);
    if (--count_ == 0) delete this;
  }
  std::uint32_t count_ = 0;
};

/// Base of what is shared between threads. Deleted by the last ref, on that ref's thread.
class shared_counted {
 public:
  shared_counted() noexcept = default;
  shared_counted(const shared_counted&) = delete;
  shared_counted& operator=(const shared_counted&) = delete;

 protected:
  virtual ~shared_counted() = default;

 private:
  template <class T>
  friend class ref;
  void count_up() noexcept { count_.fetch_add(1, std::memory_order_relaxed); }
  void count_down() noexcept {
    if (count_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }
  std::atomic<std::uint32_t> count_{0};
};

/// A counted reference to a T (counted or shared_counted), or null.
template <class T>
class ref {
 public:
  ref() noexcept = default;
  ref(std::nullptr_t) noexcept {}
  explicit ref(T* object) noexcept : object_(object) {
    if (object_ != nullptr) object_->count_up();
  }
  ref(const ref& other) noexcept : ref(other.object_) {}
  ref(ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  template <class U>
    requires std::is_convertible_v<U*, T*>
  ref(ref<U> other) noexcept : object_(other.release()) {}
  ref& operator=(ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~ref() {
    if (object_ != nullptr) object_->count_down();
  }

  [[nodiscard]] T* get() const noexcept { return object_; }
  [[nodiscard]] T& operator*() const noexcept { return *object_; }
  [[nodiscard]] T* operator->() const noexcept { return object_; }
  [[nodiscard]] explicit operator bool() const noexcept { return object_ != nullptr; }
  [[nodiscard]] bool operator==(const ref& other) const noexcept = default;
  /// Gives up the reference without dropping it.
  [[nodiscard]] T* release() noexcept { return std::exchange(object_, nullptr); }

 private:
  T* object_ = nullptr;
};

template <class T, class... Args>
[[nodiscard]] ref<T> make_ref(Args&&... args) {
  return ref<T>(new T(std::forward<Args>(args)...));
}

}  // namespace s3pager
