// Several tasks side by side, all of whose results are wanted. Knows nothing of reactors.
#pragma once

#include <cstddef>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "s3pager/coro/promise.hpp"
#include "s3pager/coro/scope.hpp"
#include "s3pager/coro/task.hpp"

namespace s3pager::coro {

/// What when_all of two to four tasks gives: a plain struct (`auto [a, b] = co_await ...`), as some compilers skip the
/// destructors of a tuple that is bound from an await. The result of a task<> is a std::monostate.
template <class... T>
struct when_all_result;

template <class A, class B>
struct when_all_result<A, B> {
  A first;
  B second;
};

template <class A, class B, class C>
struct when_all_result<A, B, C> {
  A first;
  B second;
  C third;
};

template <class A, class B, class C, class D>
struct when_all_result<A, B, C, D> {
  A first;
  B second;
  C third;
  D fourth;
};

namespace detail {

template <class T>
using stored = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

template <class T>
task<> store(task<T> work, std::optional<stored<T>>& into) {
  if constexpr (std::is_void_v<T>) {
    co_await std::move(work);
    into.emplace();
  } else {
    into.emplace(co_await std::move(work));
  }
}

template <class... T, std::size_t... I>
task<when_all_result<stored<T>...>> when_all(std::index_sequence<I...>, task<T>... tasks) {
  std::tuple<std::optional<stored<T>>...> results;
  scope side_by_side(co_await this_context());
  (side_by_side.spawn(store<T>(std::move(tasks), std::get<I>(results))), ...);
  co_await side_by_side.join();
  co_return when_all_result<stored<T>...>{std::move(*std::get<I>(results))...};
}

}  // namespace detail

/// Runs the tasks side by side, and gives their results in the order of the tasks when all have ended. The first that throws
/// stops the others (their waits end with errc::cancelled); when all have ended, that first failure is thrown. A stop of the
/// context stops them all. Dropping it drops them all.
template <class T>
  requires(!std::is_void_v<T>)
[[nodiscard]] task<std::vector<T>> when_all(std::vector<task<T>> tasks) {
  std::vector<std::optional<T>> results(tasks.size());
  scope side_by_side(co_await this_context());
  for (std::size_t i = 0; i < tasks.size(); ++i) side_by_side.spawn(detail::store<T>(std::move(tasks[i]), results[i]));
  co_await side_by_side.join();
  std::vector<T> values;
  values.reserve(results.size());
  for (std::optional<T>& result : results) values.push_back(std::move(*result));
  co_return values;
}

/// The same for tasks without a result.
[[nodiscard]] inline task<> when_all(std::vector<task<>> tasks) {
  scope side_by_side(co_await this_context());
  for (task<>& work : tasks) side_by_side.spawn(std::move(work));
  co_await side_by_side.join();
}

/// The same for two to four tasks of any types: gives a when_all_result.
template <class... T>
  requires(sizeof...(T) >= 2 && sizeof...(T) <= 4)
[[nodiscard]] task<when_all_result<detail::stored<T>...>> when_all(task<T>... tasks) {
  return detail::when_all<T...>(std::index_sequence_for<T...>(), std::move(tasks)...);
}

}  // namespace s3pager::coro
