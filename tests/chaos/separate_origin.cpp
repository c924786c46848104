// separate_origin PORT: an origin in a process of its own, to be stopped and killed. Prints its port when it listens. Ends
// with who started it.
#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <memory>

#include "chaos/separate_objects.hpp"
#include "s3pager/testing/origin.hpp"

int main(int count, char** values) {
  try {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (count != 2 || ::getppid() == 1) return 2;
    s3pager::ring::reactor loop;
    s3pager::testing::origin server(loop, {.port = static_cast<std::uint16_t>(std::atoi(values[1]))});
    server.add_bucket("b", s3pager::test::separate_objects());
    std::cout << server.port() << std::endl;
    loop.run(server.serve());
  } catch (const std::exception& failed) {
    std::cerr << "separate_origin: " << failed.what() << '\n';
    return 2;
  }
}
