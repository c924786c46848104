#include "s3pager/base/intrusive_list.hpp"

#include <memory>
#include <optional>
#include <vector>

#include "support/catch.hpp"

using s3pager::intrusive_list;
using s3pager::list_node;

namespace {

struct item : list_node {
  explicit item(int number) : value(number) {}
  int value;
};

std::vector<int> values(intrusive_list<item>& list) {
  std::vector<int> result;
  for (const item& each : list) result.push_back(each.value);
  return result;
}

}  // namespace

TEST_CASE("a new list is empty") {
  intrusive_list<item> list;
  CHECK(list.empty());
  CHECK(list.pop_front() == nullptr);
  CHECK(list.begin() == list.end());
}

TEST_CASE("nodes are linked at either end and in front of another") {
  item a(1), b(2), c(3), d(4);
  intrusive_list<item> list;
  list.push_back(b);
  list.push_front(a);
  list.push_back(d);
  list.insert(d, c);
  CHECK(values(list) == std::vector{1, 2, 3, 4});
  CHECK(&list.front() == &a);
  CHECK(&list.back() == &d);
  CHECK(list.begin()->value == 1);
}

TEST_CASE("nodes come out in order, unlinked") {
  item a(1), b(2);
  intrusive_list<item> list;
  list.push_back(a);
  list.push_back(b);
  CHECK(list.pop_front() == &a);
  CHECK_FALSE(a.linked());
  CHECK(b.linked());
  CHECK(list.pop_front() == &b);
  CHECK(list.empty());
}

TEST_CASE("a node unlinks itself from anywhere, and once more is nothing") {
  item a(1), b(2), c(3);
  intrusive_list<item> list;
  for (item* each : {&a, &b, &c}) list.push_back(*each);
  b.unlink();
  CHECK(values(list) == std::vector{1, 3});
  b.unlink();
  CHECK(values(list) == std::vector{1, 3});
  a.unlink();
  c.unlink();
  CHECK(list.empty());
  list.push_back(b);
  CHECK(values(list) == std::vector{2});
}

TEST_CASE("a node that is destroyed leaves its list") {
  item a(1), c(3);
  std::optional<item> b(std::in_place, 2);
  intrusive_list<item> list;
  list.push_back(a);
  list.push_back(*b);
  list.push_back(c);
  b.reset();
  CHECK(values(list) == std::vector{1, 3});
}

TEST_CASE("a list that is destroyed or cleared unlinks its nodes") {
  item a(1), b(2);
  {
    intrusive_list<item> list;
    list.push_back(a);
    list.push_back(b);
  }
  CHECK_FALSE(a.linked());
  CHECK_FALSE(b.linked());
  intrusive_list<item> list;
  list.push_back(b);
  list.push_back(a);
  list.clear();
  CHECK(list.empty());
  CHECK_FALSE(a.linked());
  CHECK_FALSE(b.linked());
}

TEST_CASE("splicing appends all nodes of another list") {
  item a(1), b(2), c(3), d(4);
  intrusive_list<item> list, other;
  list.push_back(a);
  list.push_back(b);
  other.push_back(c);
  other.push_back(d);
  list.splice_back(other);
  CHECK(other.empty());
  CHECK(values(list) == std::vector{1, 2, 3, 4});
  CHECK(&list.back() == &d);
  list.splice_back(other);
  CHECK(values(list) == std::vector{1, 2, 3, 4});
  other.splice_back(list);
  CHECK(list.empty());
  CHECK(values(other) == std::vector{1, 2, 3, 4});
  c.unlink();
  other.push_back(c);
  CHECK(values(other) == std::vector{1, 2, 4, 3});
}

TEST_CASE("a node may go from list to list while the first still stands") {
  item a(1);
  intrusive_list<item> first, second;
  first.push_back(a);
  second.push_back(*first.pop_front());
  CHECK(first.empty());
  CHECK(&second.front() == &a);
}
