#include "s3pager/ring/reactor.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "fixture.hpp"
#include "s3pager/coro/scope.hpp"
#include "s3pager/ring/file.hpp"
#include "s3pager/ring/offload.hpp"
#include "s3pager/ring/socket.hpp"
#include "support/catch.hpp"
#include "support/drive.hpp"

// Within the namespace, as socket would be ambiguous with the C library's outside of it.
namespace s3pager::ring {
namespace {

using namespace test;
using namespace std::chrono_literals;

const std::array<feature, 5> masks{feature::none, feature::receive_bundle, feature::min_wait, feature::defer_taskrun, feature::all};

task<int> answer() { co_return 42; }
task<> failing() {
  throw std::runtime_error("as asked");
  co_return;
}

TEST_CASE("run gives a task's result, or throws what it threw") {
  reactor loop;
  CHECK(loop.run(answer()) == 42);
  CHECK_THROWS_WITH(loop.run(failing()), "as asked");
  CHECK(loop.run(answer()) == 42);
  CHECK(loop.live_operations() == 0);
}

task<std::error_code> sleep(reactor& loop, duration span) { co_return co_await sleep_until(loop, after(loop.now(), span)); }

TEST_CASE("a real clock wakes sleepers by itself") {
  reactor loop;
  const time_point before = loop.now();
  CHECK_FALSE(loop.run(sleep(loop, 2ms)));
  CHECK(loop.now() - before >= 2ms);
}

TEST_CASE("a manual clock wakes nobody before it is advanced, and turns do not wait for it") {
  manual_clock clock;
  reactor loop({.clock = &clock});
  s3pager::test::root<std::error_code> run(loop.ready(), sleep(loop, 1h));
  for (int i = 0; i < 5; ++i) loop.run_once(reactor::wait::no);
  CHECK_FALSE(run.done());
  clock.advance(1h);
  while (!run.done()) loop.run_once(reactor::wait::no);
  CHECK_FALSE(run.result());
  CHECK(loop.timers().empty());
}

TEST_CASE("a stop ends a sleep") {
  manual_clock clock;
  reactor loop({.clock = &clock});
  const coro::stop_source stop;
  s3pager::test::root<std::error_code> run(loop.ready(), sleep(loop, 1h), stop.token());
  loop.run_once(reactor::wait::no);
  stop.request_stop();
  loop.run_once(reactor::wait::no);
  REQUIRE(run.done());
  CHECK(run.result() == errc::cancelled);
}

struct counting_call final : posted_call {
  explicit counting_call(int& count) : count_(count) {}
  void run() noexcept override {
    ++count_;
    delete this;
  }
  int& count_;
};

TEST_CASE("every call that threads post is run, on the reactor's thread") {
  reactor loop;
  constexpr int threads = 3;
  constexpr int each = 2'000;
  int count = 0;
  std::vector<std::thread> posters;
  for (int i = 0; i < threads; ++i)
    posters.emplace_back([&] {
      for (int j = 0; j < each; ++j) loop.post(*new counting_call(count));
    });
  while (count < threads * each) loop.run_once(reactor::wait::yes);
  for (std::thread& thread : posters) thread.join();
  CHECK(count == threads * each);
}

TEST_CASE("what is posted before the end of a reactor is run by it") {
  int count = 0;
  {
    reactor loop;
    loop.post(*new counting_call(count));
    loop.post(*new counting_call(count));
  }
  CHECK(count == 2);
}

TEST_CASE("a reactor's waker may outlive it") {
  ref<waker> kept;
  {
    const reactor loop;
    kept = loop.wake_handle();
  }
  std::thread([kept] { kept->wake(); }).join();
}

// ---- One operation of every kind, for the sweeps below ------------------------------------------------------------

struct everything {
  explicit everything(reactor& on) : loop(on), pool(on.make_buffer_pool({.window_bytes = 16 << 12, .slot_bytes = 4096})) {}
  reactor& loop;
  ref<buffer_pool> pool;
};

task<> converse(everything& all) {
  reactor& loop = all.loop;
  const socket listener = listening(loop);
  const socket client = fresh(loop);
  const auto must = [](std::error_code failed) {
    if (failed) throw error(failed, "as the kernel says");
  };
  must((co_await client.connect(listener.local_address(), no_deadline)).error);
  accept_result accepted = co_await listener.accept(no_deadline);
  must(accepted.error);
  const socket server = std::move(accepted.peer);
  const auto text = make_ref<memory>(std::string_view("hello, slots"));
  operation_owner sending = client.start_send(text->bytes(), text);
  must((co_await socket::finish(std::move(sending), no_deadline)).error);
  must((co_await server.poll(POLLIN, no_deadline)).error);
  std::string got;
  while (got.size() < 12) {
    receive_result some = co_await server.receive(all.pool->try_grant(2), 8192, no_deadline);
    must(some.error);
    if (some.bytes.empty()) throw error(errc::connection_lost, "the end");
    while (some.bytes.size() > 0) got += as_chars(some.bytes.next_span().bytes());
  }
  if (got != "hello, slots") throw error(errc::corrupted, got);
  io_result sent = co_await server.send(text->bytes(), text, no_deadline);
  must(sent.error);
  if (sent.bytes != 12) throw error(errc::connection_lost, "a short send");
  const auto into = make_ref<memory>(std::size_t{100});
  for (std::size_t size = 0; size < 12;) {
    const io_result some = co_await client.receive(into->bytes().subspan(size), into, no_deadline);
    must(some.error);
    if (some.bytes == 0) throw error(errc::connection_lost, "the end");
    size += some.bytes;
  }
  if (into->text(12) != "hello, slots") throw error(errc::corrupted, into->text(12));
  open_result opened = co_await file::open(loop, "/proc/self/exe", O_RDONLY, no_deadline);
  must(opened.error);
  must((co_await opened.opened.status(no_deadline)).error);
  const io_result read = co_await opened.opened.read(into->bytes().first(4), into, 0, no_deadline);
  must(read.error);
  if (into->text(read.bytes) != std::string("\177ELF").substr(0, read.bytes)) throw error(errc::corrupted, "not an ELF file");
  must((co_await opened.opened.close(no_deadline)).error);
}

std::size_t open_descriptors() {
  std::size_t count = 0;
  for (int fd = 0; fd < 1024; ++fd) count += ::fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
  return count;
}

struct scripted final : submit_hook {
  submit_verdict submitting(const operation& what, std::uint64_t number) noexcept override {
    kinds.insert(what.kind);
    return number == at ? verdict : submit_verdict{};
  }
  std::uint64_t at = 0;
  submit_verdict verdict;
  std::set<operation_kind> kinds;
};

void nothing_left(reactor& loop, const everything& all) {
  drain(loop);
  CHECK(all.pool->granted() == 0);
  CHECK(all.pool->held() == 0);
  CHECK(memory::live() == 0);
  CHECK(descriptor::live() == 0);
}

TEST_CASE("every operation may fail before or after it is carried out, and nothing is lost") {
  for (const feature masked : masks) {
    scripted hook;
    reactor loop({.masked = masked, .hook = &hook});
    everything all(loop);
    hook.at = ~0ULL;
    loop.run(converse(all));
    nothing_left(loop, all);
    const std::uint64_t submissions = loop.submissions();
    CHECK(hook.kinds == std::set{operation_kind::accept, operation_kind::open, operation_kind::connect,
                                 operation_kind::send, operation_kind::receive, operation_kind::receive_slots,
                                 operation_kind::poll, operation_kind::read, operation_kind::statx,
                                 operation_kind::close});
    const std::size_t descriptors = open_descriptors();
    using action = submit_verdict::action;
    for (const action what : {action::answer, action::replace})
      for (std::uint64_t number = 0; number < submissions; ++number) {
        hook.at = loop.submissions() + number;
        hook.verdict = {what, -EIO, ~0U};
        std::error_code failed;
        try {
          loop.run(converse(all));
        } catch (const error& failure) {
          failed = failure.code();
        }
        CHECK(failed == errno_code(EIO));
        nothing_left(loop, all);
        CHECK(open_descriptors() == descriptors);
      }
  }
}

struct capping final : submit_hook {
  submit_verdict submitting(const operation& what, std::uint64_t) noexcept override {
    if (what.kind == operation_kind::send) return {};
    return {submit_verdict::action::execute, 0, 1};
  }
};

TEST_CASE("receives and reads may come a byte at a time") {
  for (const feature masked : masks) {
    capping hook;
    reactor loop({.masked = masked, .hook = &hook});
    everything all(loop);
    loop.run(converse(all));
    nothing_left(loop, all);
  }
}

TEST_CASE("a conversation may be dropped after every resumption, and every place of suspension is met") {
  for (const feature masked : masks) {
    reactor loop({.masked = masked});
    everything all(loop);
    const std::size_t descriptors = open_descriptors();
    const auto report = s3pager::test::drop_sweep(
        loop.ready(), [&] { return converse(all); },
        [&] {
          const std::uint64_t before = loop.ready().resumptions();
          while (loop.ready().resumptions() == before) loop.run_once(reactor::wait::yes, 1);
          return true;
        },
        [&] {
          nothing_left(loop, all);
          CHECK(open_descriptors() == descriptors);
        });
    CHECK(report.drops >= 11);
    CHECK(report.missed().empty());
  }
}

TEST_CASE("the smallest queues serve many operations at once") {
  for (const feature masked : masks) {
    reactor loop({.entries = 1, .completion_entries = 2, .masked = masked});
    everything all(loop);
    struct tree {
      static task<> grow(everything& all) {
        coro::scope many(co_await coro::this_context());
        for (int i = 0; i < 40; ++i) many.spawn(converse_gently(all));
        co_await many.join();
      }
      // As converse, for who shares the pool with others: only the sockets.
      static task<> converse_gently(everything& all) {
        connection both = co_await connected(all.loop);
        const auto text = make_ref<memory>(std::string_view("small"));
        const auto into = make_ref<memory>(std::size_t{5});
        operation_owner sending = both.client.start_send(text->bytes(), text);
        const io_result got = co_await both.server.receive(into->bytes(), into, no_deadline);
        if (got.error || got.bytes != 5 || into->text(5) != "small") throw error(errc::corrupted, "not small");
      }
    };
    loop.run(tree::grow(all));
    nothing_left(loop, all);
  }
}

TEST_CASE("dropping many operations at once cancels all of them through the smallest queue") {
  reactor loop({.entries = 1, .completion_entries = 2});
  {
    connection both = loop.run(connected(loop));
    std::vector<operation_owner> waiting;
    for (int i = 0; i < 200; ++i) {
      operation& what = loop.make_operation(operation_kind::poll);
      what.target = both.server.handle();
      ::io_uring_prep_poll_add(&what.request(), both.server.fd(), POLLIN);
      loop.submit(what);
      waiting.emplace_back(loop, what);
    }
    loop.run_once(reactor::wait::no);
    CHECK(both.server.handle()->operations() == 200);
    CHECK(both.server.handle()->reusable() == false);
  }
  drain(loop);
  CHECK(descriptor::live() == 0);
}

// ---- The end of a reactor -----------------------------------------------------------------------------------------

/// A FIFO that nobody writes to: opening it blocks.
struct blocking_file {
  blocking_file() { REQUIRE(::mkfifo(path.c_str(), 0600) == 0); }
  ~blocking_file() { ::unlink(path.c_str()); }
  std::string path = "/tmp/s3pager_reactor_test_" + std::to_string(::getpid());
};

TEST_CASE("a reactor may end with operations of every kind under way, and gives all back") {
  const blocking_file fifo;
  const std::size_t descriptors = open_descriptors();
  for (const feature masked : masks)
    for (const int turns : {0, 1, 2}) {
      {
        reactor loop({.masked = masked});
        connection both = loop.run(connected(loop));
        drain(loop);
        const socket listener = listening(loop);
        const auto pool = loop.make_buffer_pool({.window_bytes = 16 << 12, .slot_bytes = 4096});
        const auto into = make_ref<memory>(std::size_t{100});
        const auto large = make_ref<memory>(std::size_t{16} << 20);
        int pipe_ends[2];
        REQUIRE(::pipe(pipe_ends) == 0);
        file pipe(loop, unique_fd(pipe_ends[0]));
        const unique_fd other_end(pipe_ends[1]);
        struct waits {
          static task<> accept(const socket& on) { static_cast<void>(co_await on.accept(no_deadline)); }
          static task<> receive(const socket& on, ref<memory> into) {
            static_cast<void>(co_await on.receive(into->bytes(), into, no_deadline));
          }
          static task<> receive_slots(const socket& on, grant slots) {
            static_cast<void>(co_await on.receive(std::move(slots), 8192, no_deadline));
          }
          static task<> send(const socket& on, ref<memory> what) {
            static_cast<void>(co_await on.send(what->bytes(), what, no_deadline));
          }
          static task<> poll(const socket& on) { static_cast<void>(co_await on.poll(POLLIN, no_deadline)); }
          static task<> read(const file& from, ref<memory> into) {
            static_cast<void>(co_await from.read(into->bytes(), into, 0, no_deadline));
          }
          static task<> open(reactor& loop) {
            static_cast<void>(co_await file::open(loop, "/proc/self/exe", O_RDONLY, no_deadline));
          }
          static task<> status(reactor& loop) { static_cast<void>(co_await file::status(loop, "/", no_deadline)); }
        };
        {
          using s3pager::test::root;
          root<> a(loop.ready(), waits::accept(listener));
          root<> b(loop.ready(), waits::receive(both.server, into));
          root<> c(loop.ready(), waits::receive_slots(both.server, pool->try_grant(2)));
          root<> d(loop.ready(), waits::send(both.server, large));
          root<> e(loop.ready(), waits::poll(both.server));
          root<> f(loop.ready(), waits::read(pipe, into));
          root<> g(loop.ready(), waits::open(loop));
          root<> h(loop.ready(), waits::status(loop));
          loop.ready().run(100);
          // Blocks on a thread of the kernel's, which takes its time to notice that it is cancelled.
          operation& apart = loop.make_operation(operation_kind::open);
          ::io_uring_prep_openat(&apart.request(), AT_FDCWD, fifo.path.c_str(), O_RDONLY | O_CLOEXEC, 0);
          apart.request().flags |= IOSQE_ASYNC;
          loop.submit(apart);
          const operation_owner dropped(loop, apart);
          CHECK(loop.live_operations() == 9);
          for (int i = 0; i < turns; ++i) loop.run_once(reactor::wait::no, 0);
        }
      }
      CHECK(memory::live() == 0);
      CHECK(descriptor::live() == 0);
      CHECK(open_descriptors() == descriptors);
    }
}

// ---- Embedding ----------------------------------------------------------------------------------------------------

TEST_CASE("a reactor can be driven from a poll(2) loop") {
  for (const feature masked : masks) {
    reactor loop({.masked = masked});
    const int descriptor_to_poll = loop.poll_descriptor();
    CHECK(loop.poll_descriptor() == descriptor_to_poll);
    everything all(loop);
    struct work {
      static task<> all_of(everything& all) {
        const auto where = std::make_shared<std::thread::id>();
        for (int i = 0; i < 20; ++i) {
          co_await converse(all);
          static_cast<void>(co_await sleep_until(all.loop, after(all.loop.now(), 1ms)));
          const auto call = [where] { *where = std::this_thread::get_id(); };
          static_cast<void>(co_await offload(all.loop, no_deadline, call));
        }
        if (*where == std::this_thread::get_id()) throw std::logic_error("offloaded to its own thread");
      }
    };
    s3pager::test::root<> run(loop.ready(), work::all_of(all));
    while (!run.done()) {
      while (loop.run_once(reactor::wait::no)) {
      }
      if (run.done()) break;
      pollfd ready{descriptor_to_poll, POLLIN, 0};
      const int polled = ::poll(&ready, 1, -1);
      REQUIRE(polled == 1);
    }
    run.result();
    nothing_left(loop, all);
  }
}

TEST_CASE("a batch wait out of range is refused") {
  CHECK_NOTHROW(reactor({.batch_wait = 0us}));
  CHECK_NOTHROW(reactor({.batch_wait = 1s}));
  CHECK_THROWS_WITH(reactor({.batch_wait = -1us}), Catch::Contains("batch_wait is -1 us, 0 to 1000000 are needed"));
  CHECK_THROWS_AS(reactor({.batch_wait = 1'000'001us}), error);
}

TEST_CASE("waiting does not spin") {
  for (const feature masked : masks) {
    reactor loop({.masked = masked});
    std::thread poster;
    int count = 0;
    loop.run_once(reactor::wait::no);
    const std::uint64_t before = loop.enters();
    std::atomic<bool> waiting{false};
    poster = std::thread([&] {
      while (!waiting.load()) std::this_thread::yield();
      loop.post(*new counting_call(count));
    });
    waiting.store(true);
    while (count == 0) loop.run_once(reactor::wait::yes);
    poster.join();
    CHECK(loop.enters() - before <= 2);
  }
}

}  // namespace
}  // namespace s3pager::ring
