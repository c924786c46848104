// Puts many objects into a real server, over several connections.
#pragma once

#include <cstddef>
#include <exception>
#include <string_view>
#include <thread>
#include <vector>

#include "support/page_checker.hpp"
#include "support/put_client.hpp"
#include "support/real_server.hpp"

namespace s3pager::test {

inline void put_all(std::string_view bucket, const object_map& objects, std::size_t writers = 8) {
  server().writer().make_bucket(bucket);
  std::vector<std::thread> threads;
  std::vector<std::exception_ptr> failed(writers);
  for (std::size_t thread = 0; thread < writers; ++thread)
    threads.emplace_back([&, thread] {
      try {
        put_client writer = server().writer();
        std::size_t index = 0;
        for (const auto& [key, what] : objects)
          if (index++ % writers == thread) writer.put(bucket, key, what);
      } catch (...) {
        failed[thread] = std::current_exception();
      }
    });
  for (std::thread& each : threads) each.join();
  for (const std::exception_ptr& each : failed)
    if (each) std::rethrow_exception(each);
}

}  // namespace s3pager::test
