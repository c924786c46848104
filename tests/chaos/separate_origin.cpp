// separate_origin PORT: an origin in a process of its own, to be stopped and killed. Prints its port when it listens. Ends
// with who started it.
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <memory>
#include <optional>

#include "chaos/separate_objects.hpp"
#include "s3pager/base/error.hpp"
#include "s3pager/testing/origin.hpp"

int main(int count, char** values) {
  try {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (count != 2 || ::getppid() == 1) return 2;
    s3pager::ring::reactor loop;
    const auto port = static_cast<std::uint16_t>(std::atoi(values[1]));
    std::optional<s3pager::testing::origin> listening;
    // The kernel lets go of the port of a process that was killed only when it has taken down its ring, some time after its end.
    for (int tries = 0; !listening; ++tries) {
      try {
        listening.emplace(loop, s3pager::testing::origin_options{.port = port});
      } catch (const s3pager::error& failed) {
        if (failed.code() != s3pager::errno_code(EADDRINUSE) || tries == 10'000) throw;
        ::usleep(1'000);
      }
    }
    s3pager::testing::origin& server = *listening;
    server.add_bucket("b", s3pager::test::separate_objects());
    std::cout << server.port() << std::endl;
    loop.run(server.serve());
  } catch (const std::exception& failed) {
    std::cerr << "separate_origin: " << failed.what() << '\n';
    return 2;
  }
}
