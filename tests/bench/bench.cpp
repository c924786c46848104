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
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "curl_contestant.hpp"
#include "job.hpp"
#include "openssl_contestant.hpp"
#include "report.hpp"
#include "s3pager_contestant.hpp"
#include "scene.hpp"

namespace {

struct arguments {
  bench::target at = {};
  unsigned rounds = 15;
  unsigned objects = 64;            // of bulk_bytes
  std::uint64_t bulk_bytes = 0;     // how large each of them is
  unsigned small_objects = 5000;    // of small_bytes
  std::uint64_t small_bytes = 0;
  unsigned pages = 20;              // first ones a round
  long server_pid = 0;
  std::string json = {};
  std::string server = {};          // its version
  std::string protocol = {};
  std::string scene = {};           // only those whose names contain it
  std::string only = {};            // only the contestants whose names contain it
  bench::s3pager_tuning tuning = {};
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
  for (int i = 1; i < argc; i += 2) {
    const std::string_view name = argv[i];
    if (i + 1 == argc) throw std::runtime_error(std::string(name) + " needs a value");
    const std::string_view value = argv[i + 1];
    if (name == "--port") made.at.port = number<std::uint16_t>(value);
    else if (name == "--ca") made.at.ca_file = value;
    else if (name == "--rounds") made.rounds = number<unsigned>(value);
    else if (name == "--objects") made.objects = number<unsigned>(value);
    else if (name == "--bulk-bytes") made.bulk_bytes = number<std::uint64_t>(value);
    else if (name == "--small-objects") made.small_objects = number<unsigned>(value);
    else if (name == "--small-bytes") made.small_bytes = number<std::uint64_t>(value);
    else if (name == "--pages") made.pages = number<unsigned>(value);
    else if (name == "--server-pid") made.server_pid = number<long>(value);
    else if (name == "--json") made.json = value;
    else if (name == "--server") made.server = value;
    else if (name == "--protocol") made.protocol = value;
    else if (name == "--scene") made.scene = value;
    else if (name == "--only") made.only = value;
    else if (name == "--window-mib") made.tuning.window_bytes = number<std::size_t>(value) << 20;
    else if (name == "--slot-kib") made.tuning.slot_bytes = number<std::size_t>(value) << 10;
    else throw std::runtime_error(std::string(name) + " is not known");
  }
  if (made.rounds == 0 || made.at.port == 0) throw std::runtime_error("--rounds and --port are needed");
  return made;
}

/// Of the server so far, to a hundredth of a second.
double server_cpu_seconds(long pid) {
  std::ifstream from("/proc/" + std::to_string(pid) + "/stat");
  std::string word;
  std::getline(from, word, ')');
  for (int i = 0; i < 11; ++i) from >> word;
  double user = 0;
  double system = 0;
  from >> user >> system;
  return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
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
          {"protocol", asked.protocol},
          {"rounds", std::to_string(asked.rounds)}};
}

/// Many of one size; large ones are many gigabytes, small ones many objects.
bench::scene bulk_scene(const arguments& asked, bench::unit per, unsigned connections) {
  const bool large = per == bench::unit::gigabyte;
  const std::uint64_t size = large ? asked.bulk_bytes : asked.small_bytes;
  const unsigned objects = large ? asked.objects : asked.small_objects;
  bench::bulk_job what{.connections = connections};
  for (unsigned i = 0; i < connections; ++i) what.warming_keys.push_back("warming/" + std::to_string(i));
  for (unsigned i = 0; i < objects; ++i) what.keys.push_back(large ? "bulk/" + std::to_string(i) : "small");
  bench::scene made{.name = (large ? "bulk, " : "small, ") + std::to_string(objects) + " x " +
                            (large ? std::to_string(size >> 20) + " MiB, " : std::to_string(size) + " bytes, ") +
                            std::to_string(connections) + " connections, " + asked.protocol,
                    .per = per,
                    .objects = objects,
                    .bytes = objects * size};
  const std::string us = "s3pager";
  made.contestants.push_back({us, [asked, what] { return bench::s3pager_contestant(asked.at, asked.tuning).bulk(what); }});
  const auto add = [&](const std::string& name, std::function<bench::usage()> work) {
    made.contestants.push_back({name, std::move(work)});
    made.comparisons.push_back({us, name});
  };
  add("OpenSSL", [asked, what] { return bench::openssl_contestant(asked.at).bulk(what); });
  add("OpenSSL, read_ahead 64 KiB", [asked, what] { return bench::openssl_contestant(asked.at, 64 * 1024).bulk(what); });
  add("libcurl", [asked, what] { return bench::curl_contestant(asked.at).bulk(what); });
  add("libcurl, 512 KiB", [asked, what] { return bench::curl_contestant(asked.at, 512 * 1024).bulk(what); });
  return made;
}

bench::scene first_page_scene(const arguments& asked) {
  bench::scene made{.name = "first page of " + std::to_string(asked.small_bytes) + " bytes, " + asked.protocol,
                    .per = bench::unit::object,
                    .objects = asked.pages,
                    .bytes = asked.pages * asked.small_bytes};
  struct beginning {
    bench::client_state from;
    std::string name;
  };
  const std::vector<beginning> beginnings{{bench::client_state::fresh, "fresh client"},
                                          {bench::client_state::no_session, "full handshake"},
                                          {bench::client_state::session, "resumed"},
                                          {bench::client_state::connection, "connected"}};
  const bool curl_resumes = asked.protocol != "TLS 1.2";  // 7.88 offers a session, but not its ticket
  for (const beginning& each : beginnings) {
    const bench::first_page_job what{.from = each.from, .times = asked.pages, .key = "small"};
    const bool resumes = each.from == bench::client_state::session;
    const std::string ours = "s3pager, " + each.name;
    const std::string floor = "OpenSSL, " + each.name;
    const std::string curl = "libcurl, " + each.name;
    const auto add = [&](const std::string& name, std::function<bench::usage()> work) {
      made.contestants.push_back({name, std::move(work), resumes});
    };
    add(ours, [asked, what] { return bench::s3pager_contestant(asked.at, asked.tuning).first_page(what); });
    add(floor, [asked, what] { return bench::openssl_contestant(asked.at).first_page(what); });
    made.comparisons.push_back({ours, floor});
    if (resumes && !curl_resumes) continue;
    add(curl, [asked, what] { return bench::curl_contestant(asked.at).first_page(what); });
    made.comparisons.push_back({ours, curl});
  }
  for (const std::string who : {"s3pager", "OpenSSL", "libcurl"})
    if (who != "libcurl" || curl_resumes) made.comparisons.push_back({who + ", resumed", who + ", full handshake"});
  return made;
}

int run(const arguments& asked) {
  std::vector<bench::scene> scenes;
  scenes.push_back(first_page_scene(asked));
  scenes.push_back(bulk_scene(asked, bench::unit::object, 64));
  for (const unsigned connections : {16U, 64U}) scenes.push_back(bulk_scene(asked, bench::unit::gigabyte, connections));
  std::erase_if(scenes, [&](const bench::scene& each) { return each.name.find(asked.scene) == std::string::npos; });
  for (bench::scene& each : scenes) each.only(asked.only);
  const bench::surroundings where = describe(asked);
  for (const auto& [name, value] : where) std::printf("%s: %s\n", name.c_str(), value.c_str());
  for (bench::scene& each : scenes)
    for (unsigned i = 0; i < asked.rounds; ++i) each.play(i, [&] { return server_cpu_seconds(asked.server_pid); });
  bench::print_table(scenes);
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
