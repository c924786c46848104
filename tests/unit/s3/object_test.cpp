#include "s3pager/s3/object.hpp"

#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "s3pager/xml/list_result.hpp"
#include "support/catch.hpp"

using namespace s3pager;

TEST_CASE("an object of a key has a copy of it, and nothing else", "[s3][object]") {
  object made;
  {
    const std::string key = "a key that is longer than what a string holds within itself";
    made = object::of_key(key);
  }
  const object copy = made;
  made = {};
  CHECK(copy.key == "a key that is longer than what a string holds within itself");
  CHECK(copy.etag.empty());
  CHECK_FALSE(copy.size);
  CHECK_FALSE(copy.last_modified);
  CHECK(made.key.empty());
}

TEST_CASE("keys are opaque bytes", "[s3][object]") {
  using namespace std::string_view_literals;
  for (const std::string_view key : {""sv, "\0\x01\xff"sv, "//../."sv}) CHECK(object::of_key(key).key == key);
}

TEST_CASE("an object with what an answer said outlives the one it was made from", "[s3][object]") {
  object answered;
  {
    std::string etag = "\"an etag that is longer than what a string holds within itself\"";
    const object asked = object::of_key("k");
    answered = asked.with_answer(etag, 7);
    etag.assign(etag.size(), 'x');
  }
  CHECK(answered.key == "k");
  CHECK(answered.etag == "\"an etag that is longer than what a string holds within itself\"");
  CHECK(answered.size == 7U);
}

namespace {

object listed_in(const std::string& storage_class, const std::string& restore_status) {
  const std::string xml = "<ListBucketResult><Contents><Key>k</Key><Size>5</Size>" + storage_class + restore_status +
                          "</Contents><IsTruncated>false</IsTruncated></ListBucketResult>";
  auto body = std::make_unique<char[]>(xml.size());
  std::memcpy(body.get(), xml.data(), xml.size());
  ref<xml::list_page> page;
  REQUIRE_FALSE(xml::parse_list_page(std::move(body), xml.size(), page));
  return object(page->contents()[0]);
}

}  // namespace

TEST_CASE("an object in an archive needs to be restored, unless it was and the copy is still there", "[s3][object]") {
  const wall_time until{std::chrono::seconds{1'767'225'600}};
  const std::string restored =
      "<RestoreStatus><IsRestoreInProgress>false</IsRestoreInProgress><RestoreExpiryDate>2026-01-01T00:00:00.000Z"
      "</RestoreExpiryDate></RestoreStatus>";
  const std::string under_way = "<RestoreStatus><IsRestoreInProgress>true</IsRestoreInProgress></RestoreStatus>";
  for (const std::string archive : {"GLACIER", "DEEP_ARCHIVE"}) {
    CAPTURE(archive);
    const std::string in = "<StorageClass>" + archive + "</StorageClass>";
    CHECK(listed_in(in, "").needs_restore(until));
    CHECK_FALSE(listed_in(in, "").restore_expiry());
    CHECK_FALSE(listed_in(in, "").restore_in_progress());
    CHECK(listed_in(in, restored).restore_expiry() == until);
    CHECK_FALSE(listed_in(in, restored).needs_restore(until - std::chrono::nanoseconds(1)));
    CHECK(listed_in(in, restored).needs_restore(until));
    CHECK(listed_in(in, under_way).restore_in_progress());
    CHECK(listed_in(in, under_way).needs_restore(until));
  }
  for (const std::string other : {"STANDARD", "GLACIER_IR", "INTELLIGENT_TIERING", "glacier", "GLACIER2", ""})
    CHECK_FALSE(listed_in("<StorageClass>" + other + "</StorageClass>", "").needs_restore(until));
  CHECK_FALSE(listed_in("", under_way).needs_restore(until));
  CHECK_FALSE(object::of_key("k").needs_restore(until));
  CHECK_FALSE(object().needs_restore(until));
}

TEST_CASE("a listed object outlives the page of the list that it came on", "[s3][object]") {
  const std::string_view xml =
      "<ListBucketResult><Contents><Key>k&amp;1</Key><Size>5</Size><ETag>&quot;e&quot;</ETag>"
      "<StorageClass>GLACIER</StorageClass><Owner><ID>o</ID></Owner>"
      "<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents><IsTruncated>false</IsTruncated></ListBucketResult>";
  object listed;
  {
    auto body = std::make_unique<char[]>(xml.size());
    std::memcpy(body.get(), xml.data(), xml.size());
    ref<xml::list_page> page;
    REQUIRE_FALSE(xml::parse_list_page(std::move(body), xml.size(), page));
    listed = object(page->contents()[0]);
  }
  const object copy = listed;
  listed = {};
  CHECK(copy.key == "k&1");
  CHECK(copy.etag == "\"e\"");
  CHECK(copy.storage_class() == "GLACIER");
  CHECK(copy.owner_id() == "o");
  CHECK(copy.size == 5U);
  CHECK(copy.last_modified == wall_time{std::chrono::seconds{1'767'225'600}});
}
