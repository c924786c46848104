// A radosgw that is stopped or killed in the middle of a run and comes back: the same as stops_test.cpp, of a server not ours.
#include <sys/types.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>

#include "support/many_objects.hpp"
#include "support/real_server.hpp"

namespace s3pager::test {
namespace {

std::string server_directory() {
  const char* const found = std::getenv("S3PAGER_TEST_SERVER_DIRECTORY");
  if (found == nullptr) throw std::runtime_error("S3PAGER_TEST_SERVER_DIRECTORY is not set");
  return found;
}

/// The one that was started last.
pid_t radosgw_pid() {
  std::ifstream in(server_directory() + "/pids");
  pid_t pid = 0;
  for (pid_t next = 0; in >> next;) pid = next;
  if (pid == 0) throw std::runtime_error("no pids are recorded");
  return pid;
}

void restart_radosgw() {
  const auto script = std::filesystem::path(__FILE__).parent_path() / "../support/restart_rgw.sh";
  const std::string command = "'" + script.string() + "' '" + server_directory() + "' > /dev/null";
  if (std::system(command.c_str()) != 0) throw std::runtime_error("radosgw does not start again");
}

/// Lets a stopped server go on at the first retry.
class go_on_at_retry final : public observer {
 public:
  void request_retried(const request_event&, std::error_code why) noexcept override {
    ++retried;
    if (stopped == 0) return;
    timed_out = why == errc::timed_out;
    ::kill(std::exchange(stopped, 0), SIGCONT);
  }
  pid_t stopped = 0;
  bool timed_out = false;
  std::uint64_t retried = 0;
};

task<> read_and_interrupt(page_stream& pages, checker& into, const std::function<void()>& in_the_middle) {
  for (std::size_t count = 0;; ++count) {
    const std::optional<page> got = co_await pages.next();
    if (!got) break;
    into.take(*got);
    if (count == 300) in_the_middle();
  }
}

/// Gives what became of the connections.
connection_statistics run_interrupted(page_order order, client_options options, const std::function<void()>& in_the_middle) {
  options.window_bytes = 4 << 20;
  options.concurrency = 16;
  options.retry = {.max_attempts = 1000, .max_delay = std::chrono::milliseconds(200), .tokens = 1'000'000};
  const object_map& put = many_objects();
  session at(ring::feature::none, options);
  page_stream pages = order == page_order::by_key ? at.s3.page_ordered({.bucket = many_bucket})
                                                  : at.s3.page_unordered({.bucket = many_bucket});
  checker got(put, order);
  at.loop.run(read_and_interrupt(pages, got, in_the_middle));
  CHECK(got.complaint().empty());
  CHECK(got.all());
  return at.s3.connections();
}

}  // namespace

TEST_CASE("a radosgw that is killed in mid-run and started again is paged to the end", "[.restart]") {
  const page_order order = GENERATE(page_order::by_key, page_order::by_arrival);
  go_on_at_retry watcher;
  client_options options = server().options();
  options.observer = &watcher;
  const connection_statistics of = run_interrupted(order, options, restart_radosgw);
  // What had come whole before is no loss, and an idle connection that was lost is not used.
  CHECK(watcher.retried + of.expired > 0);
}

TEST_CASE("a radosgw that stands still until requests have timed out is paged to the end", "[.restart]") {
  const page_order order = GENERATE(page_order::by_key, page_order::by_arrival);
  go_on_at_retry watcher;
  client_options options = server().options();
  options.observer = &watcher;
  // Long enough for a busy machine; a time-out too many would only be one more retry.
  options.deadlines.first_byte = options.deadlines.idle = std::chrono::seconds(1);
  static_cast<void>(run_interrupted(order, options, [&watcher] {
    watcher.stopped = radosgw_pid();
    ::kill(watcher.stopped, SIGSTOP);
  }));
  CHECK(watcher.timed_out);
}

}  // namespace s3pager::test
