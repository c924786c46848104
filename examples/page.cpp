// Pages through all objects under a prefix and says what it read and how fast.
//   page [--ordered|--unordered] --bucket B [--prefix P] [--endpoint URL] [--concurrency N] [--window-mib N] [--verbose]
// Credentials, region and endpoint are found in the environment, as every AWS tool finds them. After ctrl-C it says what it has
// read so far.
#include <charconv>
#include <chrono>
#include <cstdint>
#include <iomanip>
#include <iostream>
#include <optional>
#include <s3pager/s3pager.hpp>
#include <string_view>

namespace {

struct arguments {
  bool ordered = true;
  bool verbose = false;
  s3pager::page_options what = {};
  s3pager::run_options how = {};
};

constexpr std::string_view usage =
    "usage: page [--ordered|--unordered] --bucket B [--prefix P] [--endpoint URL] [--concurrency N]\n"
    "            [--window-mib N] [--report-errors] [--verbose]\n";

template <class Number>
bool read_number(std::string_view text, Number& value) {
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  return failed == std::errc() && end == text.data() + text.size() && value > 0;
}

/// Nothing if they can't be understood: what is wrong has been printed.
std::optional<arguments> parse(int argc, char** argv) {
  arguments made;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--ordered" || name == "--unordered") {
      made.ordered = name == "--ordered";
    } else if (name == "--verbose") {
      made.verbose = true;
    } else if (name == "--report-errors") {
      made.what.on_error = s3pager::on_error::report;
    } else if (i + 1 == argc) {
      std::cerr << "page: " << name << " is not known, or its value is missing\n" << usage;
      return std::nullopt;
    } else {
      const std::string_view value = argv[++i];
      std::size_t mebibytes = 0;
      bool good = true;
      if (name == "--bucket") made.what.bucket = value;
      else if (name == "--prefix") made.what.prefix = value;
      else if (name == "--endpoint") made.how.client.endpoint_url = value;
      else if (name == "--concurrency") good = read_number(value, made.how.client.concurrency);
      else if (name == "--window-mib") good = read_number(value, mebibytes) && mebibytes <= 4096;
      else good = false;
      if (!good) {
        std::cerr << "page: " << name << ' ' << value << " is not understood\n" << usage;
        return std::nullopt;
      }
      if (mebibytes > 0) made.how.client.window_bytes = mebibytes << 20;
    }
  }
  if (made.what.bucket.empty()) {
    std::cerr << "page: a bucket is needed\n" << usage;
    return std::nullopt;
  }
  return made;
}

s3pager::task<int> page_all(s3pager::client& s3, const arguments& asked) {
  auto pages = asked.ordered ? s3.page_ordered(asked.what) : s3.page_unordered(asked.what);
  std::uint64_t count = 0;
  bool stopped = false;
  try {
    while (auto page = co_await pages.next()) {
      ++count;
      if (const s3pager::error* failed = page->failure()) {
        std::cerr << "page: " << failed->what() << '\n';
      } else if (asked.verbose) {
        std::cout << page->object().key << ' ' << page->offset() << ' ' << page->bytes().size() << std::endl;
      }
    }
  } catch (const s3pager::error& failed) {
    if (failed.code() != s3pager::errc::cancelled) throw;
    stopped = true;
  }
  const s3pager::summary total = pages.summary();
  const double seconds = std::chrono::duration<double>(total.elapsed).count();
  std::cout << std::fixed << std::setprecision(3) << (stopped ? "stopped, " : "")
            << (asked.ordered ? "ordered" : "unordered") << ": " << total.objects
            << " objects, " << total.bytes << " bytes in " << count << " pages, " << total.requests << " requests, "
            << total.failures << " failures, " << seconds << " s, "
            << static_cast<double>(total.bytes) / 1e6 / (seconds > 0 ? seconds : 1) << " MB/s\n";
  co_return total.failures == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::optional<arguments> asked = parse(argc, argv);
  if (!asked) return 2;
  s3pager::signal_interruption ctrl_c;
  s3pager::run_options how = asked->how;
  how.stop = &ctrl_c;
  return ctrl_c.exit_status(s3pager::run([&](s3pager::client& s3) { return page_all(s3, *asked); }, how));
}
