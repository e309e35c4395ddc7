"""The command line: what it prints, where, and how it ends."""

import json
import os
import signal
import sqlite3
import subprocess
import unittest

from harness import DBPROXY, LockHolder, Scenario, run, session, wait_until


class Program(Scenario):

    def error_of(self, done):
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertEqual(done.stdout, "")
        return json.loads(done.stderr)

    def call(self, *args, **how):
        return run("call", "--db", self.db, *args, **how)

    def test_every_command_has_help(self):
        for command in ("", "serve", "call", "load", "status", "ping",
                        "watch", "check", "demo", "bench", "kb import",
                        "kb search", "kb list", "events list",
                        "events search", "code index", "code search",
                        "code symbols", "code projects"):
            done = run(*command.split(), "--help")
            self.assertEqual(done.returncode, 0)
            self.assertIn("Usage", done.stdout)
        self.assertIn("CreateSession: id parent_session_id? title",
                      run("call", "--help").stdout)

    def test_wrong_usage_ends_with_2(self):
        for args in ([], ["nonsense"], ["serve"], ["call", "--db", self.db],
                     ["serve", "--db", self.db, "--role", "boss"],
                     ["load", "--db", self.db, "--in-flight", "0"],
                     ["--log-level", "loud", "ping", "--db", self.db]):
            done = run(*args)
            self.assertEqual(done.returncode, 2, args)
            self.assertEqual(done.stdout, "")
            self.assertNotEqual(done.stderr, "")

    def test_call_without_a_primary_is_one_itself(self):
        done = self.call("CreateSession", json.dumps(session("s")))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["id"], "s")
        done = self.call("GetSessionByID", '"s"')
        self.assertEqual(json.loads(done.stdout)["id"], "s")
        # Nothing but the database is left when it was alone.
        self.assertEqual(
            sorted(os.listdir(self.folder)), ["a.db", "a.db.dbproxy"])
        self.assertEqual(os.path.getsize(f"{self.db}.dbproxy/lock"), 0)

    def test_call_says_what_is_wrong(self):
        for args, code in (
                (["NoSuch"], "METHOD_NOT_FOUND"),
                (["CreateSession", "{}"], "INVALID_PARAMS"),
                (["CreateSession", "no json"], "INVALID_PARAMS"),
                (["CreateMessage",
                  '{"id":"m","session_id":"-","role":"","parts":""}'],
                 "CONFLICT")):
            error = self.error_of(self.call(*args))
            self.assertEqual(error["code"], code)
            self.assertEqual(error["method"], args[0])
            self.assertEqual(set(error), {"code", "message", "method",
                                          "retryable", "outcome"})

    def test_serve_reports_its_states(self):
        server = self.serve("--instance-id", "one")
        ready = server.ready
        self.assertEqual(
            (ready["role"], ready["instance_id"], ready["epoch"],
             ready["pid"]), ("primary", "one", 1, server.pid))
        with open(f"{self.db}.dbproxy/lock") as file:
            record = json.load(file)
        self.assertEqual(
            set(record), {"instance_id", "pid", "epoch", "rpc_addr",
                          "pub_addr", "started_at", "version"})
        for key in ("instance_id", "pid", "epoch", "rpc_addr", "pub_addr"):
            self.assertEqual(record[key], ready[key])
        second = self.serve()
        self.assertEqual(second.ready["role"], "secondary")
        self.assertEqual(second.ready["rpc_addr"], ready["rpc_addr"])
        for process in (second, server):
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.line()["event"], "stopping")
            self.assertEqual(process.stop(), 0)
        self.assertFalse(os.path.exists(ready["rpc_addr"][6:]))

    def test_roles(self):
        waiting = self.start("serve", "--db", self.db, "--role", "secondary")
        server = self.serve("--role", "primary")
        self.assertEqual(waiting.line()["role"], "secondary")
        refused = run("serve", "--db", self.db, "--role", "primary")
        error = self.error_of(refused)
        self.assertEqual(error["code"], "CONFLICT")
        self.assertIn(f"pid {server.pid}", error["message"])

    def test_a_secondary_that_waits_can_be_stopped(self):
        waiting = self.start("serve", "--db", self.db, "--role", "secondary")
        wait_until(
            lambda: os.path.exists(f"{self.db}.dbproxy/hint"), "the hint")
        self.assertEqual(waiting.stop(signal.SIGINT), 0)

    def test_the_primary_that_was_killed_is_replaced_at_once(self):
        first = self.serve()
        first.stop(signal.SIGKILL)
        second = self.serve("--role", "primary")
        self.assertEqual(second.ready["epoch"], first.ready["epoch"] + 1)
        self.assertFalse(os.path.exists(first.ready["rpc_addr"][6:]))

    def test_two_spellings_of_one_database_meet(self):
        self.serve()
        link = os.path.join(self.folder, "link.db")
        os.symlink(self.db, link)
        second = self.serve(db=link)
        self.assertEqual(second.ready["role"], "secondary")

    def test_a_path_too_long_for_a_socket(self):
        deep = os.path.join(self.folder, "x" * 100)
        os.mkdir(deep)
        self.db = os.path.join(deep, "a.db")
        server = self.serve(env={"XDG_RUNTIME_DIR": self.folder})
        self.assertIn(f"{self.folder}/dbproxy/", server.ready["rpc_addr"])
        client = self.client(server)
        self.assertEqual(client.call("instance.ping")["result"]["status"],
                         "ok")

    def test_ping_and_status(self):
        for command in ("ping", "status"):
            error = self.error_of(run(command, "--db", self.db))
            self.assertEqual(error["code"], "UNREACHABLE")
        server = self.serve()
        done = run("ping", "--db", self.db)
        self.assertEqual(json.loads(done.stdout)["status"], "ok")
        done = run("status", "--db", self.db, "--json")
        info = self.client(server).call("instance.info")["result"]
        self.assertEqual(set(json.loads(done.stdout)), set(info))
        done = run("status", "--db", self.db)
        for word in ("epoch", "queue_depth", "forwarded", "journal_entries",
                     "wal_bytes", "sqlite_has_wal_reset_fix"):
            self.assertIn(word, done.stdout)
        second = self.serve()
        client = self.client(server)
        peers = wait_until(
            lambda: client.call("instance.info")["result"]["peers"], "a peer")
        self.assertEqual(peers, [{"instance_id": second.ready["instance_id"],
                                  "pid": second.pid}])
        server.send_signal(signal.SIGSTOP)
        try:
            error = self.error_of(run("ping", "--db", self.db))
        finally:
            server.send_signal(signal.SIGCONT)
        self.assertEqual(error["code"], "UNREACHABLE")

    def test_status_answers_while_the_lock_is_held(self):
        self.serve()
        with LockHolder(self.db):
            self.assertEqual(run("status", "--db", self.db).returncode, 0)

    def test_load_reports_bad_lines_and_goes_on(self):
        lines = [
            json.dumps({"method": "CreateSession", "params": session("a")}),
            "no json",
            json.dumps({"method": "NoSuch", "params": {}}),
            json.dumps({"params": {}}),
            "",
            "[" * 40,
            "x" * ((16 << 20) + 1),
            json.dumps({"method": "CreateSession", "params": session("b"),
                        "request_id": "mine"})]
        acks = os.path.join(self.folder, "acks")
        done = run("load", "--db", self.db, "--ack-file", acks,
                   stdin="\n".join(lines))
        self.assertEqual(done.returncode, 1)
        summary = json.loads(done.stdout)
        self.assertEqual((summary["acked"], summary["failed"]), (2, 5))
        self.assertEqual(summary["errors"],
                         {"INVALID_PARAMS": 4, "METHOD_NOT_FOUND": 1})
        errors = [json.loads(line) for line in done.stderr.splitlines()]
        self.assertEqual([error["line"] for error in errors],
                         [2, 3, 4, 6, 7])
        self.assertIn("message_bytes_max", errors[-1]["message"])
        self.assertEqual(self.sql("SELECT id FROM sessions ORDER BY id"),
                         [("a",), ("b",)])
        with open(acks) as file:
            ids = file.read().split()
        self.assertEqual(len(ids), 2)
        self.assertEqual(ids[1], "mine")
        for key in ("direct", "forwarded", "seconds", "p50_ms", "p99_ms",
                    "p999_ms", "max_ms"):
            self.assertIn(key, summary)

    def test_load_of_one_method_from_a_file(self):
        path = os.path.join(self.folder, "lines")
        with open(path, "w") as file:
            for number in range(100):
                file.write(json.dumps(session(f"s{number}")) + "\n")
        done = run("load", "--db", self.db, "--method", "CreateSession",
                   "--in-flight", "32", path)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["acked"], 100)
        self.assertEqual(self.sql("SELECT count(*) FROM sessions"), [(100,)])
        done = run("load", "--db", self.db, os.path.join(self.folder, "none"))
        self.assertEqual(self.error_of(done)["code"], "INTERNAL")

    def test_an_acknowledgement_that_cannot_be_kept_ends_the_load(self):
        done = run("load", "--db", self.db, "--ack-file", "/dev/full",
                   "--method", "CreateSession", stdin=json.dumps(session("s")))
        self.assertEqual(self.error_of(done)["code"], "INTERNAL")

    def test_check_finds_what_is_wrong(self):
        self.call("CreateSession", json.dumps(session("s")))
        self.assert_sound()
        connection = sqlite3.connect(self.db)
        connection.execute("UPDATE sessions SET message_count = 7")
        connection.commit()
        connection.close()
        done = run("check", "--db", self.db)
        self.assertEqual(done.returncode, 1)
        self.assertIn("message_count", done.stdout)
        done = run("check", "--db", os.path.join(self.folder, "none.db"))
        self.error_of(done)
        self.assertFalse(os.path.exists(
            os.path.join(self.folder, "none.db")))

    def test_demo_writes_the_files_of_a_folder(self):
        files = os.path.join(self.folder, "files")
        os.makedirs(os.path.join(files, "sub"))
        for number in range(25):
            with open(os.path.join(files, "sub", f"{number}.txt"),
                      "w") as file:
                file.write(f"content {number}\n")
        with open(os.path.join(files, "binary"), "wb") as file:
            file.write(b"\xff\xfe\x00")
        done = run("demo", files, "--db", self.db)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("54 writes by 4 processes", done.stdout)
        self.assertIn("none was lost, and none failed", done.stdout)
        self.assertEqual(
            self.sql("SELECT count(*), min(length(version)) FROM files"),
            [(25, 64)])
        self.assert_sound()
        done = run("demo", files, "--db", self.db)
        self.assertEqual(self.error_of(done)["code"], "CONFLICT")

    def test_demo_ends_with_1_when_something_is_missing(self):
        done = run("demo", os.path.join(self.folder, "none"))
        self.assertEqual(self.error_of(done)["code"], "INTERNAL")

    def test_the_output_of_a_failed_write_is_no_success(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                [DBPROXY, "call", "--db", self.db, "CountActiveSkills"],
                stdout=full, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 1)


if __name__ == "__main__":
    unittest.main()
