// A doubly linked list of nodes that unlink themselves when they are destroyed: the base of every queue of waiters.
// Owns nothing, allocates nothing, never resumes anything.
#pragma once

#include <cassert>
#include <cstddef>

namespace s3pager {

template <class T>
class intrusive_list;

/// Base of what can be in an intrusive_list, in one list at a time. Destroying it while linked unlinks it.
class list_node {
 public:
  list_node() noexcept = default;
  list_node(const list_node&) = delete;
  list_node& operator=(const list_node&) = delete;
  ~list_node() { unlink(); }

  [[nodiscard]] bool linked() const noexcept { return next_ != nullptr; }
  void unlink() noexcept {
    if (next_ == nullptr) return;
    previous_->next_ = next_;
    next_->previous_ = previous_;
    next_ = previous_ = nullptr;
  }

 private:
  template <class T>
  friend class intrusive_list;
  list_node* next_ = nullptr;
  list_node* previous_ = nullptr;
};

/// A list of T, which derives from list_node. Destroying a list unlinks what is in it.
template <class T>
class intrusive_list {
 public:
  intrusive_list() noexcept { clear_links(); }
  intrusive_list(const intrusive_list&) = delete;
  intrusive_list& operator=(const intrusive_list&) = delete;
  ~intrusive_list() { clear(); }

  [[nodiscard]] bool empty() const noexcept { return head_.next_ == &head_; }
  [[nodiscard]] T& front() noexcept { return static_cast<T&>(*head_.next_); }
  [[nodiscard]] T& back() noexcept { return static_cast<T&>(*head_.previous_); }

  void push_back(T& node) noexcept { insert_before(head_, node); }
  void push_front(T& node) noexcept { insert_before(*head_.next_, node); }
  /// Links `node` in front of `position`, which is in this list.
  void insert(T& position, T& node) noexcept { insert_before(position, node); }

  /// The first node, unlinked; null if the list is empty.
  T* pop_front() noexcept {
    if (empty()) return nullptr;
    T& node = front();
    static_cast<list_node&>(node).unlink();
    return &node;
  }

  void clear() noexcept {
    while (pop_front() != nullptr) {
    }
  }

  /// The nodes of `other` go to the end of this list; `other` is empty then.
  void splice_back(intrusive_list& other) noexcept {
    if (other.empty()) return;
    list_node* first = other.head_.next_;
    list_node* last = other.head_.previous_;
    other.clear_links();
    first->previous_ = head_.previous_;
    head_.previous_->next_ = first;
    last->next_ = &head_;
    head_.previous_ = last;
  }

  class iterator {
   public:
    explicit iterator(list_node* at) noexcept : at_(at) {}
    T& operator*() const noexcept { return static_cast<T&>(*at_); }
    T* operator->() const noexcept { return &static_cast<T&>(*at_); }
    iterator& operator++() noexcept {
      at_ = next_of(at_);
      return *this;
    }
    bool operator==(const iterator&) const noexcept = default;

   private:
    list_node* at_;
  };
  [[nodiscard]] iterator begin() noexcept { return iterator(head_.next_); }
  [[nodiscard]] iterator end() noexcept { return iterator(&head_); }

 private:
  static list_node* next_of(list_node* node) noexcept { return node->next_; }
  void clear_links() noexcept { head_.next_ = head_.previous_ = &head_; }
  static void insert_before(list_node& position, list_node& node) noexcept {
    assert(!node.linked());
    node.previous_ = position.previous_;
    node.next_ = &position;
    position.previous_->next_ = &node;
    position.previous_ = &node;
  }

  list_node head_;
};

}  // namespace s3pager
