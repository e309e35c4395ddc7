"""Every named place in the code where a part can fail, under load.

Debug builds alone have them.
"""

import json
import os
import signal
import unittest

from crowd import Crowd, prepare, wait_for_next_primary
from harness import (PATIENCE_S, LockHolder, Scenario, message, run, session,
                     wait_until)
from history import ACKED, Checker

NAMES = run("fault-points").stdout.split()
# A place that is passed for each write fails after some of them.
LATER = "@25"


class FaultPoints(Scenario):

    def prepare(self, db):
        self.db = db
        server = self.serve()
        prepare(self.client(server))
        return server

    def check(self, crowd, allowed=()):
        checker = Checker(self.db, crowd.existing_histories())
        try:
            self.assertEqual(checker.run(), [])
            failures = checker.failures()
            self.assertLessEqual(set(failures), set(allowed), failures)
            self.assertTrue(
                any(one.outcome == ACKED for one in checker.writes))
        finally:
            checker.close()
        self.assert_sound()

    def armed(self, crowd, fault):
        """One more member, in which the fault is armed."""
        crowd.environment = {"DBPROXY_FAULT": fault}
        member = crowd.start(len(crowd.members))
        crowd.environment = None
        crowd.members.append(member)
        return member

    def fire(self, point, action):
        """Load on four processes until the fault has fired in one of them."""
        name = f"{point}-{action}".replace(".", "-")
        folder = os.path.join(self.folder, name)
        os.mkdir(folder)
        server = self.prepare(os.path.join(folder, "a.db"))
        # One write at a time: what a failed gateway gives back may be passed
        # by later writes of a pipeline (docs/guarantees.md).
        crowd = Crowd(self.db, folder, 0, seed=name, in_flight=1)
        self.addCleanup(crowd.close)
        promotion = point.startswith("promotion.")
        fault = f"{point}={action}" + ("" if promotion else LATER)
        epoch = server.ready["epoch"]
        if promotion:
            # The armed one alone may take the place of the first.
            member = self.armed(crowd, fault)
            crowd.arguments = ("--role", "secondary")
            crowd.members += [crowd.start(number) for number in (1, 2, 3)]
            crowd.wait_for_acks(10)
            server.send_signal(signal.SIGKILL)
        else:
            server.stop()
            member = self.armed(crowd, fault)
            epoch = wait_for_next_primary(self.db, epoch)["epoch"]
            crowd.members += [crowd.start(number) for number in (1, 2, 3)]
        others = crowd.members[1:]
        if action == "crash":
            member.process.popen.wait(PATIENCE_S)
            self.assertEqual(
                member.process.popen.returncode, -signal.SIGKILL)
            member.close()
            crowd.members.remove(member)
            if promotion:
                self.serve()
            wait_for_next_primary(self.db, epoch)
        else:
            wait_until(
                lambda: any("injected fault" in line
                            for line in member.process.errors),
                f"the fault {fault}", member.process)
            others = crowd.members
            if promotion:
                wait_for_next_primary(self.db, epoch)
        crowd.wait_for_more_acks(20, others)
        for status, summary in crowd.finish():
            self.assertIsNotNone(summary)
        # A dispatcher that fails says so; nothing else is seen by a caller.
        self.check(crowd, {"INTERNAL", "UNAVAILABLE"}
                   if point == "dispatcher.prepare" else ())

    def test_a_restart_is_counted_logged_and_announced(self):
        server = self.serve(
            env={"DBPROXY_FAULT": "coordinator.finish=throw@3"})
        client = self.client(server)
        restarts = self.subscriber(server, b"instance.restarted")
        for number in range(5):
            answer = client.write("CreateSession", session(f"s{number}"),
                                  request_id=f"r{number}")
            if "error" in answer:
                # What was in hand may be committed; asking again tells.
                self.assert_error(answer, "UNAVAILABLE")
                answer = client.write("CreateSession", session(f"s{number}"),
                                      request_id=f"r{number}")
            self.assertIn("result", answer)
        self.assertEqual(
            self.event(restarts)["payload"]["part"], "coordinator")
        status = json.loads(run("status", "--db", self.db, "--json").stdout)
        self.assertEqual(status["restarts"], 1)
        self.assertEqual(
            client.call("instance.metrics")["result"]["restarts"],
            {"coordinator": 1})
        self.assertTrue(any("injected fault at coordinator.finish" in line
                            for line in server.errors), server.errors)

    def test_a_writer_that_fails_tells_what_it_committed(self):
        # Writes that are alone are not in the journal. The bench compares what
        # was acknowledged with what is there.
        for point in ("writer.before_begin", "writer.after_begin",
                      "writer.before_commit", "writer.after_commit"):
            done = run("bench", "--json", "--dir", self.folder,
                       "--strategy", "proxy", "--processes", "1",
                       "--processes", "2", "--rate", "200", "--seconds", "0.5",
                       env={"DBPROXY_FAULT": f"{point}=throw@25"})
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(f"injected fault at {point}", done.stderr)
            for result in json.loads(done.stdout)["results"]:
                self.assertEqual(result["errors"], 0, result)

    def test_a_commit_that_outlasts_the_deadline_is_unknown(self):
        server = self.serve(
            env={"DBPROXY_FAULT": "writer.before_commit=delay/2000@2"})
        client = self.client(server)
        client.write("CreateSession", session("s"))
        write = ("CreateMessage", message("m", "s"))
        answer = client.write(*write, request_id="r", timeout_ms=200)
        self.assert_error(answer, "TIMEOUT", -32001)
        self.assertEqual(answer["error"]["data"]["outcome"], "unknown")
        # The same again tells what became of it.
        answer = client.write(*write, request_id="r")
        self.assertEqual(answer["result"]["id"], "m")
        self.assertEqual(self.sql("SELECT count(*) FROM messages"), [(1,)])

    def test_a_lost_reply_is_asked_for_again(self):
        server = self.serve(
            env={"DBPROXY_FAULT": "gateway.reply=drop@3"})
        client = self.client(server)
        client.write("CreateSession", session("s"))
        client.send('{"jsonrpc": "2.0", "method": "instance.ping", "id": 7}')
        client.receive()
        # The reply to this is lost; the loader asks again.
        load = self.start("load", "--db", self.db, "--role", "secondary")
        with LockHolder(self.db):
            load.write({"method": "CreateMessage",
                        "params": message("m", "s")})
            self.wait_until_contended()
        status, summary = load.end()
        self.assertEqual(status, 0, summary)
        self.assertEqual(summary["forwarded"], 1)
        self.assertGreaterEqual(summary["retried"], 2)
        self.assertEqual(
            self.sql("SELECT count(*) FROM messages"), [(1,)])


def add_tests():
    for point in NAMES:
        for action in ("crash", "throw"):
            def test(self, point=point, action=action):
                self.fire(point, action)
            name = f"{point}_{action}".replace(".", "_")
            setattr(FaultPoints, f"test_{name}", test)


add_tests()

if __name__ == "__main__":
    unittest.main()
