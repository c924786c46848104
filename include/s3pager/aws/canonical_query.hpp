// The query of a request in the order in which SigV4 signs it, and in which it is therefore sent too.
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <string_view>

namespace s3pager::aws {

/// Both parts encoded, `/` too. A parameter without a value (`?lifecycle`) has an empty one.
struct query_parameter {
  std::string_view name;
  std::string_view value = {};
};

/// Sorts `parameters` by encoded name, then by encoded value, and appends them to `out` as `a=1&b=`, without a `?`.
inline void append_canonical_query(std::string& out, std::span<query_parameter> parameters) {
  // By name first, never by the joined text: '-' sorts before '=', so "a-b=1" would come before "a=1".
  std::sort(parameters.begin(), parameters.end(), [](const query_parameter& a, const query_parameter& b) {
    return a.name != b.name ? a.name < b.name : a.value < b.value;
  });
  for (const auto& [name, value] : parameters) {
    if (&name != &parameters.front().name) out += '&';
    out += name;
    out += '=';
    out += value;
  }
}

}  // namespace s3pager::aws
