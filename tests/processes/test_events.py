"""Events: each committed write is announced once, whoever committed it."""

import fcntl
import json
import os
import signal
import threading
import unittest

import zmq

from harness import (PATIENCE_S, LockHolder, Scenario, message, run, session,
                     wait_until)


def heeds_sigterm(pid):
    """True once a process waits for SIGTERM: before it looks at a topic."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        masks = [int(line.split()[1], 16) for line in file
                 if line.startswith(("SigBlk", "SigCgt"))]
    return any(mask >> (signal.SIGTERM - 1) & 1 for mask in masks)


class Events(Scenario):

    def load(self, *args):
        return self.start("load", "--db", self.db, *args)

    def changes(self, socket, count):
        """The next events that are changes, and all their numbers."""
        out = []
        while len(out) < count:
            event = self.event(socket)
            self.assertEqual(event["seq"], self.last_seq + 1)
            self.last_seq = event["seq"]
            if event["topic"].startswith("db."):
                out.append(event)
        return out

    def watched(self, server):
        socket = self.subscriber(server)
        self.last_seq = self.event(socket)["seq"]
        return socket

    def test_forwarded_direct_and_local_writes_are_announced_once(self):
        server = self.serve()
        events = self.watched(server)
        client = self.client(server)
        client.write("CreateSession", session("rpc"), request_id="r1",
                     source_instance_id="py")
        secondary = self.load("--role", "secondary", "--report", "1")
        secondary.write({"method": "CreateSession", "params": session("d")})
        self.assertEqual(secondary.line()["direct"], 1)
        with LockHolder(self.db):
            secondary.write(
                {"method": "CreateSession", "params": session("f")})
            self.wait_until_queued(client)
        self.assertEqual(secondary.end()[1]["forwarded"], 1)
        first, second, third = self.changes(events, 3)
        self.assertEqual(first["payload"], {
            "method": "CreateSession", "request_id": "r1",
            "source_instance_id": "py", "key": "rpc"})
        self.assertEqual(
            {second["payload"]["key"], third["payload"]["key"]}, {"d", "f"})
        for event in (first, second, third):
            self.assertEqual(event["topic"], "db.session.created")
            self.assertEqual(event["epoch"], server.ready["epoch"])
            self.assertEqual(event["instance_id"],
                             server.ready["instance_id"])
        # A resend and a write that failed are no changes.
        client.write("CreateSession", session("rpc"), request_id="r1")
        client.write("CreateSession", session("rpc"), request_id="r2")
        client.write("DeleteSession", "rpc")
        (last,) = self.changes(events, 1)
        self.assertEqual(last["topic"], "db.session.deleted")
        self.assertEqual(last["payload"]["key"], "rpc")

    def test_every_write_method_has_its_topic(self):
        server = self.serve()
        events = self.watched(server)
        client = self.client(server)
        methods = {item["name"]: item.get("topic") for item in
                   client.call("rpc.discover")["result"]["x-methods"]}
        with open(f"{__file__.rsplit('/', 1)[0]}/../methods.json") as file:
            steps = [step for step in json.load(file)
                     if methods[step["method"]]]
        for step in steps:
            client.write(step["method"], step["params"])
            (event,) = self.changes(events, 1)
            self.assertEqual(event["topic"], methods[step["method"]])
            self.assertEqual(event["payload"]["method"], step["method"])
        self.assertEqual(
            {step["method"] for step in steps},
            {name for name, topic in methods.items() if topic})

    def test_the_end_of_a_primary_is_announced(self):
        server = self.serve()
        events = self.watched(server)
        self.assertEqual(server.stop(), 0)
        event = self.event(events)
        while event["topic"] == "instance.heartbeat":
            event = self.event(events)
        self.assertEqual(event["topic"], "instance.shutdown")

    def test_watch_warns_of_a_gap(self):
        # A primary of our own, that leaves events out.
        events = self.context.socket(zmq.XPUB)
        events.linger = 0
        self.addCleanup(events.close)
        where = f"ipc://{self.folder}/%s.sock"
        events.bind(where % "pub")
        os.mkdir(self.db + ".dbproxy", 0o700)
        with open(self.db + ".dbproxy/lock", "w", encoding="utf-8") as file:
            fcntl.lockf(file, fcntl.LOCK_EX)
            json.dump({"instance_id": "own", "pid": os.getpid(), "epoch": 7,
                       "rpc_addr": where % "rpc", "pub_addr": where % "pub",
                       "started_at": "2026-01-01T00:00:00Z",
                       "version": "0"}, file)
            file.write("\n")  # it is whole
            file.flush()
            watch = self.start("watch", "--db", self.db, "--topic", "db.")
            self.assertTrue(events.poll(PATIENCE_S * 1000), "no subscription")
            for seq in (3, 4, 8):
                topic = "db.session.deleted"
                events.send_multipart([topic.encode(), json.dumps({
                    "instance_id": "own", "topic": topic, "epoch": 7,
                    "timestamp": "2026-01-01T00:00:00Z", "seq": seq,
                    "payload": {}}).encode()])
            self.assertEqual([watch.line()["seq"] for _ in range(2)], [3, 4])
            self.assertEqual(watch.line(), {
                "warning": "events are missing", "epoch": 7, "from_seq": 5,
                "to_seq": 7})
            self.assertEqual(watch.line()["seq"], 8)
            self.assertEqual(watch.stop(), 0)

    def test_watch_prints_the_events_of_a_topic(self):
        server = self.serve()
        watch = self.start("watch", "--db", self.db, "--topic", "db.message")
        everything = self.start("watch", "--db", self.db)
        self.assertEqual(everything.line()["topic"], "instance.heartbeat")
        client = self.client(server)
        client.write("CreateSession", session("s"))
        # Both watches subscribe in the background; the filtered one shows
        # nothing until it does, so writes go on until it has begun.
        number = 0
        lines = []
        reader = threading.Thread(target=lambda: lines.append(watch.line()))
        reader.start()
        while reader.is_alive():
            client.write("CreateMessage", message(f"m{number}", "s"))
            number += 1
        reader.join()
        self.assertEqual(lines[0]["topic"], "db.message.created")
        self.assertIn(everything.line()["topic"],
                      ("db.session.created", "instance.heartbeat"))
        self.assertEqual(watch.stop(), 0)

    def test_every_topic_of_an_instance_can_be_watched(self):
        self.serve()
        for topic in ("instance.heartbeat", "instance.promoted",
                      "instance.restarted", "instance.shutdown"):
            watch = self.start("watch", "--db", self.db, "--topic", topic)
            wait_until(lambda one=watch: heeds_sigterm(one.pid),
                       "a process that can be told to end", watch)
            self.assertEqual(watch.stop(), 0, watch.errors)

    def test_an_unknown_topic_is_refused(self):
        server = self.serve()
        done = run("watch", "--db", self.db, "--topic", "db.nonsense")
        self.assertEqual(done.returncode, 1)
        error = json.loads(done.stderr)
        self.assertEqual(error["code"], "INVALID_PARAMS")
        self.assertIn("db.nonsense", error["message"])
        client = self.client(server)
        change = {"method": "CreateSession", "source_instance_id": "py",
                  "key": "s"}
        for topic, method, known in (
                ("db.session.created", "CreateSession", True),
                ("db.nonsense", "CreateSession", False),
                ("db.session.created", "NoSuchMethod", False)):
            answer = client.call("instance.committed", {
                "announcements": [{"topic": topic, "payload": {
                    **change, "method": method}}], "wal_pages": 0})
            if known:
                self.assertIsNone(answer["result"])
            else:
                self.assertIn(topic, self.assert_error(
                    answer, "INVALID_PARAMS", -32602))
        many = [{"topic": "db.session.created", "payload": change}] * 4097
        answer = client.call("instance.committed",
                             {"announcements": many, "wal_pages": 0})
        self.assertIn("announced_changes_max", self.assert_error(
            answer, "INVALID_PARAMS", -32602))


if __name__ == "__main__":
    unittest.main()
