// A program's main: one reactor, one client, one task. Prints what ends it badly.
#pragma once

#include <concepts>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <utility>

#include "s3pager/coro/task.hpp"
#include "s3pager/pager/client.hpp"
#include "s3pager/ring/reactor.hpp"
#include "s3pager/runtime/interruption.hpp"

namespace s3pager {

struct run_options {
  client_options client = {};
  ring::reactor_options reactor = {};
  const interruption* stop = nullptr;  ///< ends whatever the task waits for with errc::cancelled
};

namespace runtime {

/// One line on standard error, whatever is in `what`: an exception's text may quote a peer.
inline void print_failure(std::string_view what) {
  std::string line = "s3pager: ";
  for (const char c : what) line += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  line += '\n';
  std::fputs(line.c_str(), stderr);
}

}  // namespace runtime

/// What run() takes: a function from a client to a task that gives nothing, or the program's exit status.
template <class Main>
concept client_main = requires(Main& main, client& s3) {
  { main(s3) } -> std::same_as<task<>>;
} || requires(Main& main, client& s3) {
  { main(s3) } -> std::same_as<task<int>>;
};

/// Runs `main` on this thread until its task has ended, with a client that finds credentials, region and endpoint in `options` or
/// in the environment: `int main() { return s3pager::run(count); }`. Returns the task's int, 0 for a task<>, or 1 after an exception,
/// which is printed to standard error in one line. `main` is called once; it may be a lambda, which lives until the task has ended.
template <client_main Main>
[[nodiscard]] int run(Main main, const run_options& options = {}) {
  try {
    ring::reactor loop(options.reactor);
    client s3(loop, options.client);
    const runtime::interrupted by(loop, options.stop);
    by.check();
    if constexpr (std::same_as<decltype(main(s3)), task<int>>) {
      return loop.run(main(s3), by.token());
    } else {
      loop.run(main(s3), by.token());
      return 0;
    }
  } catch (const std::exception& failed) {
    runtime::print_failure(failed.what());
  } catch (...) {
    runtime::print_failure("ended by an exception that is no std::exception");
  }
  return 1;
}

}  // namespace s3pager
