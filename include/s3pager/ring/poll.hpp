// Polls of descriptors that others read and write. Knows not who.
#pragma once

#include <liburing.h>

#include <utility>

#include "s3pager/base/counted.hpp"
#include "s3pager/ring/await.hpp"
#include "s3pager/ring/descriptor.hpp"
#include "s3pager/ring/operation.hpp"
#include "s3pager/ring/reactor.hpp"

namespace s3pager::ring {

/// A poll of `fd` for `events` (poll(2)), to be submitted; its result is the events, or a negative errno. `keep`, if it is not null, is
/// what holds `fd`, which stays open until the poll has ended.
[[nodiscard]] inline operation_owner make_poll(reactor& loop, int fd, short events, ref<descriptor> keep) {
  operation& made = loop.make_operation(operation_kind::poll);
  ::io_uring_prep_poll_add(&made.request(), fd, static_cast<unsigned>(events));
  made.target = std::move(keep);
  return operation_owner(loop, made);
}

}  // namespace s3pager::ring
