// Programs that print credentials: what they get, what is made of what they print, and that none is left behind.
#include "s3pager/identity/process.hpp"

#include <sys/wait.h>

#include <cerrno>
#include <optional>
#include <string>

#include "s3pager/ring/descriptor.hpp"
#include "support/catch.hpp"
#include "support/drive.hpp"
#include "support/scratch_directory.hpp"

namespace {

using namespace s3pager;
using namespace std::chrono_literals;

constexpr const char* good = R"({"Version":1,"AccessKeyId":"AKID","SecretAccessKey":"hidden","SessionToken":"T"})";

struct bench {
  /// A command that runs this script of sh.
  [[nodiscard]] std::string script(const std::string& text) { return "sh '" + at.file("script", text) + "'"; }
  [[nodiscard]] std::optional<aws::credentials> fetch(const std::string& command) {
    identity::process_credentials provider(command);
    return test::drive(loop.ready(), provider.fetch(loop), [this] { return loop.run_once(), true; });
  }
  [[nodiscard]] std::string failure(const std::string& command) {
    try {
      static_cast<void>(fetch(command));
    } catch (const error& why) {
      return why.what();
    }
    return "it has not failed";
  }
  /// No child is left, running or dead.
  [[nodiscard]] static bool alone() { return ::waitpid(-1, nullptr, WNOHANG) < 0 && errno == ECHILD; }

  test::scratch_directory at;
  ring::reactor loop;
};

}  // namespace

TEST_CASE("a program's words are cut as by a shell, and what it prints are the credentials") {
  bench in;
  const std::string file = in.at.file("with blanks", good);
  const auto given = in.fetch("cat \"" + file + "\"");
  REQUIRE(given);
  CHECK(given->access_key_id == "AKID");
  CHECK(given->secret_access_key.view() == "hidden");
  CHECK(given->session_token.view() == "T");
  CHECK_THAT(in.failure("cat '" + file + "' | false"), Catch::Contains("its exit status is 1: cat: '|': No such file or directory cat: "));
}

TEST_CASE("nothing is expanded, and the program has no input") {
  bench in;
  CHECK(in.fetch(in.script("read line && exit 1; [ \"$1\" = '$HOME' ] || exit 2; printf '" + std::string(good) + "'") + " $HOME"));
}

TEST_CASE("a program that fails is named with its status and its complaint, but not with its words or its output") {
  bench in;
  CHECK_THAT(in.failure(in.script("echo hidden; echo 'log in first' >&2; exit 3") + " hidden"),
             Catch::Contains("credential_process sh: its exit status is 3: log in first") && !Catch::Contains("hidden"));
  CHECK_THAT(in.failure(in.script("kill -9 $$")), Catch::Contains("credential_process sh: it was ended by signal 9"));
  CHECK_THAT(in.failure("/none/such hidden"),
             Catch::Contains("credential_process /none/such: it can't be started: No such file") && !Catch::Contains("hidden"));
  CHECK_THAT(in.failure(""), Catch::Contains("credential_process is empty"));
  CHECK_THAT(in.failure("sh 'open"), Catch::Contains("credential_process has a quote that is left open"));
  CHECK_THAT(in.failure("echo hidden"), Catch::Contains("credential_process echo: the output of credential_process is no JSON object") &&
                                            !Catch::Contains("hidden"));
  CHECK_THAT(in.failure(in.script("head -c 1100000 /dev/zero")), Catch::Contains("the output of credential_process sh is longer than 1048576 bytes"));
  CHECK(bench::alone());
  CHECK(ring::descriptor::live() == 0);
}

TEST_CASE("complaints of any length don't hold a program up") {
  bench in;
  CHECK(in.fetch(in.script("head -c 300000 /dev/zero >&2; printf '" + std::string(good) + "'")));
}

TEST_CASE("a program that is not waited for any more is ended") {
  bench in;
  for (const char* const text : {"exec sleep 1000", "exec >/dev/null; exec sleep 1000"}) {
    identity::process_credentials provider(in.script(text));
    {
      test::root<std::optional<aws::credentials>> running(in.loop.ready(), provider.fetch(in.loop));
      for (int turns = 0; turns < 20; ++turns) in.loop.run_once(ring::reactor::wait::no);
      CHECK_FALSE(running.done());
      CHECK_FALSE(bench::alone());
    }
    CHECK(bench::alone());
    for (int turns = 0; turns < 8; ++turns) in.loop.run_once(ring::reactor::wait::no);
    CHECK(ring::descriptor::live() == 0);
  }
}

TEST_CASE("the wait for a program may be dropped wherever it is") {
  bench in;
  identity::process_credentials provider(in.script("printf '" + std::string(good) + "'; exec >/dev/null; exit 0"));
  const auto begin = [&]() -> task<> {
    task<std::optional<aws::credentials>> fetching = provider.fetch(in.loop);
    const std::optional<aws::credentials> given = co_await std::move(fetching);
    CHECK(given->access_key_id == "AKID");
  };
  const test::sweep_report report = test::drop_sweep(
      in.loop.ready(), begin, [&] { return in.loop.run_once(), true; },
      [&] {
        for (int turns = 0; turns < 8; ++turns) in.loop.run_once(ring::reactor::wait::no);
        CHECK(bench::alone());
        CHECK(ring::descriptor::live() == 0);
      });
  CHECK(report.missed().empty());
}

TEST_CASE("a stop ends the wait for a program") {
  bench in;
  coro::stop_source stop;
  identity::process_credentials provider(in.script("exec sleep 1000"));
  test::root<std::optional<aws::credentials>> running(in.loop.ready(), provider.fetch(in.loop), stop.token());
  for (int turns = 0; turns < 20; ++turns) in.loop.run_once(ring::reactor::wait::no);
  stop.request_stop();
  while (!running.done()) in.loop.run_once();
  CHECK_THROWS_AS(running.result(), error);
}
