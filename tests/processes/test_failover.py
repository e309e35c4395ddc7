"""Primaries that end, by force or not, while everybody writes."""

import os
import signal
import sqlite3
import time
import unittest

from crowd import Crowd, prepare, read_record, wait_for_next_primary
from harness import LockHolder, Scenario, message
from history import ACKED, Checker


class Failover(Scenario):

    def setUp(self):
        super().setUp()
        # The rows that the crowd refers to; this instance ends before it.
        server = self.serve()
        prepare(self.client(server))
        server.stop()

    def crowd(self, processes, **how):
        crowd = Crowd(self.db, self.folder, processes, **how)
        self.addCleanup(crowd.close)
        return crowd

    def assert_history(self, crowd, failures_allowed=()):
        checker = Checker(self.db, crowd.existing_histories())
        try:
            self.assertEqual(checker.run(), [])
            failures = checker.failures()
            for code in failures_allowed:
                failures.pop(code, None)
            self.assertEqual(dict(failures), {})
            self.assertTrue(
                any(one.outcome == ACKED for one in checker.writes))
            self.assert_sound()
            return checker
        finally:
            checker.close()

    def test_no_write_fails_when_the_primary_is_killed(self):
        crowd = self.crowd(4)
        crowd.wait_for_acks(50)
        epoch = wait_for_next_primary(self.db, 0)["epoch"]
        victim = crowd.members[crowd.primary()]
        victim.signal(signal.SIGKILL)
        killed_ns = time.monotonic_ns()
        wait_for_next_primary(self.db, epoch)
        promoted_ms = (time.monotonic_ns() - killed_ns) / 1e6
        crowd.members.remove(victim)
        victim.close()
        crowd.wait_for_more_acks(50)
        for status, summary in crowd.finish():
            self.assertEqual(status, 0, summary)
        checker = self.assert_history(crowd)
        # What is not direct was acknowledged by the new primary.
        first_ms = checker.first_ack_ms(killed_ns, ("local", "forwarded"))
        print(f"promoted {promoted_ms:.0f} ms after SIGKILL, "
              f"first write acknowledged after {first_ms:.0f} ms")

    def test_no_write_fails_when_the_primary_ends_gracefully(self):
        server = self.serve()
        crowd = self.crowd(3, arguments=("--role", "auto"))
        crowd.wait_for_acks(50)
        epoch = server.ready["epoch"]
        server.send_signal(signal.SIGTERM)
        asked_ns = time.monotonic_ns()
        wait_for_next_primary(self.db, epoch)
        promoted_ms = (time.monotonic_ns() - asked_ns) / 1e6
        self.assertEqual(server.stop(), 0)
        crowd.wait_for_more_acks(50)
        for status, summary in crowd.finish():
            self.assertEqual(status, 0, summary)
        checker = self.assert_history(crowd)
        # None of the crowd was primary before.
        first_ms = checker.first_ack_ms(asked_ns, ("local",))
        print(f"promoted {promoted_ms:.0f} ms after SIGTERM, "
              f"first write acknowledged after {first_ms:.0f} ms")

    def test_all_killed_and_the_next_needs_no_repair(self):
        self.check_all_killed(size=0)

    def test_all_killed_with_large_values(self):
        self.check_all_killed(size=512 << 10)

    def check_all_killed(self, size):
        crowd = self.crowd(3, size=size)
        crowd.wait_for_acks(20)
        for member in crowd.members:
            member.signal(signal.SIGKILL)
        for member in crowd.members:
            member.close()
        server = self.serve()
        answer = self.client(server).write(
            "CreateFile", {"id": "after", "session_id": "s", "path": "p",
                           "content": "c", "version": "1"})
        self.assertIn("result", answer)
        self.assert_history(crowd)

    def sql_change(self, statement):
        connection = sqlite3.connect(self.db)
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(statement)
        connection.commit()
        connection.close()

    def test_large_values_survive_the_death_of_a_primary(self):
        crowd = self.crowd(3, size=512 << 10, in_flight=1)
        crowd.wait_for_acks(5)
        epoch = wait_for_next_primary(self.db, 0)["epoch"]
        crowd.replace(crowd.primary(), signal.SIGKILL)
        wait_for_next_primary(self.db, epoch)
        crowd.wait_for_acks(8)
        for status, summary in crowd.finish():
            self.assertEqual(status, 0, summary)
        self.assert_history(crowd)

    def test_thirty_rounds_of_kill(self):
        seed = int(os.environ.get("DBPROXY_SEED", "1"))
        crowd = self.crowd(6, seed=seed, in_flight=2)
        crowd.wait_for_acks(5)
        worst_ms = 0
        for _ in range(30):
            number = crowd.rng.randrange(6)
            record = wait_for_next_primary(self.db, 0)
            was_primary = crowd.primary() == number
            killed_ns = crowd.replace(number, signal.SIGKILL)
            if was_primary:
                wait_for_next_primary(self.db, record["epoch"])
                took_ms = (time.monotonic_ns() - killed_ns) / 1e6
                worst_ms = max(worst_ms, took_ms)
            time.sleep(0.3)
        for status, summary in crowd.finish():
            self.assertEqual(status, 0, summary)
        self.assert_history(crowd)
        print(f"seed {seed}: worst takeover {worst_ms:.0f} ms")

    def test_promotion_keeps_the_handles_of_the_instance(self):
        first = self.serve()
        second = self.serve()
        first.stop(signal.SIGKILL)
        promoted = second.line()
        self.assertEqual(promoted["event"], "promoted")
        self.assertEqual(promoted["role"], "primary")
        self.assertEqual(promoted["epoch"], first.ready["epoch"] + 1)
        second.ready = promoted
        answer = self.client(second).write(
            "CreateMessage", message("m", "s"))
        self.assertIn("result", answer)
        second.send_signal(signal.SIGTERM)
        self.assertEqual(second.line()["event"], "stopping")
        self.assertEqual(second.stop(), 0)

    def test_a_secondary_by_request_is_never_primary(self):
        first = self.serve()
        second = self.serve("--role", "secondary")
        first.stop(signal.SIGKILL)
        third = self.serve()
        self.assertEqual(third.ready["role"], "primary")
        second.send_signal(signal.SIGTERM)
        self.assertEqual(second.line()["event"], "stopping")

    def test_a_stopped_primary_is_not_killed_and_writes_go_on(self):
        server = self.serve()
        load = self.start(
            "load", "--db", self.db, "--role", "secondary", "--report", "1")
        load.write({"method": "CreateMessage", "params": message("a", "s")})
        self.assertEqual(load.line()["acked"], 1)
        server.send_signal(signal.SIGSTOP)
        # Nobody contends: it goes directly.
        load.write({"method": "CreateMessage", "params": message("b", "s")})
        status, summary = load.end()
        self.assertEqual((status, summary["direct"]), (0, 2), summary)
        self.assertIsNone(server.popen.poll())
        record = read_record(self.db)
        self.assertEqual(record["pid"], server.pid)
        server.send_signal(signal.SIGCONT)
        answer = self.client(server).write(
            "CreateMessage", message("c", "s"))
        self.assertIn("result", answer)
        self.assertEqual(read_record(self.db)["epoch"], record["epoch"])

    def test_a_write_that_a_stopped_primary_has_fails_by_its_deadline(self):
        server = self.serve()
        load = self.start(
            "load", "--db", self.db, "--role", "secondary", "--timeout",
            "700")
        with LockHolder(self.db):
            # The lock is not free, so the primary gets it, and then stops.
            server.send_signal(signal.SIGSTOP)
            load.write({"method": "CreateMessage",
                        "params": message("a", "s")})
            status, summary = load.end()
        self.assertEqual(status, 1)
        self.assertEqual(summary["failed"], 1)
        self.assertLessEqual(
            set(summary["errors"]), {"TIMEOUT", "UNREACHABLE", "BUSY"})
        server.send_signal(signal.SIGCONT)
        # What lay there too long is not begun any more.
        self.assertIn("result", self.client(server).write(
            "CreateMessage", message("b", "s")))
        self.assertEqual(
            self.sql("SELECT id FROM messages"), [("b",)])

    def test_a_fenced_primary_commits_nothing_and_steps_down(self):
        server = self.serve()
        client = self.client(server)
        self.sql_change("UPDATE dbproxy_meta SET value = value + 1 "
                        "WHERE key = 'epoch'")
        answer = client.write("CreateMessage", message("m", "s"))
        self.assert_error(answer, "UNAVAILABLE", -32008)
        self.assertEqual(
            answer["error"]["data"]["outcome"], "not_applied")
        self.assertEqual(self.sql("SELECT count(*) FROM messages"), [(0,)])
        self.assertEqual(server.line()["event"], "demoted")
        again = server.line()
        self.assertEqual(again["event"], "promoted")
        self.assertEqual(again["epoch"], server.ready["epoch"] + 2)

    def test_a_new_path_is_opened_by_many_at_once(self):
        db = os.path.join(self.folder, "new.db")
        servers = [self.start("serve", "--db", db) for _ in range(4)]
        ready = [server.line() for server in servers]
        roles = sorted(line["role"] for line in ready)
        self.assertEqual(roles, ["primary"] + ["secondary"] * 3)
        self.db = db
        versions = self.sql(
            "SELECT version, count(*) FROM dbproxy_schema GROUP BY version")
        self.assertTrue(versions)
        self.assertTrue(all(count == 1 for _, count in versions))

    def test_sockets_of_older_epochs_are_removed(self):
        first = self.serve()
        second = self.serve()
        old = first.ready["rpc_addr"].removeprefix("ipc://")
        first.stop(signal.SIGKILL)
        self.assertEqual(second.line()["event"], "promoted")
        self.assertFalse(os.path.exists(old))
        self.assertTrue(os.path.exists(self.db + ".dbproxy/lock"))


if __name__ == "__main__":
    unittest.main()
