#include "s3pager/runtime/cores.hpp"

#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <thread>
#include <vector>

#include "s3pager/base/error.hpp"
#include "support/catch.hpp"

using namespace s3pager;
using namespace s3pager::runtime;

namespace {

// The status that `what` gives in a process of its own, whose affinity is one processor.
template <class What>
int in_child_on(int cpu, What what) {
  const pid_t child = ::fork();
  if (child == 0) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    int status = 99;
    if (::sched_setaffinity(0, sizeof one, &one) == 0) status = what();
    ::_exit(status);
  }
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child || !WIFEXITED(status)) return -1;
  return WEXITSTATUS(status);
}

}  // namespace

TEST_CASE("a quota is rounded up to whole processors") {
  struct row {
    const char* text;
    std::size_t cpus;
  };
  const std::vector<row> rows{
      {"max 100000\n", 0},   {"max 100000", 0},      {"200000 100000\n", 2}, {"100000 100000\n", 1},
      {"150000 100000", 2},  {"1000 100000", 1},     {"1 1", 1},             {"400000 100000", 4},
      {"50000 25000", 2},    {"100001 100000", 2},   {"0 100000", 0},        {"100000 0", 0},
      {"", 0},               {"100000", 0},          {"nonsense", 0},        {"12 max", 0},
      {"18446744073709551615 100000", 184467440737096}};
  for (const row& each : rows) {
    CAPTURE(each.text);
    CHECK(cpus_of_quota(each.text) == each.cpus);
  }
}

TEST_CASE("the allowed processors are those of the affinity") {
  const std::vector<int> all = allowed_cpus();
  REQUIRE_FALSE(all.empty());
  CHECK(std::is_sorted(all.begin(), all.end()));
  CHECK(static_cast<int>(all.size()) >= 1);
  for (const int cpu : {all.front(), all.back()}) {
    CAPTURE(cpu);
    CHECK(in_child_on(cpu, [cpu] { return allowed_cpus() == std::vector<int>{cpu} ? 0 : 1; }) == 0);
  }
}

TEST_CASE("a thread that is pinned stays where it was put, and others go free") {
  const std::vector<int> all = allowed_cpus();
  for (const int cpu : {all.front(), all.back()}) {
    std::vector<int> pinned;
    int at = -1;
    std::thread([&] {
      pin_to(cpu);
      pinned = allowed_cpus();
      at = ::sched_getcpu();
    }).join();
    CHECK(pinned == std::vector<int>{cpu});
    CHECK(at == cpu);
  }
  CHECK(allowed_cpus() == all);
}

TEST_CASE("a processor that is not there can't be pinned to") {
  CHECK_THROWS_AS(pin_to(100'000), error);
  CHECK_THROWS_WITH(pin_to(100'000), Catch::Matchers::StartsWith("pinning a thread to processor 100000"));
}

TEST_CASE("threads are placed on the allowed processors, unless a quota covers fewer") {
  struct row {
    std::vector<int> allowed;
    std::size_t quota;
    std::vector<int> cpus;
    std::size_t count;
  };
  const std::vector<row> rows{
      {{0, 1, 2, 3}, 0, {0, 1, 2, 3}, 4}, {{4, 6}, 0, {4, 6}, 2}, {{4, 6}, 2, {4, 6}, 2}, {{4, 6}, 8, {4, 6}, 2},
      {{0, 1, 2, 3}, 2, {}, 2},           {{4, 6}, 1, {}, 1},     {{}, 0, {}, 1},         {{}, 3, {}, 1},
      {{7}, 1, {7}, 1}};
  for (const row& each : rows) {
    CAPTURE(each.allowed, each.quota);
    const placement where = place(each.allowed, each.quota);
    CHECK(where.cpus == each.cpus);
    CHECK(where.count == each.count);
  }
}
