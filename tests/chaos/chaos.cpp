// Pages many objects, in both orders, from an origin on which a share of all requests fails in some way and some objects change
// meanwhile, and holds the outcome against what was promised: bytes, order, names of failures, memory, nothing left.
//
//   chaos [SEED [OBJECTS]]      by default a random seed, and 20,000 objects of 0 B to 64 MiB
//
// Run by with_nginx.sh it goes to its origin by TLS: nginx stands between, and makes of some faults others, such as a 502 of
// an answer that is none. What was promised is the same.
//
// Everything that is drawn follows from the seed; what a request meets depends on when it comes, too. The last line says
// what came of it; the status is 0 if all held.
#include <sys/mman.h>
#include <unistd.h>

#include <signal.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "chaos/changing_objects.hpp"
#include "chaos/consumer.hpp"
#include "s3pager/coro/frame_pool.hpp"
#include "s3pager/pager/client.hpp"
#include "s3pager/ring/descriptor.hpp"
#include "s3pager/ring/reactor.hpp"
#include "s3pager/testing/fault_script.hpp"
#include "s3pager/testing/synthetic_bucket.hpp"
#include "support/origin_process.hpp"
#include "support/page_checker.hpp"

using namespace s3pager;
using namespace s3pager::test;
using namespace std::chrono_literals;
using testing::fault;

namespace {

constexpr std::uint64_t kibibyte = 1 << 10;
constexpr std::uint64_t mebibyte = 1 << 20;

/// Draws by a seed.
class draw {
 public:
  explicit draw(std::uint64_t seed) noexcept : state_(seed) {}
  std::uint64_t below(std::uint64_t limit) noexcept {
    state_ = testing::detail::mix(state_);
    return state_ % limit;
  }
  template <class T>
  T one_of(std::initializer_list<T> from) noexcept {
    return from.begin()[below(from.size())];
  }

 private:
  std::uint64_t state_;
};

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size())
    throw std::invalid_argument("a number is needed, not '" + std::string(text) + "'");
  return value;
}

/// Mostly small, with a heavy tail: some 210 KiB on average. One is empty for sure, and one as large as any.
std::uint64_t size_of(std::uint64_t seed, std::uint64_t count, std::uint64_t index) {
  if (index == 0) return 0;
  if (index == count / 2) return 64 * mebibyte;
  draw from(testing::detail::mix(seed) + index);
  const std::uint64_t kind = from.below(1000);
  const auto any_magnitude = [&from](std::uint64_t least, std::uint64_t most) {
    const double exponent = static_cast<double>(from.below(1 << 20)) / (1 << 20);
    return static_cast<std::uint64_t>(static_cast<double>(least) *
                                      std::pow(static_cast<double>(most) / static_cast<double>(least), exponent));
  };
  if (kind < 30) return 0;
  if (kind < 680) return any_magnitude(1, 64 * kibibyte);
  if (kind < 933) return any_magnitude(64 * kibibyte, 512 * kibibyte);
  if (kind < 998) return any_magnitude(512 * kibibyte, 4 * mebibyte);
  return any_magnitude(4 * mebibyte, 64 * mebibyte);
}

/// What the origin's process and this one share: counts of faults, which that one writes and this one reads.
class shared_counts {
 public:
  shared_counts() {
    void* const memory = ::mmap(nullptr, sizeof(values), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::runtime_error("mmap");
    all_ = new (memory) values;
  }
  shared_counts(const shared_counts&) = delete;
  shared_counts& operator=(const shared_counts&) = delete;
  ~shared_counts() { ::munmap(all_, sizeof(values)); }

  void add(fault which) noexcept { all_->of[static_cast<std::size_t>(which)].fetch_add(1, std::memory_order_relaxed); }
  void request() noexcept { all_->requests.fetch_add(1, std::memory_order_relaxed); }
  /// Whether a pass is under way whose client does not know the objects' sizes.
  [[nodiscard]] std::atomic<bool>& sizes_unknown() const noexcept { return all_->sizes_unknown; }
  /// Whether one is whose client is not throttled, and so may ask for a second time.
  [[nodiscard]] std::atomic<bool>& unthrottled() const noexcept { return all_->unthrottled; }
  [[nodiscard]] std::uint64_t operator[](std::size_t which) const noexcept { return all_->of[which]; }
  [[nodiscard]] std::uint64_t requests() const noexcept { return all_->requests; }

 private:
  struct values {
    std::atomic<std::uint64_t> of[testing::fault_count] = {};
    std::atomic<std::uint64_t> requests{0};
    std::atomic<bool> sizes_unknown{false};
    std::atomic<bool> unthrottled{false};
  };
  values* all_;
};

/// The faults of a run. A list that can't be had ends it, so that no list is redirected, or meets more than two in a row. Where
/// neither size nor version of an object is known, nobody could tell these: a whole object is as long as its answer says, or as it
/// is, and bytes behind an answer that come when the next request is on its way are the answer to that one. Nor of a sliced object
/// whose every slice is wrong: of each, only the first slice or only others are; nor, where the checksum `combines` not, of one whose
/// first slice was cut out of a whole answer.
testing::request_hook hook(std::uint64_t seed, shared_counts& counts, bool combines) {
  const testing::fault_script script({.seed = seed,
                                      .share = 0.2,
                                      .rare = {fault::stall, fault::slow, fault::deaf},
                                      .slow_rate = 256 * kibibyte,
                                      .slow_bytes = 64 * kibibyte});
  static constexpr testing::fault_set untellable{fault::extra_bytes, fault::endless_body, fault::longer_length, fault::shorter_length};
  return [script, &counts, combines, in_a_row = 0](const testing::request_info& asked) mutable -> testing::behaviour {
    counts.request();
    testing::scripted_fault made = script.decide(asked);
    if (asked.key.empty()) {
      in_a_row = made.any ? in_a_row + 1 : 0;
      if (in_a_row > 2) in_a_row = 0;
      if (in_a_row == 0 || made.which == fault::redirect || made.which == fault::moved) return {};
    }
    const bool may_be_wrong = asked.range.empty() ? combines || !counts.sizes_unknown()
                                                  : asked.range.starts_with("bytes=0-") == (asked.key.back() % 2 == 0);
    if (made.which == fault::flipped_bit && !may_be_wrong) return {};
    if (counts.sizes_unknown() && untellable.has(made.which)) return {};
    if (counts.unthrottled() && (made.how.status == 503 || made.how.status == 429)) return {};
    if (made.any) counts.add(made.which);
    // As servers do that don't know the condition: another version is told by what it says itself.
    made.how.ignore_if_match = asked.index % 2 == 0;
    // Late enough to be asked for a second time.
    if (!made.any && asked.index % 60 == 0) made.how.delay = 200ms;
    return made.how;
  };
}

/// What is drawn for one pass over all objects.
struct pass {
  page_order order = page_order::by_key;
  std::size_t window_bytes = 0;
  std::size_t slot_bytes = 0;
  std::uint32_t lanes = 0;
  std::uint32_t max_keys = 0;
  std::uint32_t attempts = 0;
  verify verified = verify::as_it_arrives;
  bool by_keys = false;  ///< the keys are given, so that no size is known before an answer
  bool unthrottled = false;  ///< so that requests are asked for a second time
  ring::feature masked = ring::feature::none;
  consumption how = {};
};

pass drawn(draw& from, page_order order, bool tls) {
  pass made;
  made.order = order;
  made.window_bytes = from.one_of<std::size_t>({4, 8, 16, 32}) * mebibyte;
  // What is decrypted takes 16 KiB of a slot.
  made.slot_bytes = from.one_of<std::size_t>({tls ? 32U : 16U, 64, 64, 128}) * kibibyte;
  made.lanes = from.one_of<std::uint32_t>({8, 16, 32, 48});
  made.max_keys = from.one_of<std::uint32_t>({100, 300, 1000});
  made.attempts = from.one_of<std::uint32_t>({5, 6, 8});
  made.verified = from.one_of({verify::as_it_arrives, verify::before_delivery});
  made.by_keys = from.one_of({false, false, true});
  made.unthrottled = from.one_of({false, true});
  made.masked = from.one_of({ring::feature::none, ring::feature::none, ring::feature::all});
  made.how.held_slots = from.one_of<std::size_t>({0, 0, 1}) * (made.window_bytes / made.slot_bytes / 4 - 1);
  made.how.turns = from.one_of({0, 0, 1});
  return made;
}

/// What came of a pass.
struct outcome {
  std::uint64_t whole = 0;
  std::uint64_t failed = 0;
  std::uint64_t hedges = 0;
  std::map<std::string, std::uint64_t> failures = {};  ///< by condition
  std::string complaint = {};
};

client_options options_of(const pass& what, std::string_view endpoint, std::uint64_t seed) {
  client_options made;
  made.anonymous = true;
  made.region = "us-east-1";
  made.endpoint_url = endpoint;
  made.window_bytes = what.window_bytes;
  made.slot_bytes = what.slot_bytes;
  made.concurrency = what.lanes;
  made.verify = what.verified;
  made.deadlines.connect = 2s;
  // Time enough for an origin that has to wait for a processor: a list that is late in all its attempts ends the pass.
  made.deadlines.first_byte = made.deadlines.idle = sanitized ? 5s : 2s;
  made.retry.max_attempts = what.attempts;
  made.retry.base_delay = 2ms;
  made.retry.throttled_delay = 10ms;
  made.retry.max_delay = 100ms;
  made.jitter_seed = seed;
  return made;
}

page_stream pages_of(client& s3, const pass& what, const two_versions& objects) {
  const bool ordered = what.order == page_order::by_key;
  if (!what.by_keys) {
    const page_options all{.bucket = "s", .max_keys = what.max_keys, .on_error = on_error::report};
    return ordered ? s3.page_ordered(all) : s3.page_unordered(all);
  }
  std::vector<std::string> keys;
  for (std::uint64_t i = 0; i < objects.first.count(); ++i) keys.push_back(objects.first.key(i));
  const keys_options how{.on_error = on_error::report};
  return ordered ? s3.page_ordered("s", keys, how) : s3.page_unordered("s", keys, how);
}

task<> page_all(client& s3, const pass& what, const two_versions& objects, page_checker& seen, consumed& used,
                std::uint64_t& hedges) {
  auto pages = pages_of(s3, what, objects);
  co_await consume(pages, s3, seen, what.how, used);
  hedges = pages.summary().hedges;
}

/// What is left of a run in this process.
struct left {
  std::size_t frames = coro::frame_pool::local().live();
  std::size_t descriptors = ring::descriptor::live();
  std::size_t files = open_descriptors();
  bool operator==(const left&) const noexcept = default;
};

outcome run(const pass& what, const two_versions& objects, std::string_view endpoint, std::uint64_t seed) {
  const changing_objects expected(objects);
  page_checker seen(expected, what.order);
  seen.allow_other_bytes_of_failures();
  consumed used;
  outcome made;
  const auto complain = [&made](const std::string& text) {
    if (made.complaint.empty()) made.complaint = text;
  };
  const left before;
  forget_peak();
  const std::uint64_t resident = status_bytes("VmRSS");
  {
    ring::reactor loop({.masked = what.masked});
    ref<ring::buffer_pool> pool;
    {
      client s3(loop, options_of(what, endpoint, seed));
      pool = s3.window();
      try {
        loop.run(page_all(s3, what, objects, seen, used, made.hedges));
        seen.finish();
      } catch (const std::exception& failed) {
        complain(std::string("the run ended: ") + failed.what());
      }
    }
    // What the client has let go of is on its way through the kernel; ctest's and run.sh's timeouts guard this.
    while (loop.live_operations() != 0) loop.run_once();
    if (pool->granted() != 0 || pool->held() != 0)
      complain(std::to_string(pool->granted()) + " slots are granted and " + std::to_string(pool->held()) + " held by nobody");
  }
  const std::uint64_t peak = status_bytes("VmHWM");
  // Failures are kept here, with all that they say.
  const std::uint64_t most = what.window_bytes + 16 * mebibyte + seen.failures().size() * 2 * kibibyte;
  std::printf("%s: window %zu MiB of %zu KiB, %u lanes, %s of %u, %u attempts, %s, %s; %llu whole, %zu failed, %.0f MiB; "
              "most of the window used %.1f MiB, memory %.1f MiB more than before\n",
              what.order == page_order::by_key ? "by key" : "by arrival", what.window_bytes >> 20, what.slot_bytes >> 10,
              what.lanes, what.by_keys ? "given keys, not lists" : "lists", what.max_keys, what.attempts,
              what.verified == verify::as_it_arrives ? "verified as it arrives" : "verified before delivery",
              what.masked == ring::feature::none ? "all features" : "no features",
              static_cast<unsigned long long>(seen.whole()), seen.failures().size(),
              static_cast<double>(seen.bytes()) / mebibyte, static_cast<double>(used.most_used) / mebibyte,
              static_cast<double>(peak - resident) / mebibyte);
  if (!seen.complaint().empty()) complain(seen.complaint());
  if (!used.complaint.empty()) complain(used.complaint);
  if (!sanitized && peak - resident > most) complain("memory grew by " + std::to_string(peak - resident) + " bytes");
  if (!(left() == before)) complain("frames or descriptors are left");
  made.whole = seen.whole();
  made.failed = seen.failures().size();
  for (const auto& [key, failed] : seen.failures()) {
    ++made.failures[make_error_condition(condition_of(failed).value_or(errc::cancelled)).message()];
    if (made.failed <= 20) std::printf("  %s\n", failed.what());
  }
  return made;
}

extern "C" void hangs(int) {
  constexpr char text[] = "chaos: FAILED: the run hangs\n";
  static_cast<void>(!::write(STDOUT_FILENO, text, sizeof text - 1));
  ::_exit(1);
}

/// Where nginx passes on what it is asked for by TLS, as with_nginx.sh tells it.
struct tls_front {
  std::string endpoint = {};  ///< nginx's own; empty: there is none
  std::uint16_t port = 0;     ///< where the origin has to listen for it; 0: anywhere
};

tls_front front_from_environment() {
  const char* const behind = std::getenv("S3PAGER_TEST_PLAIN_ENDPOINT");
  const char* const front = std::getenv("S3PAGER_TEST_ENDPOINT");
  if (behind == nullptr || front == nullptr) return {};
  const std::string_view text(behind);
  const std::uint64_t port = number(text.substr(text.rfind(':') + 1));
  return {front, static_cast<std::uint16_t>(port)};
}

int chaos(std::uint64_t seed, std::uint64_t count) {
  const tls_front front = front_from_environment();
  const bool tls = !front.endpoint.empty();
  std::cout << "seed " << seed << ", " << count << " objects" << (tls ? ", by TLS through nginx" : "") << std::endl;
  draw from(seed);
  const auto objects = std::make_shared<two_versions>(testing::synthetic_options{
      .count = count, .seed = seed, .size_of = [=](std::uint64_t index) { return size_of(seed, count, index); }});
  shared_counts counts;
  testing::origin_options options;
  options.port = front.port;
  using testing::checksum_algorithm;
  options.checksums.algorithm =
      from.one_of({checksum_algorithm::crc32, checksum_algorithm::crc32c, checksum_algorithm::crc64nvme,
                   checksum_algorithm::sha1, checksum_algorithm::sha256});
  options.checksums.of_ranges = from.one_of(
      {testing::range_checksum::none, testing::range_checksum::of_range, testing::range_checksum::of_object});
  options.list_chunk_bytes = from.one_of<std::size_t>({0, 1000});
  options.requests_per_connection = from.one_of<std::uint64_t>({0, 100});
  constexpr const char* of_ranges[] = {"none", "their own", "the object's"};
  std::cout << "checksums: " << testing::checksum_header(options.checksums.algorithm) << ", with ranges "
            << of_ranges[static_cast<std::size_t>(options.checksums.of_ranges)] << std::endl;
  const origin_process served(options, [&](testing::origin& made) {
    made.add_bucket("s", std::make_shared<changing_bucket>(objects));
    made.set_hook(hook(seed, counts, testing::combines(options.checksums.algorithm)));
  });
  // What every run needs once, so that no pass is charged with it.
  static_cast<void>(testing::synthetic_span(seed, 0, 0, 1));

  ::signal(SIGALRM, hangs);
  std::map<std::string, std::uint64_t> failures;
  std::string complaint;
  std::uint64_t whole = 0;
  std::uint64_t failed = 0;
  std::uint64_t hedges = 0;
  for (const page_order order : {page_order::by_key, page_order::by_arrival}) {
    ::alarm(static_cast<unsigned>((sanitized ? 240 : 120) + count / 20));
    const pass next = drawn(from, order, tls);
    counts.sizes_unknown() = next.by_keys;
    counts.unthrottled() = next.unthrottled;
    const outcome came = run(next, *objects, tls ? front.endpoint : served.endpoint(), seed);
    whole += came.whole;
    failed += came.failed;
    hedges += came.hedges;
    for (const auto& [name, times] : came.failures) failures[name] += times;
    if (complaint.empty()) complaint = came.complaint;
  }
  ::alarm(0);
  std::uint64_t faults = 0;
  for (std::size_t i = 0; i < testing::fault_count; ++i) faults += counts[i];
  if (!complaint.empty()) std::cout << "FAILED: " << complaint << '\n';
  std::cout << "chaos: " << (complaint.empty() ? "passed" : "FAILED") << ": " << count << " objects in both orders, " << whole
            << " whole, " << failed << " failed";
  const char* between = " (";
  for (const auto& [name, times] : failures) std::cout << std::exchange(between, ", ") << name << ' ' << times;
  std::cout << (failures.empty() ? "" : ")") << "; " << faults << " faults in " << counts.requests() << " requests, " << hedges
            << " hedges:";
  for (std::size_t i = 0; i < testing::fault_count; ++i)
    std::cout << ' ' << testing::name_of(static_cast<fault>(i)) << ' ' << counts[i];
  std::cout << "; seed " << seed << std::endl;
  return complaint.empty() ? 0 : 1;
}

}  // namespace

int main(int count, char** values) {
  try {
    const std::uint64_t seed = count > 1 ? number(values[1]) : std::random_device()();
    const std::uint64_t objects = count > 2 ? number(values[2]) : 20'000;
    if (objects < 2) throw std::invalid_argument("at least two objects are needed");
    return chaos(seed, objects);
  } catch (const std::exception& failed) {
    std::cerr << "chaos: " << failed.what() << '\n';
    return 2;
  }
}
