"""The WAL stays bounded, and who keeps it from that is named."""

import os
import sqlite3
import subprocess
import sys
import time
import unittest

from harness import PATIENCE_S, Scenario, message, run, session

LIMIT_BYTES = 64 << 20
# A checkpoint is due after 1,000 pages of 4 KiB, or 2,000 where commits are
# synced: this many messages of 4,000 bytes are more than that.
MANY = 2200

READER = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN")
db.execute("SELECT count(*) FROM messages").fetchone()
print("reading", flush=True)
sys.stdin.readline()
"""


class Checkpoints(Scenario):

    def setUp(self):
        super().setUp()
        self.server = self.serve()
        self.rpc = self.client(self.server)
        self.rpc.write("CreateSession", session("s"))

    def fill(self, name):
        load = self.start("load", "--db", self.db, "--role", "secondary",
                          "--method", "CreateMessage", "--in-flight", "32")
        for number in range(MANY):
            load.write({**message(f"{name}{number}", "s"),
                        "parts": "x" * 4000})
        status, summary = load.end()
        self.assertEqual(status, 0, summary)
        return summary

    def status(self):
        return self.rpc.call("instance.info")["result"]

    def wal_bytes(self):
        return os.path.getsize(self.db + "-wal")

    def test_the_wal_begins_anew_under_load(self):
        for name in "abc":
            self.fill(name)
        self.assertLess(self.wal_bytes(), 3 * MANY * 4000)
        self.assertEqual(self.status()["checkpoint_blocked_by"], [])

    def test_a_lone_writer_writes_directly_beside_checkpoints(self):
        summaries = [self.fill(name) for name in "abc"]
        forwarded = sum(one["forwarded"] for one in summaries)
        self.assertLess(forwarded, 3 * MANY / 2, summaries)

    def test_an_idle_primary_checkpoints_before_it_must(self):
        self.rpc.write("CreateMessage",
                       {**message("m", "s"), "parts": "x" * (1 << 20)})
        patience = time.monotonic() + PATIENCE_S
        while not self.is_copied():
            self.assertLess(time.monotonic(), patience)
            time.sleep(0.01)  # between two looks at another process's work

    def is_copied(self):
        """True if the database file alone has everything."""
        copy = os.path.join(self.folder, "copy.db")
        with open(self.db, "rb") as file, open(copy, "wb") as out:
            out.write(file.read())
        alone = sqlite3.connect(f"file:{copy}?immutable=1", uri=True)
        try:
            return alone.execute(
                "SELECT count(*) FROM messages").fetchone() == (1,)
        except sqlite3.DatabaseError:
            return False
        finally:
            alone.close()

    def test_a_reader_that_blocks_checkpoints_is_named(self):
        reader = subprocess.Popen(
            [sys.executable, "-c", READER, self.db], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        self.addCleanup(reader.stdout.close)
        self.addCleanup(reader.wait)
        self.addCleanup(reader.stdin.close)
        self.assertEqual(reader.stdout.readline(), "reading\n")
        self.fill("a")
        blockers = self.status()["checkpoint_blocked_by"]
        self.assertIn(reader.pid, [one["pid"] for one in blockers])
        table = run("status", "--db", self.db).stdout
        self.assertIn("checkpoint_blocked_by", table)
        reader.stdin.close()
        reader.wait()
        self.fill("b")
        self.assertEqual(self.status()["checkpoint_blocked_by"], [])
        self.assertLess(self.wal_bytes(), LIMIT_BYTES)


if __name__ == "__main__":
    unittest.main()
