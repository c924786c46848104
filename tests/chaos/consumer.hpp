// The consumer of a chaos run: reads a stream to its end, slowly or not, holding pages or not, and holds everything it gets
// against what it must be (support/page_checker.hpp). Knows no server.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "s3pager/coro/task.hpp"
#include "s3pager/pager/client.hpp"
#include "support/drive.hpp"
#include "support/page_checker.hpp"

namespace s3pager::test {

struct consumption {
  std::size_t held_slots = 0;  ///< as many as the pages that are kept take at most, oldest first out
  int turns = 0;               ///< of the loop that are let pass after each page
};

struct consumed {
  std::size_t most_used = 0;   ///< of the window, in bytes
  std::string complaint = {};  ///< about the window; the pages' is the checker's
};

/// Reads `pages` to its end. Throws what the stream throws.
[[nodiscard]] inline task<> consume(page_stream& pages, const client& s3, page_checker& into, consumption how,
                                    consumed& seen) {
  const std::size_t window = std::size_t{s3.window()->capacity()} * s3.window()->slot_bytes();
  std::deque<page> held;
  for (;;) {
    std::optional<page> got = co_await pages.next();
    if (!got) break;
    into.take(*got);
    held.push_back(std::move(*got));
    while (!held.empty() && s3.window()->handed_on() > how.held_slots) held.pop_front();
    for (int i = 0; i < how.turns; ++i) co_await turn();
    seen.most_used = std::max(seen.most_used, s3.window_used());
    if (seen.most_used > window && seen.complaint.empty())
      seen.complaint = std::to_string(seen.most_used) + " bytes of a window of " + std::to_string(window) + " are used";
  }
}

}  // namespace s3pager::test
