#include "s3pager/runtime/run.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "s3pager/base/error.hpp"
#include "s3pager/base/unique_fd.hpp"
#include "s3pager/coro/frame_pool.hpp"
#include "support/catch.hpp"
#include "unit/runtime/service.hpp"

using namespace s3pager;
using test::service;

namespace {

// What is written to standard error while this lives.
class captured_stderr {
 public:
  captured_stderr() : kept_(::dup(STDERR_FILENO)), into_(::memfd_create("stderr", MFD_CLOEXEC)) {
    std::fflush(stderr);
    if (!kept_ || !into_ || ::dup2(into_.get(), STDERR_FILENO) < 0) throw error(errno_code(errno), "capturing stderr");
  }
  captured_stderr(const captured_stderr&) = delete;
  captured_stderr& operator=(const captured_stderr&) = delete;
  ~captured_stderr() { static_cast<void>(text()); }

  /// Ends the capture.
  std::string text() {
    if (kept_) {
      std::fflush(stderr);
      ::dup2(kept_.get(), STDERR_FILENO);
      kept_ = {};
    }
    std::array<char, 4096> bytes{};
    const ssize_t size = ::pread(into_.get(), bytes.data(), bytes.size(), 0);
    return {bytes.data(), static_cast<std::size_t>(size < 0 ? 0 : size)};
  }

 private:
  unique_fd kept_;
  unique_fd into_;
};

struct ran {
  int status;
  std::string said;
};

template <class Main>
ran run_it(Main main, const client_options& options) {
  captured_stderr said;
  const int status = run(std::move(main), {.client = options});
  return {status, said.text()};
}

std::uint64_t bytes_of_named = 0;

task<> named(client& s3) {
  auto pages = s3.page_ordered({.bucket = "s"});
  while (auto page = co_await pages.next()) bytes_of_named += page->bytes().size();
}

const client_options offline{.anonymous = true, .region = "us-east-1", .endpoint_url = "http://127.0.0.1:1"};

}  // namespace

TEST_CASE("run pages with a function, and gives 0 when it has ended") {
  const service server({.count = 20, .size = 1000});
  bytes_of_named = 0;
  const ran done = run_it(named, server.options());
  CHECK(done.status == 0);
  CHECK(done.said.empty());
  CHECK(bytes_of_named == 20'000);
}

TEST_CASE("run gives the int of its task") {
  CHECK(run_it([](client&) -> task<int> { co_return 0; }, offline).status == 0);
  CHECK(run_it([](client&) -> task<int> { co_return 42; }, offline).status == 42);
}

TEST_CASE("run keeps a lambda and what it has captured until its task has ended") {
  const service server({.count = 3, .size = 10});
  auto owned = std::make_unique<std::string>("s");
  std::uint64_t objects = 0;
  const auto live = coro::frame_pool::local().live();
  const ran done = run_it(
      [bucket = std::move(owned), &objects](client& s3) mutable -> task<int> {
        auto found = s3.list({.bucket = *bucket});
        while (auto each = co_await found.next()) ++objects;
        // After the last await: the capture must still be there.
        bucket->append("!");
        co_return bucket->size() == 2 ? 7 : 8;
      },
      server.options());
  CHECK(done.status == 7);
  CHECK(objects == 3);
  CHECK(coro::frame_pool::local().live() == live);
}

TEST_CASE("run prints an exception in one line, and gives 1") {
  const auto failing = [](const char* what) {
    return [what](client&) -> task<> {
      throw std::runtime_error(what);
      co_return;
    };
  };
  SECTION("of any type") {
    const ran done = run_it(failing("the disk is full"), offline);
    CHECK(done.status == 1);
    CHECK(done.said == "s3pager: the disk is full\n");
  }
  SECTION("whatever its text holds") {
    const ran done = run_it(failing("two\nlines\r\x1b[31m and\x7f %s more"), offline);
    CHECK(done.status == 1);
    CHECK(done.said == "s3pager: two lines  [31m and  %s more\n");
  }
  SECTION("thrown before the first coroutine") {
    const ran done = run_it([](client&) -> task<int> { throw std::runtime_error("early"); }, offline);
    CHECK(done.status == 1);
    CHECK(done.said == "s3pager: early\n");
  }
  SECTION("that is no std::exception") {
    const ran done = run_it(
        [](client&) -> task<int> {
          throw 42;
          co_return 0;
        },
        offline);
    CHECK(done.status == 1);
    CHECK(done.said == "s3pager: ended by an exception that is no std::exception\n");
  }
  SECTION("of an option that is not what it may be; main is not called") {
    client_options options = offline;
    options.concurrency = 4097;
    bool called = false;
    const ran done = run_it(
        [&called](client&) -> task<> {
          called = true;
          co_return;
        },
        options);
    CHECK(done.status == 1);
    CHECK_THAT(done.said, Catch::Matchers::StartsWith("s3pager: concurrency is 4097, 1 to 4096 is needed"));
    CHECK_FALSE(called);
  }
}

TEST_CASE("run prints what the service refused, but no secret") {
  const service server({.count = 1}, true);
  client_options options = server.options();
  const std::string wrong = "not-the-secret-of-this-service";
  options.anonymous = false;
  options.access_key_id = service::access_key_id;
  options.secret_access_key = wrong;
  options.session_token = {};
  const ran done = run_it(named, options);
  CHECK(done.status == 1);
  CHECK_THAT(done.said, Catch::Matchers::StartsWith("s3pager: "));
  CHECK_THAT(done.said, Catch::Contains("SignatureDoesNotMatch"));
  CHECK_THAT(done.said, Catch::Contains("status 403"));
  CHECK(done.said.find('\n') == done.said.size() - 1);
  CHECK(done.said.find(wrong) == std::string::npos);
  CHECK(done.said.find(service::secret_access_key) == std::string::npos);
  CHECK(done.said.find("Signature=") == std::string::npos);
}

static_assert(client_main<decltype(named)>);
static_assert(client_main<task<int> (*)(client&)>);
static_assert(!client_main<task<std::string> (*)(client&)>, "an exit status is an int");
static_assert(!client_main<int (*)(client&)>);
