// What is measured: the scenes, their contestants, and what s3pager is to reach in them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "curl_contestant.hpp"
#include "data.hpp"
#include "epoll_contestant.hpp"
#include "job.hpp"
#include "openssl_contestant.hpp"
#include "s3pager_contestant.hpp"
#include "scene.hpp"
#include "uring_contestant.hpp"
#include "wrk_contestant.hpp"

namespace bench {

struct scene_settings {
  target plain = {};
  target secure = {};
  std::string tls = {};  ///< the protocol's name
  bool quick = false;
  unsigned pages = 20;   ///< first ones a round
  s3pager_tuning tuning = {};
  ring_sizes ring = {};
};

namespace detail {

inline constexpr const char* ordered = "s3pager, ordered";
inline constexpr const char* unordered = "s3pager, unordered";
inline constexpr const char* tuned_curl = "libcurl, 512 KiB, SigV4";

/// All objects of a set by all ways to read them.
class bulk_scene {
 public:
  bulk_scene(const scene_settings& asked, const server_data& data, bool secure, object_set objects, unsigned lanes,
             consumption what_for, std::uint64_t range_bytes = 0)
      : asked_(&asked), at_(secure ? asked.secure : asked.plain), small_(objects.bytes < (64 << 10)) {
    job_ = {.connections = lanes,
            .what_for = what_for,
            .prefix = objects.prefix,
            .keys = objects.keys(),
            .object_bytes = objects.bytes,
            .range_bytes = range_bytes};
    const object_set warming{"warming-", lanes, 1 << 20};
    const object_set all_warming{"warming-", 64, 1 << 20};
    job_.warming_keys = warming.keys();
    const std::string size = objects.bytes >= (1 << 30)   ? std::to_string(objects.bytes >> 30) + " GiB"
                             : objects.bytes >= (1 << 20) ? std::to_string(objects.bytes >> 20) + " MiB"
                                                          : std::to_string(objects.bytes >> 10) + " KiB";
    made_ = {.name = (secure ? asked.tls : std::string("plain")) + ", " + std::to_string(objects.count) + " x " + size +
                     (range_bytes > 0 ? " in ranges, " : ", ") + std::to_string(lanes) + " lanes" +
                     (what_for == consumption::checksum ? ", every byte read" : ""),
             .per = small_ ? unit::request : unit::gigabyte,
             .count = objects.count,
             .bytes = objects.count * objects.bytes,
             .prepare = [data, objects, all_warming] {
               data.make(all_warming);
               data.make(objects);
             }};
    add_contestants(secure);
    for (const std::string who : {ordered, unordered})
      for (const contestant& each : made_.contestants)
        if (!each.name.starts_with("s3pager")) made_.comparisons.push_back({who, each.name});
  }

  [[nodiscard]] std::vector<std::string> floors() const { return floors_; }
  /// For both modes.
  void add_goal(const std::string& row, std::vector<std::string> against, quantity of, double bound, const std::string& words) {
    for (const std::string who : {ordered, unordered}) made_.goals.push_back({row, who, against, of, bound, words});
  }
  [[nodiscard]] scene take() {
    add_goal("memory", {}, quantity::memory, 1, "peak memory: window + 16 MiB + 160 KiB a TLS connection");
    return std::move(made_);
  }

 private:
  template <class Who>
  void add(const std::string& name, Who who) {
    made_.contestants.push_back({name, [who, what = job_] { return who.bulk(what); }});
  }
  template <class Who>
  void add_floor(const std::string& name, Who who) {
    add(name, std::move(who));
    floors_.push_back(name);
  }
  void add_contestants(bool secure) {
    add(ordered, s3pager_contestant(at_, mode::ordered, asked_->tuning));
    add(unordered, s3pager_contestant(at_, mode::unordered, asked_->tuning));
    if (secure) {
      add_floor("SSL_read", openssl_contestant(at_));
      add("SSL_read, read_ahead 64 KiB", openssl_contestant(at_, 64 * 1024));
    } else {
      add_floor("epoll, 256 KiB", epoll_contestant(at_, 256 << 10));
      if (!small_) add_floor("epoll, 4 MiB", epoll_contestant(at_, 4 << 20));
      if (!small_) add_floor("io_uring", uring_contestant(at_, asked_->ring));
    }
    if (small_) {
      made_.contestants.push_back({"wrk", [at = at_, what = job_] { return wrk_contestant(at).bulk(what); }, {}, true});
      add("libcurl, SigV4", curl_contestant(at_, {.signs = true}));
    } else {
      add("libcurl", curl_contestant(at_));
      add(tuned_curl, curl_contestant(at_, {.buffer_bytes = 512 << 10, .signs = true}));
    }
  }

  const scene_settings* asked_;
  target at_;
  bool small_;
  bulk_job job_;
  scene made_;
  std::vector<std::string> floors_;
};

inline void add_bulk_scenes(std::vector<scene>& to, const scene_settings& asked, const server_data& data) {
  const object_set large = asked.quick ? object_set{"large-", 8, 4 << 20} : object_set{"large-", 64, 16 << 20};
  const object_set medium = asked.quick ? object_set{"medium-", 16, 1 << 20} : object_set{"medium-", 512, 1 << 20};
  for (const bool secure : {false, true}) {
    for (const consumption what_for : {consumption::count, consumption::checksum}) {
      for (const object_set& objects : {large, medium}) {
        for (const unsigned lanes : {16U, 64U}) {
          bulk_scene made(asked, data, secure, objects, lanes, what_for);
          if (secure) {
            made.add_goal("bulk, TLS", made.floors(), quantity::cpu, 0.75, "CPU per GB of SSL_read's on a socket");
            made.add_goal("bulk, TLS", {tuned_curl}, quantity::cpu, 0.75, "CPU per GB of tuned libcurl's");
          } else {
            made.add_goal("bulk", made.floors(), quantity::cpu, 1.10, "CPU per GB of the best copying floor's");
            made.add_goal("bulk", {tuned_curl}, quantity::cpu, 0.85, "CPU per GB of tuned libcurl's");
            made.add_goal("bulk, wall", made.floors(), quantity::throughput, 0.95, "throughput of the best copying floor's");
          }
          to.push_back(made.take());
        }
      }
    }
  }
}

inline void add_small_scenes(std::vector<scene>& to, const scene_settings& asked, const server_data& data) {
  const object_set small{"small-", asked.quick ? 2000U : 20'000U, 4 << 10};
  for (const bool secure : {false, true}) {
    bulk_scene made(asked, data, secure, small, 64, consumption::count);
    if (secure) {
      made.add_goal("small, TLS", {"libcurl, SigV4"}, quantity::cpu, 0.28, "CPU per 1,000 of libcurl's with SigV4");
    } else {
      made.add_goal("small", made.floors(), quantity::cpu, 1, "CPU per 1,000 of the unsigned epoll floor's");
      made.add_goal("small", {"wrk"}, quantity::cpu, 1, "CPU per 1,000 of wrk's");
      made.add_goal("small", {"libcurl, SigV4"}, quantity::cpu, 0.25, "CPU per 1,000 of libcurl's with SigV4");
    }
    to.push_back(made.take());
  }
}

inline void add_huge_scenes(std::vector<scene>& to, const scene_settings& asked, const server_data& data) {
  const object_set huge{"huge-", 1, asked.quick ? std::uint64_t{64} << 20 : std::uint64_t{2} << 30};
  for (const bool secure : {false, true}) {
    bulk_scene made(asked, data, secure, huge, 16, consumption::count, 8 << 20);
    made.add_goal("ranges", made.floors(), quantity::cpu, 1.10, "CPU per GB of the best floor's");
    to.push_back(made.take());
  }
}

}  // namespace detail

[[nodiscard]] inline std::vector<scene> make_scenes(const scene_settings& asked, const server_data& data) {
  std::vector<scene> made;
  detail::add_bulk_scenes(made, asked, data);
  detail::add_small_scenes(made, asked, data);
  detail::add_huge_scenes(made, asked, data);
  return made;
}

}  // namespace bench
