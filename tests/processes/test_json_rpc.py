"""JSON-RPC 2.0 on the primary's socket, as any client of any language."""

import json
import os
import sqlite3

import zmq

from harness import HERE, Scenario, matches, message, session

MESSAGE_BYTES_MAX = 16 << 20


class JsonRpc(Scenario):

    def setUp(self):
        super().setUp()
        self.server = self.serve()

    def forms(self):
        yield "DEALER", self.client(self.server)
        yield "DEALER with delimiter", self.client(self.server, delimiter=True)
        yield "REQ", self.client(self.server, kind=zmq.REQ)

    def test_every_method_answers_with_the_expected_rows(self):
        client = self.client(self.server)
        with open(os.path.join(HERE, "..", "methods.json")) as file:
            steps = json.load(file)
        methods = {item["name"]: item["via"] for item in
                   client.call("rpc.discover")["result"]["x-methods"]}
        for step in steps:
            body = {"method": step["method"]}
            if step["params"] is not None:
                body["params"] = step["params"]
            answer = client.call(methods[step["method"]], body)
            self.assertTrue(
                "result" in answer and matches(step["result"],
                                               answer["result"]),
                f"{step} gave {answer}")
        self.assertEqual(set(methods), {step["method"] for step in steps})
        self.assert_sound()

    def test_the_examples_of_the_specification(self):
        # Section 7, with our methods in the place of subtract and the others.
        for name, client in self.forms():
            with self.subTest(name):
                self.check_examples(client)

    def check_examples(self, client):
        ping = '{"jsonrpc": "2.0", "method": "instance.ping", "id": %s}'
        for written, given in (("1", 1), ('"x"', "x"), ("null", None)):
            answer = client.ask(ping % written)
            self.assertEqual(answer["jsonrpc"], "2.0")
            self.assertEqual(answer["id"], given)
            self.assertEqual(answer["result"]["status"], "ok")
            self.assertNotIn("error", answer)

        def fault(text, number, given=None):
            answer = client.ask(text)
            self.assertEqual(answer["error"]["code"], number, answer)
            self.assertEqual(answer["id"], given)
            self.assertNotIn("result", answer)

        fault('{"jsonrpc": "2.0", "method": "foobar", "id": "1"}',
              -32601, "1")
        fault('{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]',
              -32700)
        fault('{"jsonrpc": "2.0", "method": 1, "params": "bar"}', -32600)
        fault('[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], '
              '"id": "1"},{"jsonrpc": "2.0", "method"]', -32700)
        fault('[]', -32600)
        self.assertEqual(
            [one["error"]["code"] for one in client.ask('[1,2,3]')],
            [-32600] * 3)
        mixed = client.ask(json.dumps([
            {"jsonrpc": "2.0", "method": "instance.ping", "id": "1"},
            {"jsonrpc": "2.0", "method": "instance.ping"},
            {"foo": "boo"},
            {"jsonrpc": "2.0", "method": "foo.get", "id": "5"},
            {"jsonrpc": "2.0", "method": "db.read", "id": "9",
             "params": {"method": "CountActiveSkills"}}]))
        by_id = {one["id"]: one for one in mixed}
        self.assertEqual(len(mixed), 4)
        self.assertEqual(by_id["1"]["result"]["status"], "ok")
        self.assertEqual(by_id[None]["error"]["code"], -32600)
        self.assertEqual(by_id["5"]["error"]["code"], -32601)
        self.assertEqual(by_id["9"]["result"], 0)

    def test_notifications_are_executed_and_not_answered(self):
        client = self.client(self.server)
        events = self.subscriber(self.server, b"db.session")
        write = {"jsonrpc": "2.0", "method": "db.write", "params": {
            "method": "CreateSession", "params": session("n1")}}
        client.send(json.dumps(write))
        self.assertEqual(self.event(events)["payload"]["key"], "n1")
        write["params"]["params"]["id"] = "n2"
        client.send(json.dumps([write]))
        self.assertEqual(self.event(events)["payload"]["key"], "n2")
        client.send('{"jsonrpc": "2.0", "method": "no.such.method"}')
        self.assertTrue(client.silent())

    def test_params_that_are_wrong_for_the_rpc_method(self):
        client = self.client(self.server)
        for params in ({}, [], {"method": 5}, {"method": "CreateSession",
                                               "other": 1}):
            for method in ("db.write", "db.read"):
                answer = client.call(method, params)
                self.assert_error(answer, "INVALID_PARAMS", -32602)
        for meta in ({"request_id": "x" * 129}, {"request_id": ""},
                     {"timestamp": "noon"}, {"timeout_ms": 0},
                     {"deadline_ms": -1}, {"deadline_ms": 10**15},
                     {"more": 1}):
            answer = client.call("db.write", {
                "method": "CreateSession", "params": session("s"),
                "meta": meta})
            text = self.assert_error(answer, "INVALID_PARAMS", -32602)
            self.assertIn(next(iter(meta)), text)
        self.assertEqual(self.sql("SELECT count(*) FROM sessions"), [(0,)])

    def test_invalid_params_of_every_method(self):
        client = self.client(self.server)
        for item in client.call("rpc.discover")["result"]["x-methods"]:
            self.check_invalid_params(client, item)
        tables = self.sql(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT "
            "LIKE 'dbproxy_%' AND name NOT LIKE 'sqlite_%' AND name NOT "
            "LIKE '%_fts%'")
        for (table,) in tables:
            self.assertEqual(
                self.sql(f"SELECT count(*) FROM {table}"), [(0,)])

    def check_invalid_params(self, client, item):
        samples = {"string": "x", "integer": 1, "number": 0.5, "boolean": True,
                   "array": [], "object": {}}
        properties = item["params"]["properties"]
        types = {}
        for name, schema in properties.items():
            one = schema.get("oneOf", [schema])[0]
            types[name] = one["type"]
        good = {name: samples[types[name]] for name in properties}
        required = item["params"].get("required", [])

        def refused(params, field):
            answer = client.call(
                item["via"], {"method": item["name"], "params": params})
            text = self.assert_error(answer, "INVALID_PARAMS", -32004)
            self.assertIn(f'"{field}"', text)
            data = answer["error"]["data"]
            self.assertEqual(data["method"], item["name"])
            self.assertEqual(data["retryable"], False)
            self.assertEqual(data["outcome"], "not_applied")

        for name in properties:
            wrong = 5 if types[name] == "string" else "5"
            refused({**good, name: wrong}, name)
            if types[name] == "string":
                refused({**good, name: ["x"]}, name)
            if name in required:
                refused({key: value for key, value in good.items()
                         if key != name}, name)
                refused({**good, name: None}, name)
        refused({**good, "surplus": 1}, "surplus")

    def test_text_is_kept_as_it_came(self):
        client = self.client(self.server)
        client.write("CreateSession", session("s"))
        for number, text in enumerate((
                "a\0b", "\0", "", "ä€\U0001f600", "x" * (1 << 20),
                "'; DROP TABLE messages; --")):
            answer = client.write(
                "CreateMessage", message(f"m{number}", "s", text))
            self.assertEqual(answer["result"]["parts"], text)
            answer = client.read("GetMessage", f"m{number}")
            self.assertEqual(answer["result"]["parts"], text)

    def test_text_that_is_no_utf8_is_invalid_and_names_the_field(self):
        client = self.client(self.server)
        request = json.dumps({"jsonrpc": "2.0", "method": "db.write", "id": 1,
                              "params": {"method": "CreateSession",
                                         "params": session("TEXT")}})
        answer = client.ask(request.encode().replace(b"TEXT", b"\xc3\x28"))
        text = self.assert_error(answer, "INVALID_PARAMS", -32004)
        self.assertIn('"id"', text)

    def test_limits_are_named_and_the_service_goes_on(self):
        client = self.client(self.server)
        body = '{"jsonrpc":"2.0","method":"instance.ping","id":1,"params":"%s"}'
        answer = client.ask(body % ("x" * MESSAGE_BYTES_MAX))
        self.assertIn("message_bytes_max",
                      answer["error"]["data"]["message"])
        self.assertIsNone(answer["id"])
        answer = client.ask("[" * 33 + "]" * 33)
        self.assertIn("json_depth_max", answer["error"]["data"]["message"])
        many = [{"jsonrpc": "2.0", "method": "db.read", "id": number,
                 "params": {"method": "CountActiveSkills"}}
                for number in range(300)]
        answers = client.ask(json.dumps(many))
        self.assertEqual(len(answers), 300)
        refused = [one for one in answers if "error" in one]
        self.assertTrue(refused)
        for one in refused:
            self.assertIn("peer_in_flight_max",
                          self.assert_error(one, "BUSY", -32007))
        self.assertEqual(client.call("instance.ping")["result"]["status"],
                         "ok")

    def test_a_result_over_the_limit_is_an_error_that_names_it(self):
        client = self.client(self.server)
        client.write("CreateSession", session("s"))
        for number in range(3):
            client.write("CreateMessage",
                         message(f"m{number}", "s", "x" * (6 << 20)))
        answer = client.read("ListMessagesBySession", "s")
        self.assertIn("message_bytes_max",
                      self.assert_error(answer, "INTERNAL", -32006))
        self.assertEqual(len(client.read("GetMessage", "m1")["result"]
                             ["parts"]), 6 << 20)
        read = {"jsonrpc": "2.0", "method": "db.read", "params": {
            "method": "GetMessage", "params": "m1"}}
        answers = client.ask(json.dumps(
            [{**read, "id": number} for number in range(4)]))
        self.assertEqual(len([one for one in answers if "result" in one]), 2)

    def test_a_write_whose_result_cannot_be_sent_is_unknown(self):
        client = self.client(self.server)
        client.write("CreateSession", session("s"))
        file = {"id": "f", "session_id": "s", "path": "p" * (1 << 20),
                "content": "", "version": "1"}
        self.assertIn("result", client.write("CreateFile", file))
        answer = client.write("UpdateFile", {
            "id": "f", "content": "x" * (31 << 19), "version": "2"})
        text = self.assert_error(answer, "INTERNAL", -32006)
        self.assertIn("message_bytes_max", text)
        self.assertEqual(answer["error"]["data"]["outcome"], "unknown")
        self.assertEqual(self.sql("SELECT version FROM files"), [("2",)])

    def test_frames_that_are_no_json_rpc(self):
        client = self.client(self.server)
        for text, number in ((b"", -32700), (b"\xff\xfe", -32700),
                             (b"no json", -32700), (b"5", -32600),
                             (b'"x"', -32600), (b"{}", -32600),
                             (b'{"jsonrpc":"1.0","method":"x","id":1}',
                              -32600)):
            self.assertEqual(client.ask(text)["error"]["code"], number, text)
        client.socket.send_multipart([b"a", b"b", b"c"])
        self.assertEqual(client.receive()["error"]["code"], -32600)
        self.assertTrue(client.silent())

    def test_unknown_methods(self):
        client = self.client(self.server)
        answer = client.write("NoSuchMethod", {})
        self.assert_error(answer, "METHOD_NOT_FOUND", -32003)
        answer = client.read("NoSuchMethod", {})
        self.assert_error(answer, "METHOD_NOT_FOUND", -32003)
        # A read is no write, and the other way round.
        answer = client.write("GetMessage", "m")
        self.assert_error(answer, "METHOD_NOT_FOUND", -32003)
        answer = client.read("DeleteMessage", "m")
        self.assert_error(answer, "METHOD_NOT_FOUND", -32003)

    def test_conflicts(self):
        client = self.client(self.server)
        client.write("CreateSession", session("s"))
        for method, params in (
                ("CreateSession", session("s")),
                ("CreateMessage", message("m", "no such session")),
                ("CreateSession", session("t", cost=-1))):
            answer = client.write(method, params)
            self.assert_error(answer, "CONFLICT", -32005)
        self.assertEqual(self.sql("SELECT id FROM sessions"), [("s",)])

    def test_a_resend_returns_the_first_result(self):
        client = self.client(self.server)
        first = client.write("CreateSession", session("s"), request_id="r1",
                             source_instance_id="py",
                             timestamp="2026-01-01T00:00:00Z")
        again = self.client(self.server).write(
            "CreateSession", session("s"), request_id="r1")
        self.assertEqual(first["result"], again["result"])
        other = client.write("CreateSession", session("t"), request_id="r1")
        self.assert_error(other, "CONFLICT", -32005)
        self.assertEqual(self.sql("SELECT id FROM sessions"), [("s",)])

    def test_a_resend_is_recognised_by_the_next_primary(self):
        first = self.client(self.server).write(
            "CreateSession", session("s"), request_id="r1")
        self.server.stop()
        again = self.client(self.serve()).write(
            "CreateSession", session("s"), request_id="r1")
        self.assertEqual(first["result"], again["result"])

    def test_the_service_describes_itself(self):
        client = self.client(self.server)
        ping = client.call("instance.ping")["result"]
        self.assertEqual(
            set(ping), {"status", "instance_id", "role", "epoch", "uptime_ms"})
        self.assertEqual(ping["instance_id"],
                         self.server.ready["instance_id"])
        info = client.call("instance.info")["result"]
        for key in ("role", "epoch", "peers", "queue_depth", "routes",
                    "journal_entries", "wal_bytes", "sqlite_version",
                    "sqlite_has_wal_reset_fix"):
            self.assertIn(key, info)
        self.assertEqual(info["sqlite_version"], sqlite3.sqlite_version)
        client.write("CreateSession", session("s"))
        figures = client.call("instance.metrics")["result"]
        self.assertEqual(
            figures["methods"]["CreateSession"]["forwarded"]["count"], 1)
        document = client.call("rpc.discover")["result"]
        self.assertEqual(document["openrpc"], "1.2.6")
        self.assertLessEqual(
            {"db.write", "db.read", "instance.ping", "instance.info",
             "instance.metrics", "rpc.discover"},
            {method["name"] for method in document["methods"]})


if __name__ == "__main__":
    import unittest
    unittest.main()
