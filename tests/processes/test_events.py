"""Events: each committed write is announced once, whoever committed it."""

import json
import threading
import unittest

from harness import LockHolder, Scenario, message, run, session


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
            while client.call("instance.info")["result"]["queue_depth"] == 0:
                pass
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

    def test_watch_prints_events_and_warns_of_a_gap(self):
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
