// User instructions of each contestant, counted by callgrind: the program itself once more under valgrind, with less to do. Valgrind's
// processor has AES instructions, but none for SHA-256 and no AVX-512: who signs takes some 4,000 more there for each 64 bytes.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "in_child.hpp"

namespace bench {

/// Runs `program` with these arguments, of which it does what is between its meters. 0: there is no valgrind, or it failed.
[[nodiscard]] inline std::uint64_t count_user_instructions(const std::string& program, const std::vector<std::string>& arguments,
                                                           const std::string& scratch) {
  const std::string out = scratch + "/callgrind.out";
  std::vector<std::string> all{"valgrind", "--tool=callgrind", "--collect-atstart=no", "--quiet", "--callgrind-out-file=" + out, program};
  all.insert(all.end(), arguments.begin(), arguments.end());
  std::vector<char*> words;
  for (std::string& each : all) words.push_back(each.data());
  words.push_back(nullptr);
  const pid_t child = fork_child();
  if (child == 0) {
    ::execvp(words[0], words.data());
    ::_exit(127);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  if (status != 0) return 0;
  std::ifstream from(out);
  constexpr std::string_view name = "totals: ";
  for (std::string line; std::getline(from, line);)
    if (line.starts_with(name)) return std::stoull(line.substr(name.size()));
  return 0;
}

}  // namespace bench
