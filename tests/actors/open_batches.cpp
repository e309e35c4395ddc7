// Tests of the count of what the writer has not answered.
#define CAF_SUITE open_batches
#include "actors/open_batches.hpp"

#include "caf/test/unit_test.hpp"

using namespace dbproxy;

CAF_TEST(a batch is open until the last copy of its handler is gone) {
  open_batches seen_by_proxy;
  auto seen_by_thread = seen_by_proxy;
  CAF_CHECK(!seen_by_thread.any());
  auto first = seen_by_proxy.add();
  auto second = seen_by_proxy.add();
  auto copy = first;
  first.reset();
  second.reset();
  CAF_CHECK(seen_by_thread.any());
  copy.reset();
  CAF_CHECK(!seen_by_thread.any());
}
