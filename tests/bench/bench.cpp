// s3pager beside what else reads objects, on a server that run.sh starts. Not to be run by hand: see there.
#include <curl/curl.h>
#include <openssl/crypto.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "data.hpp"
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
  std::string scene = {};           // only those whose names contain it
  std::string only = {};            // only the contestants whose names contain it
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
    if (i + 1 == argc) throw std::runtime_error(std::string(name) + " is not known, or its value is missing");
    const std::string_view value = argv[++i];
    if (name == "--port") plain_port = number<std::uint16_t>(value);
    else if (name == "--secure-port") secure_port = number<std::uint16_t>(value);
    else if (name == "--ca") at.ca_file = value;
    else if (name == "--data") made.data = value;
    else if (name == "--server-pid") at.server_pid = number<long>(value);
    else if (name == "--server") made.server = value;
    else if (name == "--protocol") made.what.tls = value;
    else if (name == "--json") made.json = value;
    else if (name == "--rounds") made.rounds = number<unsigned>(value);
    else if (name == "--pages") made.what.pages = number<unsigned>(value);
    else if (name == "--scene") made.scene = value;
    else if (name == "--only") made.only = value;
    else if (name == "--window-mib") made.what.tuning.window_bytes = number<std::size_t>(value) << 20;
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
  return {{"processor", processor},
          {"processors", std::to_string(::sysconf(_SC_NPROCESSORS_ONLN))},
          {"kernel", system.release},
          {"compiler", "GCC-compatible " __VERSION__},
          {"openssl", ::OpenSSL_version(OPENSSL_VERSION_STRING)},
          {"libcurl", ::curl_version()},
          {"server", asked.server},
          {"rounds", std::to_string(asked.rounds)}};
}

int run(const arguments& asked) {
  const bench::server_data data(asked.data, asked.what.plain.bucket);
  std::vector<bench::scene> scenes = bench::make_scenes(asked.what, data);
  std::erase_if(scenes, [&](const bench::scene& each) { return each.name.find(asked.scene) == std::string::npos; });
  for (bench::scene& each : scenes) each.only(asked.only);
  std::erase_if(scenes, [](const bench::scene& each) { return each.contestants.empty(); });
  if (scenes.empty()) throw std::runtime_error("no scene is called so");
  const bench::surroundings where = describe(asked);
  for (const auto& [name, value] : where) std::printf("%s: %s\n", name.c_str(), value.c_str());
  for (bench::scene& each : scenes) {
    each.prepare();
    for (unsigned i = 0; i < asked.rounds; ++i) each.play(i);
    bench::print_table(each);
  }
  if (!asked.json.empty()) bench::write_json(asked.json, where, scenes);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(parse(argc, argv));
  } catch (const std::exception& failed) {
    std::fprintf(stderr, "bench: %s\n", failed.what());
    return 1;
  }
}
