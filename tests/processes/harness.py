"""Real processes, real sockets and a foreign client for the scenarios."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import threading
import time
import unittest

import zmq

DBPROXY = os.environ["DBPROXY"]
HERE = os.path.dirname(os.path.abspath(__file__))
# Nothing here takes this long; it only ends a test that hangs.
PATIENCE_S = 120


def wait_until(condition, what, process=None):
    """What `condition` gives when that is true; `process` must not end."""
    end = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        if process and process.popen.poll() is not None:
            raise AssertionError(
                f"ended with {process.popen.returncode} before {what}: "
                + "".join(process.errors))
        if time.monotonic() > end:
            raise AssertionError(f"in {PATIENCE_S} s there was not {what}")
        time.sleep(0.002)
    return found


class Process:
    """A running dbproxy command whose output is read line by line."""

    def __init__(self, *args, prefix=(), env=None, pipe_bytes=-1):
        self.popen = subprocess.Popen(
            [*prefix, DBPROXY, *args],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, pipesize=pipe_bytes,
            env={**os.environ, **(env or {})})
        self.errors = []
        self._reader = threading.Thread(target=self._read_errors, daemon=True)
        self._reader.start()

    def _read_errors(self):
        for line in self.popen.stderr:
            self.errors.append(line)

    @property
    def pid(self):
        return self.popen.pid

    def line(self):
        """The next line of standard output, as JSON."""
        text = self.popen.stdout.readline()
        if not text:
            self.popen.wait(PATIENCE_S)
            self._reader.join(PATIENCE_S)
            raise AssertionError(
                f"no output, exit {self.popen.returncode}: "
                + "".join(self.errors))
        return json.loads(text)

    def write(self, *lines):
        for line in lines:
            text = line if isinstance(line, str) else json.dumps(line)
            self.popen.stdin.write(text + "\n")
        self.popen.stdin.flush()

    def send_signal(self, number):
        self.popen.send_signal(number)

    def write_next(self, line):
        """For `load --report 1` after a line of progress; what becomes of
        this write is told too, because the millisecond is over."""
        time.sleep(0.002)
        self.write(line)

    def end(self):
        """Closes its input, waits, and gives (exit status, last line)."""
        late = threading.Timer(PATIENCE_S, self.popen.kill)
        late.start()
        self.popen.stdin.close()
        lines = self.popen.stdout.read().strip().splitlines()
        self.popen.wait()
        late.cancel()
        self._reader.join(PATIENCE_S)
        return self.popen.returncode, json.loads(lines[-1]) if lines else None

    def stop(self, number=signal.SIGTERM):
        if self.popen.poll() is None:
            self.popen.send_signal(number)
        self.popen.wait(PATIENCE_S)
        return self.popen.returncode

    def close(self):
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        for stream in (self.popen.stdin, self.popen.stdout, self.popen.stderr):
            try:
                stream.close()
            except BrokenPipeError:
                pass


def run(*args, prefix=(), program=DBPROXY, env=None, stdin=None):
    """Runs a dbproxy command to its end."""
    return subprocess.run(
        [*prefix, program, *args], capture_output=True, text=True,
        input=stdin, timeout=PATIENCE_S, env={**os.environ, **(env or {})})


class Client:
    """A JSON-RPC client on a DEALER, with or without delimiter, or a REQ."""

    def __init__(self, context, address, kind=zmq.DEALER, delimiter=False):
        self.socket = context.socket(kind)
        self.socket.linger = 0
        self.socket.connect(address)
        self.prefix = [b""] if delimiter else []
        self.next_id = 0

    def send(self, text):
        data = text if isinstance(text, bytes) else text.encode()
        self.socket.send_multipart([*self.prefix, data])

    def receive(self):
        if not self.socket.poll(PATIENCE_S * 1000):
            raise AssertionError("no answer")
        frames = self.socket.recv_multipart()
        if frames[:-1] != self.prefix:
            raise AssertionError(f"the answer has another form: {frames!r}")
        return json.loads(frames[-1])

    def silent(self):
        """True if nothing has come although a later request was answered."""
        marker = f"marker-{self.next_id}"
        self.next_id += 1
        self.send(json.dumps(
            {"jsonrpc": "2.0", "method": "instance.ping", "id": marker}))
        return self.receive()["id"] == marker

    def ask(self, text):
        self.send(text)
        return self.receive()

    def call(self, method, params=None, **extra):
        self.next_id += 1
        request = {"jsonrpc": "2.0", "method": method, "id": self.next_id}
        if params is not None:
            request["params"] = params
        request.update(extra)
        answer = self.ask(json.dumps(request))
        assert answer["id"] == self.next_id, answer
        return answer

    def write(self, method, params=None, **meta):
        body = {"method": method, "params": params}
        if meta:
            body["meta"] = meta
        return self.call("db.write", body)

    def read(self, method, params=None):
        return self.call("db.read", {"method": method, "params": params})

    def close(self):
        self.socket.close()


class Scenario(unittest.TestCase):
    """A fresh folder with a database, and processes that end with the test."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="dbproxy-test-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.db = os.path.join(self.folder, "a.db")
        self.addCleanup(self.assert_unharmed)
        self.context = zmq.Context()
        self.addCleanup(self.context.destroy, 0)

    def start(self, *args, **how):
        process = Process(*args, **how)
        self.addCleanup(process.close)
        return process

    def serve(self, *args, db=None, **how):
        process = self.start("serve", "--db", db or self.db, *args, **how)
        process.ready = process.line()
        self.assertEqual(process.ready["event"], "ready")
        return process

    def client(self, server, **how):
        client = Client(self.context, server.ready["rpc_addr"], **how)
        self.addCleanup(client.close)
        return client

    def subscriber(self, server, topic=b""):
        """A SUB that is known to receive: an event has arrived."""
        socket = self.context.socket(zmq.SUB)
        socket.linger = 0
        socket.subscribe(b"")
        socket.connect(server.ready["pub_addr"])
        self.addCleanup(socket.close)
        self.event(socket)  # a heartbeat comes every second
        if topic:
            socket.unsubscribe(b"")
            socket.subscribe(topic)
        return socket

    def event(self, socket):
        self.assertTrue(socket.poll(PATIENCE_S * 1000), "no event")
        topic, payload = socket.recv_multipart()
        envelope = json.loads(payload)
        self.assertEqual(envelope["topic"], topic.decode())
        return envelope

    def wait_until_contended(self):
        """Until somebody has met the lock and marked the hint."""
        def marked():
            with open(self.db + ".dbproxy/hint", "rb") as file:
                return any(file.read(8))
        wait_until(marked, "anybody who met the lock")

    def wait_until_queued(self, client, count=1):
        """Until that many writes wait at the primary, or are with it."""
        wait_until(
            lambda: client.call("instance.info")["result"]["queue_depth"]
            >= count, f"a queue of {count} writes")

    def sql(self, statement, *values):
        connection = sqlite3.connect(self.db)
        try:
            return connection.execute(statement, values).fetchall()
        finally:
            connection.close()

    def assert_unharmed(self):
        """After every scenario, when its processes have ended: no page, no
        foreign key and no full-text index is broken."""
        if not os.path.exists(self.db):
            return
        connection = sqlite3.connect(self.db, timeout=PATIENCE_S)
        try:
            self.assertEqual(connection.execute(
                "PRAGMA integrity_check").fetchall(), [("ok",)])
            self.assertEqual(connection.execute(
                "PRAGMA foreign_key_check").fetchall(), [])
            for (name,) in connection.execute(
                    "SELECT name FROM sqlite_schema WHERE sql LIKE"
                    " 'CREATE VIRTUAL TABLE%fts5%'").fetchall():
                # Fails if it is; 1 is: compare it with its rows too.
                connection.execute(f"INSERT INTO {name} ({name}, rank)"
                                   " VALUES ('integrity-check', 1)")
        finally:
            connection.close()

    def assert_sound(self):
        done = run("check", "--db", self.db)
        self.assertEqual(done.stdout, "ok\n", done.stderr)
        self.assertEqual(done.returncode, 0)

    def assert_error(self, answer, code, number=None):
        self.assertIn("error", answer)
        self.assertEqual(answer["error"]["data"]["code"], code, answer)
        if number is not None:
            self.assertEqual(answer["error"]["code"], number)
        return answer["error"]["data"]["message"]


class LockHolder:
    """A plain SQLite program's write lock, taken and given back at will."""

    def __init__(self, path):
        self.connection = sqlite3.connect(
            path, isolation_level=None, timeout=PATIENCE_S)

    def __enter__(self):
        self.connection.execute("BEGIN IMMEDIATE")
        return self

    def __exit__(self, *_):
        self.release()

    def release(self):
        if self.connection.in_transaction:
            self.connection.execute("COMMIT")
        self.connection.close()


def session(name, **more):
    params = {"id": name, "title": "T", "message_count": 0,
              "prompt_tokens": 0, "completion_tokens": 0, "cost": 0}
    return {**params, **more}


def message(name, session_id, parts="[]"):
    return {"id": name, "session_id": session_id, "role": "user",
            "parts": parts}


def matches(wanted, got):
    """True if `got` is `wanted`; "<time>" stands for any Unix time."""
    if wanted == "<time>":
        return isinstance(got, int) and got > 1_600_000_000
    if isinstance(wanted, list):
        return (isinstance(got, list) and len(got) == len(wanted)
                and all(map(matches, wanted, got)))
    if isinstance(wanted, dict):
        return (isinstance(got, dict) and got.keys() == wanted.keys()
                and all(matches(wanted[key], got[key]) for key in wanted))
    return wanted == got and isinstance(wanted, bool) == isinstance(got, bool)
