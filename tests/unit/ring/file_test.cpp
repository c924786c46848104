#include "s3pager/ring/file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "fixture.hpp"
#include "support/catch.hpp"
#include "support/drive.hpp"

namespace s3pager::ring {
namespace {

using namespace test;

/// A file of its own, removed in the end.
struct temporary {
  explicit temporary(const std::string& content) {
    const unique_fd made(::mkstemp(path.data()));
    REQUIRE(made);
    std::ofstream(path) << content;
  }
  ~temporary() { ::unlink(path.c_str()); }
  std::string path = "/tmp/s3pager_file_test_XXXXXX";
};

task<open_result> open(reactor& loop, std::string path, int flags = O_RDONLY, mode_t mode = 0) {
  open_result made = co_await file::open(loop, path, flags, no_deadline, mode);
  co_return made;
}
task<status_result> status(reactor& loop, std::string path) {
  const status_result got = co_await file::status(loop, path, no_deadline);
  co_return got;
}
task<status_result> status(const file& of) {
  const status_result got = co_await of.status(no_deadline);
  co_return got;
}
task<std::string> read(const file& from, std::uint64_t offset, std::size_t size) {
  const auto into = make_ref<memory>(size);
  const io_result got = co_await from.read(into->bytes(), into, offset, no_deadline);
  if (got.error) throw error(got.error, "read");
  co_return into->text(got.bytes);
}
task<std::error_code> close(file& which) { co_return (co_await which.close(no_deadline)).error; }

TEST_CASE("a file is read at any offset, and ends with zero bytes") {
  reactor loop;
  const temporary on_disk("0123456789");
  open_result opened = loop.run(open(loop, on_disk.path));
  REQUIRE_FALSE(opened.error);
  CHECK((::fcntl(opened.opened.fd(), F_GETFD) & FD_CLOEXEC) != 0);
  CHECK(loop.run(read(opened.opened, 0, 100)) == "0123456789");
  CHECK(loop.run(read(opened.opened, 7, 2)) == "78");
  CHECK(loop.run(read(opened.opened, 10, 2)).empty());
  CHECK(loop.run(read(opened.opened, 1ULL << 40, 2)).empty());
}

TEST_CASE("status tells size and kind, by path and by file") {
  reactor loop;
  const temporary on_disk("0123456789");
  CHECK(loop.run(status(loop, on_disk.path)).status.stx_size == 10);
  open_result opened = loop.run(open(loop, on_disk.path));
  const status_result got = loop.run(status(opened.opened));
  CHECK_FALSE(got.error);
  CHECK(got.status.stx_size == 10);
  CHECK(S_ISREG(got.status.stx_mode));
  CHECK(S_ISDIR(loop.run(status(loop, "/tmp")).status.stx_mode));
}

TEST_CASE("paths that name nothing are errors, null bytes cut none short") {
  reactor loop;
  const temporary on_disk("secret");
  const std::string cut = on_disk.path + std::string("\0.txt", 5);
  for (const std::string& path : {std::string(), on_disk.path + "/no", on_disk.path + "_no", cut}) {
    INFO(path);
    CHECK(loop.run(open(loop, path)).error);
    CHECK(loop.run(status(loop, path)).error);
  }
  CHECK(loop.run(open(loop, cut)).error == errno_code(ENOENT));
  CHECK(loop.run(status(loop, cut)).error == errno_code(ENOENT));
  CHECK(loop.run(open(loop, on_disk.path, O_RDONLY | O_DIRECTORY)).error == errno_code(ENOTDIR));
}

TEST_CASE("a closed file is closed once") {
  reactor loop;
  const temporary on_disk("x");
  open_result opened = loop.run(open(loop, on_disk.path));
  const int fd = opened.opened.fd();
  CHECK_FALSE(loop.run(close(opened.opened)));
  CHECK_FALSE(opened.opened);
  CHECK(::fcntl(fd, F_GETFD) == -1);
  drain(loop);
  CHECK(descriptor::live() == 0);
}

struct no_close final : submit_hook {
  submit_verdict submitting(const operation& what, std::uint64_t) noexcept override {
    if (what.kind != operation_kind::close) return {};
    return {submit_verdict::action::answer, -EIO, ~0U};
  }
};

TEST_CASE("a file whose close is never carried out is closed all the same") {
  no_close hook;
  reactor loop({.hook = &hook});
  const temporary on_disk("x");
  for (const bool dropped : {false, true}) {
    open_result opened = loop.run(open(loop, on_disk.path));
    const int fd = opened.opened.fd();
    if (dropped) {
      s3pager::test::root<std::error_code> run(loop.ready(), close(opened.opened));
      loop.ready().run(1);
    } else {
      CHECK(loop.run(close(opened.opened)) == errno_code(EIO));
    }
    drain(loop);
    CHECK(::fcntl(fd, F_GETFD) == -1);
    CHECK(descriptor::live() == 0);
  }
}

TEST_CASE("opens and reads may be dropped at any moment") {
  reactor loop;
  const temporary on_disk(std::string(1 << 20, 'x'));
  struct work {
    static task<> go(reactor& loop, std::string path) {
      open_result opened = co_await file::open(loop, path, O_RDONLY, no_deadline);
      if (opened.error) throw error(opened.error, "open");
      const auto into = make_ref<memory>(std::size_t{1} << 20);
      const io_result got = co_await opened.opened.read(into->bytes(), into, 0, no_deadline);
      if (got.bytes != 1 << 20) throw error(errc::corrupted, "a short read");
      if ((co_await opened.opened.close(no_deadline)).error) throw error(errc::corrupted, "close");
    }
  };
  const auto report = s3pager::test::drop_sweep(
      loop.ready(), [&] { return work::go(loop, on_disk.path); },
      [&] {
        const std::uint64_t before = loop.ready().resumptions();
        while (loop.ready().resumptions() == before) loop.run_once(reactor::wait::yes, 1);
        return true;
      },
      [&] {
        drain(loop);
        CHECK(memory::live() == 0);
        CHECK(descriptor::live() == 0);
      });
  CHECK(report.missed().empty());
}

}  // namespace
}  // namespace s3pager::ring
