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
  std::size_t held_slots = 0;  ///< about as many as the pages that are kept take, oldest first out; well below the window's
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
  const std::size_t slot = s3.window()->slot_bytes();
  const auto slots_of = [slot](const page& of) { return of.failure() != nullptr ? 0 : of.bytes().size() / slot + 1; };
  std::deque<page> held;
  std::size_t slots = 0;
  for (;;) {
    std::optional<page> got = co_await pages.next();
    if (!got) break;
    into.take(*got);
    slots += slots_of(*got);
    held.push_back(std::move(*got));
    while (!held.empty() && slots > how.held_slots) {
      slots -= slots_of(held.front());
      held.pop_front();
    }
    for (int i = 0; i < how.turns; ++i) co_await turn();
    seen.most_used = std::max(seen.most_used, s3.window_used());
    if (seen.most_used > window && seen.complaint.empty())
      seen.complaint = std::to_string(seen.most_used) + " bytes of a window of " + std::to_string(window) + " are used";
  }
}

}  // namespace s3pager::test
