// The one file that brings the test framework's main().
#include "caf/test/unit_test_impl.hpp"
