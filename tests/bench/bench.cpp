// s3pager beside what else reads objects, on a server that run.sh starts. Not to be run by hand: see there.
#include <curl/curl.h>
#include <openssl/crypto.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <fstream>
#include <optional>
#include <regex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "checks.hpp"
#include "data.hpp"
#include "instructions.hpp"
#include "plots.hpp"
#include "report.hpp"
#include "scene.hpp"
#include "scenes.hpp"

namespace {

struct arguments {
  bench::scene_settings what = {};
  unsigned rounds = 15;
  std::string data = {};
  std::string json = {};
  std::string server = {};          // its version
  std::string wrk = {};             // its version
  std::regex scene{""};             // only those in whose names it is found
  std::regex only{""};              // only the contestants in whose names it is found
  std::string plots = {};           // where they are to be written
  bool check = false;
  bool instructions = false;
  std::string program = {};
  std::vector<std::string> words = {};  // as given
  std::optional<std::size_t> alone = {};  // of all contestants of all scenes that are left, this one, and nothing of it is printed
};

template <class Number>
Number number(std::string_view text) {
  Number made{};
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), made);
  if (failed != std::errc() || end != text.data() + text.size()) throw std::runtime_error("not a number: " + std::string(text));
  return made;
}

arguments parse(int argc, char** argv) {
  arguments made;
  made.program = argv[0];
  made.words.assign(argv + 1, argv + argc);
  bench::target at;
  std::uint16_t plain_port = 0;
  std::uint16_t secure_port = 0;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--quick") {
      made.what.quick = true;
      made.what.pages = 2;
      made.rounds = 1;
      continue;
    }
    if (name == "--check" || name == "--instructions" || name == "--giant") {
      (name == "--check" ? made.check : name == "--giant" ? made.what.giant : made.instructions) = true;
      continue;
    }
    if (i + 1 == argc) throw std::runtime_error(std::string(name) + " is not known, or its value is missing");
    const std::string_view value = argv[++i];
    if (name == "--port") plain_port = number<std::uint16_t>(value);
    else if (name == "--secure-port") secure_port = number<std::uint16_t>(value);
    else if (name == "--ca") at.ca_file = value;
    else if (name == "--data") made.data = value;
    else if (name == "--server-core") at.server_core = number<int>(value);
    else if (name == "--server") made.server = value;
    else if (name == "--wrk") made.wrk = value;
    else if (name == "--protocol") made.what.tls = value;
    else if (name == "--json") made.json = value;
    else if (name == "--plots") made.plots = value;
    else if (name == "--alone") made.alone = number<std::size_t>(value);
    else if (name == "--rounds") made.rounds = number<unsigned>(value);
    else if (name == "--pages") made.what.pages = number<unsigned>(value);
    else if (name == "--scene") made.scene = std::regex(value.begin(), value.end());
    else if (name == "--only") made.only = std::regex(value.begin(), value.end());
    else if (name == "--window-mib") made.what.tuning.window_bytes = number<std::size_t>(value) << 20;
    else if (name == "--receive-window-kib") made.what.tuning.receive_window_bytes = number<std::size_t>(value) << 10;
    else if (name == "--slot-kib") made.what.tuning.slot_bytes = number<std::size_t>(value) << 10;
    else if (name == "--ring-buffers") made.what.ring.buffers = number<unsigned>(value);
    else if (name == "--ring-buffer-kib") made.what.ring.buffer_bytes = number<std::size_t>(value) << 10;
    else throw std::runtime_error(std::string(name) + " is not known");
  }
  if (made.rounds == 0 || plain_port == 0 || secure_port == 0 || made.data.empty())
    throw std::runtime_error("--rounds, --port, --secure-port and --data are needed");
  made.what.plain = made.what.secure = at;
  made.what.plain.port = plain_port;
  made.what.secure.port = secure_port;
  made.what.secure.secure = true;
  return made;
}

bench::surroundings describe(const arguments& asked) {
  utsname system{};
  ::uname(&system);
  std::string processor;
  std::ifstream from("/proc/cpuinfo");
  for (std::string line; processor.empty() && std::getline(from, line);)
    if (line.starts_with("model name")) processor = line.substr(line.find(':') + 2);
  std::string congestion_control;
  std::ifstream("/proc/sys/net/ipv4/tcp_congestion_control") >> congestion_control;
  return {{"processor", processor},
          {"processors", std::to_string(::sysconf(_SC_NPROCESSORS_ONLN))},
          {"kernel", system.release},
          {"TCP", congestion_control},
          {"compiler", "GCC-compatible " __VERSION__},
          {"openssl", ::OpenSSL_version(OPENSSL_VERSION_STRING)},
          {"libcurl", ::curl_version_info(CURLVERSION_NOW)->version},
          {"wrk", asked.wrk},
          {"server", asked.server},
          {"rounds", std::to_string(asked.rounds)}};
}

/// Those that were asked for, of this size.
std::vector<bench::scene> chosen_scenes(const arguments& asked, const bench::scene_settings& how) {
  const bench::server_data data(asked.data, how.plain.bucket);
  const std::vector<bench::scene> named = bench::make_scenes(asked.what, data);  // names tell the size
  std::vector<bench::scene> all = bench::make_scenes(how, data);
  std::vector<bench::scene> made;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!std::regex_search(named[i].name, asked.scene)) continue;
    all[i].only(asked.only);
    if (!all[i].contestants.empty()) made.push_back(std::move(all[i]));
  }
  if (made.empty()) throw std::runtime_error("no scene is called so");
  return made;
}

bench::scene_settings for_counting(bench::scene_settings how) {
  how.counted = true;
  return how;
}

/// One contestant in this process, for callgrind.
int run_alone(const arguments& asked) {
  std::size_t index = *asked.alone;
  for (const bench::scene& each : chosen_scenes(asked, for_counting(asked.what))) {
    if (index >= each.contestants.size()) {
      index -= each.contestants.size();
      continue;
    }
    static_cast<void>(each.contestants[index].work());
    return 0;
  }
  throw std::runtime_error("there are fewer contestants");
}

/// Has callgrind count, with less to do than in the rounds.
void count_instructions(const arguments& asked, std::vector<bench::scene>& scenes) {
  std::size_t index = 0;
  std::vector<bench::scene> counted = chosen_scenes(asked, for_counting(asked.what));
  for (std::size_t i = 0; i < scenes.size(); ++i) {
    if (counted[i].counts_instructions) counted[i].prepare();
    for (const bench::contestant& who : counted[i].contestants) {
      std::vector<std::string> words = asked.words;
      words.insert(words.end(), {"--alone", std::to_string(index++)});
      // wrk is another program, and does what it can in a second.
      if (!counted[i].counts_instructions || who.own_amount) continue;
      const std::uint64_t found = bench::count_user_instructions(asked.program, words, asked.data + "/..");
      const std::uint64_t amount = counted[i].per == bench::unit::gigabyte ? counted[i].bytes : counted[i].count;
      if (found > 0) scenes[i].user_instructions[who.name] = static_cast<double>(found) / static_cast<double>(amount);
    }
  }
}

int run(const arguments& asked) {
  std::vector<bench::scene> scenes = chosen_scenes(asked, asked.what);
  const bench::surroundings where = describe(asked);
  for (const auto& [name, value] : where) std::printf("%s: %s\n", name.c_str(), value.c_str());
  if (asked.instructions && !bench::counted_instructions().by_processor()) count_instructions(asked, scenes);
  for (bench::scene& each : scenes) {
    each.prepare();
    for (unsigned i = 0; i < asked.rounds; ++i) each.play(i);
    bench::print_table(each);
  }
  const std::vector<bench::check> checks = bench::make_checks(scenes);
  if (!asked.json.empty()) bench::write_json(asked.json, where, scenes, checks);
  if (!asked.plots.empty()) bench::write_plots(asked.plots, where, scenes);
  if (!asked.check) return 0;
  bench::print_checks(checks);
  const auto is_short = [](const bench::check& each) { return each.found == bench::verdict::shortfall; };
  return std::any_of(checks.begin(), checks.end(), is_short) ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const arguments asked = parse(argc, argv);
    return asked.alone ? run_alone(asked) : run(asked);
  } catch (const std::exception& failed) {
    std::fprintf(stderr, "bench: %s\n", failed.what());
    return 2;
  }
}
