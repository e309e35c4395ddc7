"""Runs a part of a scenario file, so that several jobs can share its tests.

part.py NAME PART PARTS: of test_NAME every PARTSth test, from PART (1 is the
first) on.
"""

import sys
import unittest


def tests_of(suite):
    for one in suite:
        if isinstance(one, unittest.TestSuite):
            yield from tests_of(one)
        else:
            yield one


def main(name, part, parts):
    whole = unittest.defaultTestLoader.loadTestsFromName(f"test_{name}")
    chosen = list(tests_of(whole))[int(part) - 1::int(parts)]
    done = unittest.TextTestRunner(verbosity=2).run(
        unittest.TestSuite(chosen))
    return 0 if done.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
