"""Everything at once, by several processes; and the order that it keeps."""

import json
import signal
import unittest

from crowd import wait_for_next_primary
from harness import LockHolder, Scenario, message, session

ROUNDS = 25


class MixedWrites(Scenario):

    def rounds(self, name):
        for number in range(ROUNDS):
            key = f"{name}-{number}"
            yield {"method": "CreateSession", "params": session(key)}
            yield {"method": "CreateMessage", "params": message(key, key)}
            yield {"method": "KBAddDocument", "params": {
                "file_path": f"/{key}", "content": f"Otters {name} {number}",
                "metadata": {}, "chunks": [f"Otters {name} {number}"]}}
            yield {"method": "SaveEvent", "params": {
                "subject": name, "content": f"heron {number}",
                "metadata": {}}}
            yield {"method": "IncrementSkillUsage", "params": {"id": "k"}}
            yield {"method": "UpdateSession", "params": {
                "id": key, "title": "New", "prompt_tokens": 1,
                "completion_tokens": 1, "cost": 0.5}}

    def test_four_processes_of_mixed_writes(self):
        server = self.serve()
        client = self.client(server)
        client.write("InsertSkill", {"id": "k", "title": "T", "content": "C",
                                     "task_type": "t"})
        loads = [self.start("load", "--db", self.db, "--in-flight", "3")
                 for _ in range(4)]
        for number, load in enumerate(loads):
            load.write(*self.rounds(f"p{number}"))
        acked = 0
        for load in loads:
            status, summary = load.end()
            self.assertEqual(status, 0, summary)
            acked += summary["acked"]
        total = 4 * ROUNDS
        self.assertEqual(acked, 6 * total)
        for table in ("sessions", "messages", "kb_documents", "events"):
            self.assertEqual(
                self.sql(f"SELECT count(*) FROM {table}"), [(total,)])
        self.assertEqual(
            self.sql("SELECT usage_count FROM skills"), [(total,)])
        self.assertEqual(
            self.sql("SELECT sum(message_count), count(*) FROM sessions"
                     " WHERE title = 'New'"), [(total, total)])
        for method, query in (("KBSearch", "otter"), ("EventsSearch", "heron")):
            hits = client.read(method, {"query": query, "limit": 1000})
            self.assertEqual(len(hits["result"]), total)
        self.assert_sound()

    def test_a_hundred_and_fifty_writes_during_a_promotion(self):
        server = self.serve()
        self.client(server).write("CreateSession", session("s"))
        loads = [self.start("load", "--db", self.db, "--in-flight", "50",
                            "--timeout", "30000")
                 for _ in range(3)]
        with LockHolder(self.db):
            # None can be done while the lock is held, so all are under way.
            for number, load in enumerate(loads):
                load.write(*({"method": "CreateMessage",
                              "params": message(f"{number}-{i}", "s")}
                             for i in range(50)))
            server.send_signal(signal.SIGKILL)
            server.stop()
        wait_for_next_primary(self.db, server.ready["epoch"])
        for load in loads:
            status, summary = load.end()
            self.assertEqual(status, 0, summary)
        self.assertEqual(
            self.sql("SELECT count(*), count(DISTINCT id) FROM messages"),
            [(150, 150)])
        self.assert_sound()

    def test_a_large_write_keeps_its_place(self):
        server = self.serve()
        client = self.client(server)
        for number in range(10):
            calls = [
                ("KBUpdateDocument", {
                    "file_path": "/a", "content": "x" * (200 << 10),
                    "metadata": {}, "chunks": []}),
                ("CreateSession", session(f"s{number}"))]
            for place, (method, params) in enumerate(calls):
                client.send(json.dumps({
                    "jsonrpc": "2.0", "id": place, "method": "db.write",
                    "params": {"method": method, "params": params, "meta": {
                        "request_id": f"{number}-{place}"}}}))
            for _ in calls:
                self.assertIn("result", client.receive())
        order = [name for (name,) in self.sql(
            "SELECT request_id FROM dbproxy_journal ORDER BY entry")]
        self.assertEqual(
            order, [f"{n}-{place}" for n in range(10) for place in (0, 1)])

    def test_what_the_writer_was_busy_with_is_told_by_method(self):
        server = self.serve()
        client = self.client(server)
        client.write("CreateSession", session("s"))
        client.write("KBAddDocument", {
            "file_path": "/a", "content": "a word " * (1 << 20),
            "metadata": {}, "chunks": []})
        metrics = client.call("instance.metrics")["result"]
        writer = metrics["writer"]
        self.assertEqual(
            set(writer["methods"]), {"CreateSession", "KBAddDocument"})
        self.assertEqual(writer["methods"]["KBAddDocument"]["count"], 1)
        self.assertGreater(writer["methods"]["KBAddDocument"]["max_ms"],
                           writer["methods"]["CreateSession"]["max_ms"])
        self.assertEqual(
            list(metrics["stages"]),
            ["prepared", "queued", "locking", "executing", "committing",
             "replying"])
        for stage, figures in metrics["stages"].items():
            self.assertEqual(figures["count"], 2, stage)

    def test_writes_go_past_a_primary_that_is_silent(self):
        server = self.serve()
        client = self.client(server)
        client.write("CreateSession", session("s"))
        load = self.start("load", "--db", self.db, "--role", "secondary",
                          "--timeout", "30000")
        with LockHolder(self.db):
            # The lock is not free, so the primary is asked, which is stopped.
            server.send_signal(signal.SIGSTOP)
            load.write({"method": "CreateMessage",
                        "params": message("m", "s")})
            self.wait_until_contended()
        status, summary = load.end()
        self.assertEqual(status, 0, summary)
        self.assertEqual(self.sql("SELECT id FROM messages"), [("m",)])
        self.assertIsNone(server.popen.poll())
        server.send_signal(signal.SIGCONT)
        # What it still has of that write it does not do again.
        answer = client.write("CreateMessage", message("n", "s"))
        self.assertIn("result", answer)
        self.assertEqual(
            self.sql("SELECT id FROM messages ORDER BY rowid"),
            [("m",), ("n",)])
        self.assert_sound()


if __name__ == "__main__":
    unittest.main()
