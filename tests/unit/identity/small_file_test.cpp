// Small files are read whole, and what keeps one from being read is said.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "s3pager/base/clock.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/base/secret.hpp"
#include "s3pager/coro/stop.hpp"
#include "s3pager/identity/small_file.hpp"
#include "s3pager/ring/descriptor.hpp"
#include "s3pager/ring/reactor.hpp"
#include "support/catch.hpp"
#include "support/drive.hpp"
#include "support/scratch_directory.hpp"

namespace {

using namespace s3pager;
using identity::read_small_file;

/// Answers every read with it.
struct failing_reads final : ring::submit_hook {
  ring::submit_verdict submitting(const ring::operation& what, std::uint64_t) noexcept override {
    if (what.kind != ring::operation_kind::read) return {};
    return {ring::submit_verdict::action::answer, result, ~0U};
  }
  int result = -EIO;
};

std::string content(ring::reactor& loop, const std::string& path, std::size_t most_bytes = 4096) {
  const std::optional<secret> got = loop.run(read_small_file(loop, "the file of X", path, most_bytes, no_deadline));
  return got ? "'" + std::string(got->view()) + "'" : "none";
}

error failure(ring::reactor& loop, const std::string& path, std::size_t most_bytes = 4096) {
  try {
    static_cast<void>(loop.run(read_small_file(loop, "the file of X", path, most_bytes, no_deadline)));
  } catch (const error& why) {
    return why;
  }
  FAIL("it has not failed");
  throw std::logic_error("not reached");
}

}  // namespace

TEST_CASE("a small file is read whole, up to the very limit", "[identity][small_file]") {
  ring::reactor loop;
  const test::scratch_directory in;
  CHECK(content(loop, in.file("a", "token\n")) == "'token\n'");
  CHECK(content(loop, in.file("empty", "")) == "''");
  CHECK(content(loop, "/dev/null") == "''");
  const std::string zeros("a\0b", 3);
  CHECK(content(loop, in.file("zeros", zeros)) == "'" + zeros + "'");
  const std::string most(100, 'x');
  CHECK(content(loop, in.file("most", most), 100) == "'" + most + "'");
  // The memory that it is read into begins with 4096 bytes and grows by the double.
  std::string longer;
  for (std::size_t i = 0; i < 10'000; ++i) longer += static_cast<char>('a' + i % 23);
  for (const std::size_t size : {4095U, 4096U, 4097U, 8192U, 8193U, 10'000U})
    CHECK(content(loop, in.file("longer", longer.substr(0, size)), 10'000) == "'" + longer.substr(0, size) + "'");
  REQUIRE(::symlink(in.file("target", "linked").c_str(), (in.path() + "/link").c_str()) == 0);
  CHECK(content(loop, in.path() + "/link") == "'linked'");
}

TEST_CASE("a file that is not there is none", "[identity][small_file]") {
  ring::reactor loop;
  const test::scratch_directory in;
  CHECK(content(loop, in.path() + "/no") == "none");
  CHECK(content(loop, in.file("a", "text") + "/below") == "none");
  CHECK(content(loop, "") == "none");
}

TEST_CASE("a file that is too long, or none to read, is an error that names it and shows nothing of it", "[identity][small_file]") {
  ring::reactor loop;
  const test::scratch_directory in;
  const std::string path = in.file("long", std::string(101, 's'));
  const error why = failure(loop, path, 100);
  CHECK(why.code() == errc::invalid_argument);
  CHECK(why.details().message == "the file of X, " + path + ", is longer than 100 bytes");
  CHECK(failure(loop, "/dev/zero").code() == errc::invalid_argument);
  CHECK(failure(loop, in.path()).details().message == "the file of X, " + in.path() + ", can't be read: Is a directory");
  CHECK(failure(loop, std::string(5000, 'x')).code() == errc::invalid_argument);
}

TEST_CASE("a pipe that nobody writes is not waited for", "[identity][small_file]") {
  ring::reactor loop;
  const test::scratch_directory in;
  const std::string path = in.path() + "/pipe";
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  CHECK(content(loop, path) == "''");
}

TEST_CASE("a read that fails or is late, and a stop, are errors of their kind", "[identity][small_file]") {
  failing_reads hook;
  ring::reactor loop({.hook = &hook});
  const test::scratch_directory in;
  const std::string path = in.file("a", "secret");
  CHECK(failure(loop, path).details().message == "the file of X, " + path + ", can't be read: Input/output error");
  hook.result = -ENOMEM;
  CHECK(failure(loop, path).code() == errc::unavailable);
  hook.result = -ETIMEDOUT;
  CHECK(failure(loop, path).code() == errc::timed_out);
  coro::stop_source stop;
  test::root<std::optional<secret>> reading(loop.ready(), read_small_file(loop, "the file of X", path, 100, no_deadline), stop.token());
  stop.request_stop();
  while (!reading.done()) loop.run_once(ring::reactor::wait::no);
  try {
    static_cast<void>(reading.result());
    FAIL("it has not failed");
  } catch (const error& failed) {
    CHECK(failed.code() == errc::cancelled);
  }
}

TEST_CASE("reading a file may be dropped at any moment", "[identity][small_file]") {
  ring::reactor loop;
  const test::scratch_directory in;
  const std::string path = in.file("a", "text");
  struct work {
    static task<> go(ring::reactor& loop, std::string path) {
      task<std::optional<secret>> reading = read_small_file(loop, "the file of X", std::move(path), 100, no_deadline);
      const std::optional<secret> got = co_await std::move(reading);
      if (!got || got->view() != "text") throw error(errc::corrupted, "not what was written");
    }
  };
  const auto report = test::drop_sweep(
      loop.ready(), [&] { return work::go(loop, path); },
      [&] {
        const std::uint64_t before = loop.ready().resumptions();
        while (loop.ready().resumptions() == before) loop.run_once(ring::reactor::wait::yes, 1);
        return true;
      },
      [&] {
        while (loop.run_once(ring::reactor::wait::no)) {
        }
        while (loop.live_operations() > 0) loop.run_once(ring::reactor::wait::yes);
        CHECK(ring::descriptor::live() == 0);
      });
  CHECK(report.drops >= 3);
  CHECK(report.missed().empty());
}
