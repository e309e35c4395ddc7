"""Writes from several processes, beside each other and beside strangers."""

import json
import os
import signal
import threading
import unittest

from crowd import TIMEOUT_MS
from harness import LockHolder, Scenario, message, run, session, wait_until

HOLD_S = 1.5


def write_line(method, params, **more):
    return {"method": method, "params": params, **more}


class WritePath(Scenario):

    def load(self, *args):
        if "--timeout" not in args:
            # Where no write may fail, a slow machine has its time.
            args += ("--timeout", str(TIMEOUT_MS))
        return self.start("load", "--db", self.db, *args)

    def test_no_write_fails_beside_a_foreign_lock_holder(self):
        for processes in (2, 4):
            with self.subTest(processes=processes):
                self.db = os.path.join(self.folder, f"{processes}.db")
                self.check_beside_holder(processes)

    def check_beside_holder(self, processes):
        server = self.serve()
        self.client(server).write("CreateSession", session("s"))
        holder = self.start("hold-lock", "--db", self.db)
        self.assertEqual(holder.line()["event"], "held")
        loads = [self.load("--role", "secondary", "--in-flight", "4")
                 for _ in range(processes)]
        count = 150
        feeders = []
        for number, process in enumerate(loads):
            lines = [write_line("CreateMessage",
                                message(f"{number}-{i}", "s"))
                     for i in range(count)]
            feeders.append(threading.Thread(
                target=process.write, args=lines))
        for feeder in feeders:
            feeder.start()
        for feeder in feeders:
            feeder.join()
        # The holder has let go and taken the lock again meanwhile.
        self.assertEqual(holder.line()["event"], "released")
        self.assertEqual(holder.line()["event"], "held")
        for process in loads:
            status, summary = process.end()
            self.assertEqual(status, 0, summary)
            self.assertEqual(summary["acked"], count)
            self.assertEqual(summary["failed"], 0)
            self.assertEqual(summary["direct"] + summary["forwarded"], count)
        holder.stop()
        self.assertEqual(
            self.sql("SELECT count(*), count(DISTINCT id) FROM messages"),
            [(processes * count, processes * count)])
        self.assert_sound()
        server.stop()

    def test_a_write_waits_as_long_as_a_stranger_holds_the_lock(self):
        server = self.serve()
        client = self.client(server)
        secondary = self.load("--role", "secondary")
        released = threading.Event()

        def hold():
            with LockHolder(self.db):
                held.set()
                threading.Event().wait(HOLD_S)
                released.set()

        held = threading.Event()
        thread = threading.Thread(target=hold)
        thread.start()
        self.assertTrue(held.wait(60))
        secondary.write(write_line("CreateSession", session("forwarded")))
        answer = client.write("CreateSession", session("by rpc"))
        self.assertEqual(answer["result"]["id"], "by rpc")
        self.assertTrue(released.is_set())
        status, summary = secondary.end()
        thread.join()
        self.assertEqual(status, 0, summary)
        self.assertEqual(summary["forwarded"], 1)
        self.assertEqual(
            self.sql("SELECT count(*) FROM sessions"), [(2,)])

    def test_a_lock_that_is_never_free_is_busy_at_the_deadline(self):
        server = self.serve()
        client = self.client(server)
        with LockHolder(self.db):
            error = client.write("CreateSession", session("s"),
                                 timeout_ms=200)["error"]["data"]
            # A machine that is too busy to say so in time leaves it open.
            self.assertIn((error["code"], error["outcome"]),
                          (("BUSY", "not_applied"), ("TIMEOUT", "unknown")))
            self.assertTrue(error["retryable"])
            secondary = self.load("--role", "secondary", "--timeout", "200")
            secondary.write(write_line("CreateSession", session("t")))
            status, summary = secondary.end()
            self.assertEqual((status, summary["failed"]), (1, 1))
            self.assertLessEqual(set(summary["errors"]), {"BUSY", "TIMEOUT"})
            self.assertEqual(summary["unknown"],
                             summary["errors"].get("TIMEOUT", 0))
        # In any case it is not done later.
        answer = client.write("CreateSession", session("u"))
        self.assertEqual(answer["result"]["id"], "u")
        self.assertEqual(self.sql("SELECT id FROM sessions"), [("u",)])

    def test_a_secondary_writes_directly_while_nobody_contends(self):
        self.serve()
        secondary = self.load("--role", "secondary")
        secondary.write(*[write_line("CreateSession", session(f"s{i}"))
                          for i in range(20)])
        status, summary = secondary.end()
        self.assertEqual((status, summary["direct"], summary["forwarded"]),
                         (0, 20, 0))

    def test_the_writes_of_one_instance_keep_their_order(self):
        server = self.serve()
        self.client(server).write("CreateSession", session("s"))
        holder = LockHolder(self.db)
        holder.__enter__()
        secondary = self.load("--role", "secondary", "--in-flight", "200")
        count = 1000
        feeder = threading.Thread(target=secondary.write, args=[
            write_line("CreateMessage", message(f"m{i:04}", "s"))
            for i in range(count)])
        feeder.start()
        # All that may be in flight waits for the lock by now or soon.
        client = self.client(server)
        self.wait_until_queued(client, 100)
        holder.release()
        feeder.join()
        status, summary = secondary.end()
        self.assertEqual(status, 0, summary)
        self.assertGreater(summary["forwarded"], 0)
        rows = [row[0] for row in
                self.sql("SELECT id FROM messages ORDER BY rowid")]
        self.assertEqual(rows, [f"m{i:04}" for i in range(count)])

    def test_the_journal_stays_near_to_what_is_in_flight(self):
        server = self.serve()
        client = self.client(server)
        client.write("CreateSession", session("s"))
        loads = [self.load("--role", "secondary", "--in-flight", "8")
                 for _ in range(2)]
        with LockHolder(self.db):
            # They meet the lock, so that the primary has their writes.
            for name, load in enumerate(loads):
                load.write(*(write_line("CreateMessage",
                                        message(f"{name}-{i}", "s"))
                             for i in range(300)))
            self.wait_until_queued(client, 2 * 8)
        for load in loads:
            status, summary = load.end()
            self.assertEqual(status, 0, summary)
            self.assertGreater(summary["forwarded"], 0)
        left = client.call("instance.info")["result"]["journal_entries"]
        # Of those in flight last, and not 600.
        self.assertLessEqual(left, 100)

    def test_what_was_acknowledged_can_be_read_by_everybody(self):
        server = self.serve()
        client = self.client(server)
        for number in range(50):
            client.write("CreateSession", session(f"s{number}"))
            answer = client.read("GetSessionByID", f"s{number}")
            self.assertEqual(answer["result"]["id"], f"s{number}")
            self.assertEqual(
                self.sql("SELECT count(*) FROM sessions"), [(number + 1,)])

    def test_a_direct_write_with_a_request_id_takes_effect_once(self):
        self.serve()
        call = ("call", "--db", self.db, "--request-id", "r1", "CreateSession")
        first = run(*call, json.dumps(session("s")))
        again = run(*call, json.dumps(session("s")))
        self.assertEqual(first.stdout, again.stdout)
        self.assertEqual((first.returncode, again.returncode), (0, 0))
        other = run(*call, json.dumps(session("t")))
        self.assertEqual(other.returncode, 1)
        self.assertEqual(json.loads(other.stderr)["code"], "CONFLICT")

    def test_a_secondary_goes_on_when_its_primary_is_gone(self):
        server = self.serve()
        secondary = self.load("--role", "secondary", "--report", "1",
                              "--timeout", "4000")
        secondary.write(write_line("CreateSession", session("s1")))
        self.assertEqual(secondary.line()["acked"], 1)
        server.stop(signal.SIGKILL)
        secondary.write_next(write_line("CreateSession", session("s2")))
        self.assertEqual(secondary.line()["acked"], 2)
        with LockHolder(self.db):
            secondary.write_next(write_line("CreateSession", session("s3")))
            line = secondary.line()
            self.assertEqual(line["errors"], {"UNREACHABLE": 1})
        secondary.write(write_line("CreateSession", session("s4")))
        status, summary = secondary.end()
        self.assertEqual(status, 1)
        self.assertEqual((summary["acked"], summary["failed"]), (3, 1))
        self.assertEqual(self.sql("SELECT id FROM sessions ORDER BY id"),
                         [("s1",), ("s2",), ("s4",)])

    def test_a_secondary_finds_the_next_primary(self):
        first = self.serve()
        secondary = self.load("--role", "secondary", "--report", "1")
        secondary.write(write_line("CreateSession", session("s1")))
        self.assertEqual(secondary.line()["acked"], 1)
        first.stop()
        second = self.serve()
        self.assertEqual(second.ready["epoch"], first.ready["epoch"] + 1)
        client = self.client(second)
        wait_until(
            lambda: client.call("instance.info")["result"]["peers"], "a peer")
        with LockHolder(self.db):
            secondary.write(write_line("CreateSession", session("s2")))
            self.wait_until_queued(client)
        status, summary = secondary.end()
        self.assertEqual((status, summary["forwarded"]), (0, 1),
                         "".join(secondary.errors))

    def test_no_write_fails_when_the_primary_ends_and_another_starts(self):
        first = self.serve()
        self.client(first).write("CreateSession", session("s"))
        loads = [self.load("--role", "secondary", "--in-flight", "8")
                 for _ in range(3)]
        count = 2000
        feeders = [
            threading.Thread(target=process.write, args=[
                write_line("CreateMessage", message(f"{number}-{i}", "s"))
                for i in range(count)])
            for number, process in enumerate(loads)]
        for feeder in feeders:
            feeder.start()
        wait_until(
            lambda: self.sql("SELECT count(*) >= 100 FROM messages")[0][0],
            "100 messages")
        self.assertEqual(first.stop(), 0)
        self.serve()
        for feeder in feeders:
            feeder.join()
        for process in loads:
            status, summary = process.end()
            self.assertEqual(status, 0, summary)
            self.assertEqual(summary["acked"], count)
        self.assertEqual(
            self.sql("SELECT count(*), count(DISTINCT id) FROM messages"),
            [(3 * count, 3 * count)])
        self.assert_sound()

    def test_an_unanswered_write_is_unknown_only_if_it_was_sent(self):
        server = self.serve()
        secondary = self.load("--role", "secondary", "--timeout", "2000",
                              "--report", "1")
        secondary.write(write_line("CreateSession", session("s1")))
        self.assertEqual(secondary.line()["acked"], 1)
        server.send_signal(signal.SIGSTOP)
        try:
            with LockHolder(self.db):
                secondary.write_next(write_line("CreateSession",
                                                session("s2")))
                line = secondary.line()
        finally:
            server.send_signal(signal.SIGCONT)
        self.assertEqual(line["errors"], {"TIMEOUT": 1})
        self.assertEqual(line["unknown"], 1)
        self.assertEqual(secondary.end()[0], 1)


if __name__ == "__main__":
    unittest.main()
