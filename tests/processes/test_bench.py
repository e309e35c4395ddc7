"""`dbproxy bench`: its strategies, what it prints, and how it ends."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import time
import unittest
import xml.etree.ElementTree

from harness import DBPROXY, HERE, PATIENCE_S, Scenario, run

ROOT = os.path.dirname(os.path.dirname(HERE))
WITH_POSTGRESQL = os.path.join(ROOT, "bench", "with-postgresql")
FIGURES = ["writes_per_s", "p50_ms", "p99_ms", "p999_ms", "max_ms", "fairness",
           "cpu_s", "wal_max_bytes", "rss_max_bytes", "backlog"]


class Bench(Scenario):

    def bench(self, *args):
        done = run("bench", "--json", "--dir", self.folder, *args)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def error_of(self, stderr, code="INTERNAL"):
        error = json.loads(stderr.strip().splitlines()[-1])
        self.assertEqual(error["code"], code, error)
        return error["message"]

    def assert_plausible(self, result, without=()):
        self.assertEqual(result["errors"], 0)
        self.assertEqual(result["errors_by_code"], {})
        for name in FIGURES:
            if name in without:
                self.assertIsNone(result[name])
                continue
            low, high = result["ranges"][name]
            self.assertLessEqual(low, result[name], name)
            self.assertLessEqual(result[name], high, name)
        for name in ("writes_per_s", "max_ms", "rss_max_bytes"):
            self.assertGreater(result[name], 0, name)
        self.assertLessEqual(result["p50_ms"], result["p99_ms"])
        self.assertLessEqual(result["p99_ms"], result["p999_ms"])
        self.assertLessEqual(result["p999_ms"], result["max_ms"])
        self.assertTrue(0 <= result["fairness"] <= 1)

    def test_every_strategy_on_sqlite(self):
        document = self.bench("--processes", "2", "--seconds", "0.3")
        self.assertEqual(
            [result["strategy"] for result in document["results"]],
            ["direct", "direct-tuned", "original", "forward", "proxy"])
        self.assertGreater(document["machine"]["cpus"], 0)
        for result in document["results"]:
            self.assert_plausible(result)
            self.assertGreater(result["wal_max_bytes"], 0)
            self.assertEqual(
                (result["processes"], result["sync"], result["in_flight"]),
                (2, "full", 1))
            self.assertEqual(result["engine"],
                             f"SQLite {sqlite3.sqlite_version}")
        self.assertEqual(os.listdir(self.folder), [])

    def test_a_sweep_repeated(self):
        document = self.bench(
            "--processes", "1", "--processes", "3", "--seconds", "0.1",
            "--repeat", "3", "--sync", "normal", "--in-flight", "8",
            "--payload", "10", "--strategy", "proxy", "--strategy", "direct")
        self.assertEqual(
            [(result["processes"], result["strategy"], result["in_flight"])
             for result in document["results"]],
            [(1, "proxy", 8), (1, "direct", 1), (3, "proxy", 8),
             (3, "direct", 1)])
        self.assertEqual(document["repeat"], 3)
        for result in document["results"]:
            self.assertEqual(result["sync"], "normal")
            self.assert_plausible(result)

    def test_a_rate_is_kept(self):
        document = self.bench(
            "--processes", "2", "--seconds", "1", "--rate", "100",
            "--strategy", "direct", "--strategy", "proxy")
        for result in document["results"]:
            self.assert_plausible(result)
            # Every write of a second was begun; one that ends late, or is
            # never begun in time, is part of the figures too.
            self.assertLessEqual(
                result["writes_per_s"] + result["backlog"], 100)
            self.assertGreater(result["writes_per_s"] + result["backlog"], 0)

    def test_a_rate_out_of_reach_leaves_a_backlog(self):
        (result,) = self.bench(
            "--processes", "1", "--seconds", "0.2", "--rate", "1000000",
            "--strategy", "direct")["results"]
        self.assertGreater(result["backlog"], 0)
        # It waited up to the end.
        self.assertGreater(result["max_ms"], 10)

    def test_wrong_usage_ends_with_2(self):
        for args in (["--strategy", "magic"], ["--processes", "0"],
                     ["--processes", "100000"], ["--seconds", "0"],
                     ["--rate", "-1"], ["--in-flight", "0"],
                     ["--repeat", "0"], ["--sync", "maybe"],
                     ["--dir", "/nonexistent"]):
            done = run("bench", *args)
            self.assertEqual(done.returncode, 2, args)
            self.assertEqual(done.stdout, "")
            self.assertIn(args[0], done.stderr)

    def start_long(self, *strategy):
        """A bench that goes on, and the first of its databases with rows."""
        process = self.start("bench", "--json", "--dir", self.folder,
                             "--processes", "2", "--seconds", "600", *strategy)
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            for folder in os.listdir(self.folder):
                path = os.path.join(self.folder, folder, "bench.db")
                try:
                    if min(self.count(path, n) for n in "01") > 32:
                        return process, path
                except sqlite3.OperationalError:
                    pass  # not made yet
            time.sleep(0.001)
        self.fail("nothing was written")

    def count(self, path, number):
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            return connection.execute(
                "SELECT count(*) FROM messages WHERE id GLOB ?",
                (number + "-*",)).fetchone()[0]
        finally:
            connection.close()

    def children(self, process):
        with open(f"/proc/{process.pid}/task/{process.pid}/children") as file:
            return [int(pid) for pid in file.read().split()]

    def assert_gone(self, pids):
        self.assertTrue(pids)
        for pid in pids:
            self.assertFalse(os.path.exists(f"/proc/{pid}"), pid)

    def test_signals_leave_no_process_and_no_file(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            for name in ("direct", "proxy"):
                process, _ = self.start_long("--strategy", name)
                children = self.children(process)
                self.assertEqual(len(children), 2)
                self.assertEqual(process.stop(number), 1)
                process.close()
                self.error_of("".join(process.errors), "UNAVAILABLE")
                self.assert_gone(children)
                self.assertEqual(os.listdir(self.folder), [])

    def test_a_process_that_dies_ends_the_bench(self):
        process, _ = self.start_long("--strategy", "direct")
        children = self.children(process)
        os.kill(children[1], signal.SIGKILL)
        self.assertEqual(process.popen.wait(PATIENCE_S), 1)
        process.close()
        message = self.error_of("".join(process.errors))
        self.assertIn("process 1 of 2 (direct", message)
        self.assertIn("ended with status 137", message)
        self.assert_gone(children)
        self.assertEqual(os.listdir(self.folder), [])

    def test_a_lost_row_is_noticed(self):
        for name in ("direct", "proxy"):
            process = self.start("bench", "--dir", self.folder, "--json",
                                 "--processes", "2", "--seconds", "2",
                                 "--rate", "100", "--strategy", name)
            self.lose_a_row(process)
            self.assertEqual(process.popen.wait(PATIENCE_S), 1)
            process.close()
            message = self.error_of("".join(process.errors))
            self.assertIn(
                "1 of the acknowledged are not there, one is 0-00000000",
                message)

    def lose_a_row(self, process):
        """Deletes the first write of process 0, as soon as it is there."""
        while process.popen.poll() is None:
            for folder in os.listdir(self.folder):
                path = os.path.join(self.folder, folder, "bench.db")
                try:
                    # At the rate asked for, the lock is free most of the time.
                    connection = sqlite3.connect(
                        f"file:{path}?mode=rw", uri=True, timeout=1,
                        isolation_level=None)
                    try:
                        lost = connection.execute(
                            "DELETE FROM messages WHERE id = '0-00000000'")
                    finally:
                        connection.close()
                    if lost.rowcount == 1:
                        return
                except sqlite3.OperationalError:
                    pass  # not made yet
        self.fail("there was no row to lose")

    def test_postgresql(self):
        done = run("bench", "--json", "--dir", self.folder,
                   "--processes", "2", "--seconds", "0.3", "--repeat", "2",
                   "--strategy", "proxy", "--strategy", "postgresql",
                   prefix=(WITH_POSTGRESQL,))
        if done.returncode == 77:
            self.skipTest(done.stderr.strip())
        self.assertEqual(done.returncode, 0, done.stderr)
        document = json.loads(done.stdout)
        self.assert_plausible(document["results"][0])
        self.assert_plausible(document["results"][1],
                              without=("wal_max_bytes",))
        self.assertIn("PostgreSQL ", document["results"][1]["engine"])

    def test_postgresql_needs_a_server(self):
        self.assertEqual(
            run("bench", "--strategy", "postgresql",
                env={"DBPROXY_PG_CONNINFO": ""}).returncode, 2)
        done = run("bench", "--strategy", "postgresql", "--pg",
                   f"host={self.folder} dbname=postgres")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no connection to PostgreSQL",
                      self.error_of(done.stderr, "UNREACHABLE"))

    def test_with_postgresql_passes_on_how_the_command_ended(self):
        done = subprocess.run([WITH_POSTGRESQL, "sh", "-c", "exit 3"],
                              capture_output=True, text=True)
        if done.returncode == 77:
            self.skipTest(done.stderr.strip())
        self.assertEqual(done.returncode, 3, done.stderr)

    def test_with_postgresql_says_what_is_missing(self):
        done = subprocess.run([WITH_POSTGRESQL, "true"], capture_output=True,
                              text=True, env={**os.environ, "PGBIN": "/none"})
        self.assertEqual(done.returncode, 77)
        self.assertIn("apt-get install postgresql", done.stderr)

    def test_the_latency_chart(self):
        if shutil.which("gnuplot") is None:
            self.skipTest("gnuplot is not installed")
        document = self.bench(
            "--processes", "1", "--processes", "2", "--seconds", "0.1",
            "--strategy", "direct", "--strategy", "proxy")
        chart = os.path.join(self.folder, "chart.svg")
        done = subprocess.run(
            [os.path.join(ROOT, "bench", "latency-chart"), "-o", chart],
            input=json.dumps(document), capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr, "")
        self.assertTrue(
            xml.etree.ElementTree.parse(chart).getroot().tag.endswith("svg"))
        with open(chart) as file:
            text = file.read()
        for label in ("2 processes", "proxy", "p99.9"):
            self.assertIn(label, text)


if __name__ == "__main__":
    unittest.main()
