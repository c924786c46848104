// The record of one operation in the kernel's hands: it owns, or keeps alive, everything that its submission points to.
// Who waits for it may go at any time; the record stays until its completion has been disposed of.
#pragma once

#include <liburing.h>

#include <cstddef>
#include <cstdint>
#include <new>

#include "s3pager/base/counted.hpp"
#include "s3pager/base/intrusive_list.hpp"
#include "s3pager/ring/buffer_pool.hpp"
#include "s3pager/ring/descriptor.hpp"

namespace s3pager::ring {

/// What an operation does; decides how the completion of an abandoned one is disposed of.
enum class operation_kind : std::uint8_t {
  accept,   ///< its result is a descriptor: closed
  open,     ///< likewise
  connect,
  send,
  receive,  ///< into memory that the record keeps alive
  receive_slots,  ///< into provided buffers, or slots taken beforehand: returned to their pool
  poll,
  read,
  statx,
  close,    ///< its descriptor is the kernel's once it was carried out, and closed by its last reference if it was not
  wake,
};

/// Who is told of a completion. Lives in a coroutine's frame; may be gone when the completion comes.
class operation_listener {
 public:
  virtual void completed() noexcept = 0;

 protected:
  ~operation_listener() = default;
};

/// In the reactor's slab. Its address is the user_data of its submission and is not reused before the completion came.
class operation : public list_node {
 public:
  enum class state : std::uint8_t { fresh, queued, in_flight, completed };

  operation() noexcept { clear_request(); }

  /// The submission, as liburing's io_uring_prep_* fill it in; copied to the ring when its turn comes.
  [[nodiscard]] io_uring_sqe& request() noexcept { return *std::launder(reinterpret_cast<io_uring_sqe*>(request_)); }
  void clear_request() noexcept { ::new (static_cast<void*>(request_)) io_uring_sqe{}; }

  operation_listener* listener = nullptr;
  ref<descriptor> target;
  ref<counted> keep;    ///< owner of the memory that the request points to
  grant slots;          ///< for receive_slots, until its completion
  ref<taken_slots> taken;  ///< for receive_slots, if the kernel is not to pick them
  received bytes;       ///< for receive_slots, after it
  std::int32_t result = 0;
  std::uint32_t flags = 0;
  std::uint32_t wanted = 0;  ///< of a send: the bytes it is to send; fewer are a failure
  std::int32_t replacement = 0;  ///< a test's: reported instead of a real result, after that was disposed of
  operation_kind kind = operation_kind::poll;
  state at = state::fresh;
  bool orphaned = false;

 private:
  // Bytes, as the kernel's struct ends in a zero-size array, which pedantic compilers refuse as a member.
  alignas(io_uring_sqe) std::byte request_[sizeof(io_uring_sqe)];
};

/// What a test wants done with an operation that is about to be submitted.
struct submit_verdict {
  enum class action : std::uint8_t { execute, answer, replace } what = action::execute;
  std::int32_t result = 0;        ///< a negative errno, for answer (never executed) and replace (executed, result disposed of)
  std::uint32_t most_bytes = ~0U;  ///< for execute: a cap on the length of sends, receives and reads
};

/// Sees every operation before it goes to the kernel: the seam for failure sweeps.
class submit_hook {
 public:
  /// `number` counts the reactor's submissions from zero, wake-ups of its own not among them.
  virtual submit_verdict submitting(const operation& what, std::uint64_t number) noexcept = 0;

 protected:
  ~submit_hook() = default;
};

}  // namespace s3pager::ring
