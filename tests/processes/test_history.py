"""The checker of histories: what it accepts, and what it does not."""

import json
import os
import sqlite3
import tempfile
import unittest

from history import Checker

TABLES = """
CREATE TABLE messages (id TEXT);
CREATE TABLE events (id INTEGER PRIMARY KEY, content TEXT);
CREATE TABLE kb_documents (file_path TEXT);
CREATE TABLE skills (id TEXT, usage_count INTEGER);
INSERT INTO skills VALUES ('k', 0);
"""


class History(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="dbproxy-test-")
        self.addCleanup(folder.cleanup)
        self.db = os.path.join(folder.name, "a.db")
        self.history = os.path.join(folder.name, "history")
        self.connection = sqlite3.connect(self.db, isolation_level=None)
        self.addCleanup(self.connection.close)
        self.connection.executescript(TABLES)
        self.lines = []

    def ask(self, method, key, value, outcome=None):
        """A write that ends so, or whose process is killed before."""
        line = len(self.lines)
        self.lines.append({
            "event": "asked", "line": line, "at_ns": line,
            "write": json.dumps({"method": method, "params": {key: value}})})
        if outcome == "acked":
            self.lines.append({"event": "acked", "line": line, "at_ns": line,
                               "route": "direct"})
        elif outcome:
            self.lines.append({"event": "failed", "line": line, "at_ns": line,
                               "code": "BUSY", "outcome": outcome})

    def message(self, name, outcome=None, rows=1):
        self.ask("CreateMessage", "id", name, outcome)
        for _ in range(rows):
            self.connection.execute("INSERT INTO messages VALUES (?)", (name,))

    def faults(self):
        with open(self.history, "w", encoding="utf-8") as file:
            for line in self.lines:
                file.write(json.dumps(line) + "\n")
        checker = Checker(self.db, [self.history])
        try:
            return checker.run()
        finally:
            checker.close()

    def test_what_became_of_each_write_may_be_so(self):
        self.message("acknowledged", "acked")
        self.message("refused", "not_applied", rows=0)
        self.message("unknown and there", "unknown")
        self.message("unknown and not there", "unknown", rows=0)
        self.message("killed and there")
        self.message("killed and not there", rows=0)
        self.assertEqual(self.faults(), [])

    def test_what_may_not_be_is_a_fault(self):
        for outcome, rows in (("acked", 0), ("acked", 2), ("not_applied", 1),
                              ("unknown", 2), (None, 2)):
            with self.subTest(outcome=outcome, rows=rows):
                self.lines = []
                self.connection.execute("DELETE FROM messages")
                self.message("m", outcome, rows)
                self.assertEqual(len(self.faults()), 1)

    def test_a_row_that_nobody_asked_for_is_a_fault(self):
        self.message("m", "acked")
        self.connection.execute("INSERT INTO messages VALUES ('x')")
        self.assertEqual(self.faults(), ["nobody asked for ['x']"])

    def test_a_write_that_was_overtaken_is_a_fault(self):
        self.ask("CreateMessage", "id", "first", "acked")
        self.message("second", "acked")
        self.connection.execute("INSERT INTO messages VALUES ('first')")
        fault, = self.faults()
        self.assertIn("second", fault)
        self.assertIn("was overtaken", fault)

    def test_a_counter_has_its_increments_and_no_more(self):
        for outcome in ("acked", "acked", "unknown", "not_applied", None):
            self.ask("IncrementSkillUsage", "id", "k", outcome)
        for count, sound in ((1, False), (2, True), (4, True), (5, False)):
            self.connection.execute(
                "UPDATE skills SET usage_count = ?", (count,))
            self.assertEqual(self.faults() == [], sound, count)

    def test_documents_and_events_are_checked_too(self):
        self.ask("KBAddDocument", "file_path", "/a", "acked")
        self.ask("SaveEvent", "content", "event", "acked")
        self.assertEqual(len(self.faults()), 2)
        self.connection.execute("INSERT INTO kb_documents VALUES ('/a')")
        self.connection.execute("INSERT INTO events VALUES (1, 'event')")
        self.assertEqual(self.faults(), [])


if __name__ == "__main__":
    unittest.main()
