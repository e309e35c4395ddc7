"""Processes that write all the time, and that somebody kills."""

import itertools
import json
import os
import random
import threading
import time

from harness import Process, session, wait_until

# Long enough for a slow machine, where no write may fail by its deadline.
TIMEOUT_MS = 20_000
# Little is on its way to a process, so that it ends soon when it is told to.
PIPE_BYTES = 4096


def lines(name, rng, size=0):
    """Writes of every kind that the checker knows, without end."""
    filler = "x" * size
    for number in itertools.count():
        key = f"{name}-{number}"
        kind = rng.random()
        if kind < 0.6:
            yield {"method": "CreateMessage", "params": {
                "id": key, "session_id": "s", "role": "user",
                "parts": filler or json.dumps([key])}}
        elif kind < 0.75:
            yield {"method": "IncrementSkillUsage", "params": {"id": "k"}}
        elif kind < 0.9:
            yield {"method": "SaveEvent", "params": {
                "subject": name, "content": f"event {key}", "metadata": {}}}
        else:
            yield {"method": "KBAddDocument", "params": {
                "file_path": f"/{key}", "content": f"document {key}",
                "metadata": {}, "chunks": [f"document {key}"]}}


def prepare(client):
    """What the lines refer to."""
    for method, params in (
            ("CreateSession", session("s")),
            ("InsertSkill", {"id": "k", "title": "T", "content": "C",
                             "task_type": "t"})):
        answer = client.write(method, params)
        assert "result" in answer, answer


class Member:
    """One process of the crowd, and the thread that feeds it."""

    def __init__(self, crowd, number, generation):
        self.name = f"{number}.{generation}"
        self.history = os.path.join(crowd.folder, f"history-{self.name}")
        self.process = Process(
            "load", "--db", crowd.db, "--in-flight", str(crowd.in_flight),
            "--history", self.history, "--timeout", str(TIMEOUT_MS),
            *crowd.arguments, env=crowd.environment,
            pipe_bytes=PIPE_BYTES)
        self.acks = 0
        self.history_read_bytes = 0
        self.stop_feeding = threading.Event()
        rng = random.Random(f"{crowd.seed} {self.name}")
        self.feeder = threading.Thread(
            target=self.feed, args=(lines(self.name, rng, crowd.size),))
        self.feeder.start()

    def feed(self, source):
        try:
            for line in source:
                if self.stop_feeding.is_set():
                    return
                self.process.write(line)
        except (BrokenPipeError, ValueError):
            pass  # it was killed

    def acked(self):
        """How many of its writes were acknowledged so far."""
        if os.path.exists(self.history):
            with open(self.history, "rb") as file:
                file.seek(self.history_read_bytes)
                news = file.read()
            whole = news.rfind(b"\n") + 1
            self.history_read_bytes += whole
            self.acks += news.count(b'"event":"acked"', 0, whole)
        return self.acks

    def signal(self, number):
        self.process.send_signal(number)

    def finish(self):
        """Lets it answer what it has; its exit status and its summary."""
        self.stop_feeding.set()
        self.feeder.join()
        try:
            return self.process.end()
        except BrokenPipeError:
            return self.process.stop(), None

    def close(self):
        self.process.popen.kill()
        self.stop_feeding.set()
        self.feeder.join()
        self.process.close()


class Crowd:
    """`processes` instances on one database, each fed as fast as it takes."""

    def __init__(self, db, folder, processes, seed=0, in_flight=4, size=0,
                 arguments=(), environment=None):
        self.db = db
        self.folder = folder
        self.seed = seed
        self.in_flight = in_flight
        self.size = size
        self.arguments = arguments
        self.environment = environment
        self.rng = random.Random(seed)
        self.histories = []
        self.members = []
        self.generation = 0
        for number in range(processes):
            self.members.append(self.start(number))

    def start(self, number):
        self.generation += 1
        member = Member(self, number, self.generation)
        self.histories.append(member.history)
        return member

    def replace(self, number, signal_number):
        """Ends one process by a signal and starts another in its place."""
        old = self.members[number]
        old.signal(signal_number)
        killed_ns = time.monotonic_ns()
        old.process.popen.wait()
        old.close()
        self.members[number] = self.start(number)
        return killed_ns

    def primary(self):
        """The number of the member that is primary; None if there is none."""
        record = read_record(self.db)
        for number, member in enumerate(self.members):
            if record and member.process.pid == record["pid"]:
                return number
        return None

    def wait_for_acks(self, count, members=None):
        """Until each of the members has that many acknowledged writes."""
        for member in self.members if members is None else members:
            wait_until(lambda one=member: one.acked() >= count,
                       f"{count} acknowledged writes of {member.name}",
                       member.process)

    def wait_for_more_acks(self, more, members=None):
        """That many more than the first of them has now."""
        if members is None:
            members = self.members
        self.wait_for_acks(more + max(one.acked() for one in members), members)

    def finish(self):
        # All stop asking first, so that nobody waits for a crowd that goes on.
        for member in self.members:
            member.stop_feeding.set()
        return [member.finish() for member in self.members]

    def existing_histories(self):
        return [path for path in self.histories if os.path.exists(path)]

    def close(self):
        for member in self.members:
            member.close()


def read_record(db):
    """What the lock file says; None while it says nothing."""
    try:
        with open(db + ".dbproxy/lock", encoding="utf-8") as file:
            return json.load(file)
    except (FileNotFoundError, ValueError):
        return None


def wait_for_next_primary(db, epoch):
    """The record of a later epoch."""
    def next_record():
        record = read_record(db)
        return record if record and record["epoch"] > epoch else None
    return wait_until(next_record, f"a primary after epoch {epoch}")
