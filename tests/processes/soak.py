"""The long form of test_failover: see scripts/soak."""

import argparse
import collections
import os
import shutil
import signal
import sys
import tempfile
import time

import zmq

from crowd import Crowd, prepare, wait_for_next_primary
from harness import Client, LockHolder, Process, run
from history import Checker

RETRYABLE = {"TIMEOUT", "UNREACHABLE", "BUSY", "UNAVAILABLE"}


def parse():
    parser = argparse.ArgumentParser(prog="soak")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--processes", type=int, default=6)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--pause", type=float, default=0.3,
                        help="seconds between two troubles")
    parser.add_argument("--bytes", type=int, default=0,
                        help="of each message")
    return parser.parse_args()


def begin(db):
    server = Process("serve", "--db", db)
    ready = server.line()
    context = zmq.Context()
    client = Client(context, ready["rpc_addr"])
    prepare(client)
    client.close()
    context.destroy(0)
    server.stop()
    server.close()


class Trouble:
    """What happens to a crowd, one thing after the other."""

    def __init__(self, crowd, options):
        self.crowd = crowd
        self.rng = crowd.rng
        self.options = options
        self.takeovers_ms = []
        self.counts = collections.Counter()

    def make(self):
        kinds = {self.kill: 10, self.end: 5, self.hold_lock: 2, self.stop: 2,
                 self.kill_all: 1}
        (kind,) = self.rng.choices(list(kinds), kinds.values())
        self.counts[kind.__name__] += 1
        kind()

    def kill(self):
        self.replace(signal.SIGKILL)

    def end(self):
        self.replace(signal.SIGTERM)

    def replace(self, number_of_signal):
        number = self.rng.randrange(self.options.processes)
        record = wait_for_next_primary(self.crowd.db, 0)
        was_primary = self.crowd.primary() == number
        killed_ns = self.crowd.replace(number, number_of_signal)
        if was_primary:
            wait_for_next_primary(self.crowd.db, record["epoch"])
            self.takeovers_ms.append((time.monotonic_ns() - killed_ns) / 1e6)

    def kill_all(self):
        for member in self.crowd.members:
            member.signal(signal.SIGKILL)
        for number in range(self.options.processes):
            self.crowd.replace(number, signal.SIGKILL)

    def stop(self):
        """Stops one, as often as not the primary, for up to 2 s."""
        primary = self.crowd.primary()
        number = self.rng.choice(
            [self.rng.randrange(self.options.processes), primary or 0])
        member = self.crowd.members[number]
        member.signal(signal.SIGSTOP)
        time.sleep(self.rng.uniform(0.1, 2))
        member.signal(signal.SIGCONT)

    def hold_lock(self):
        """A foreign program takes the write lock for up to 1.5 s."""
        with LockHolder(self.crowd.db):
            time.sleep(self.rng.uniform(0.1, 1.5))


def main():
    options = parse()
    folder = tempfile.mkdtemp(prefix="dbproxy-soak-")
    db = os.path.join(folder, "a.db")
    begin(db)
    crowd = Crowd(db, folder, options.processes, seed=options.seed,
                  size=options.bytes)
    trouble = Trouble(crowd, options)
    try:
        end = time.monotonic() + options.seconds
        while time.monotonic() < end:
            trouble.make()
            time.sleep(options.pause)
        ended = crowd.finish()
    finally:
        crowd.close()
    checker = Checker(db, crowd.existing_histories())
    faults = checker.run()
    failures = dict(checker.failures())
    checker.close()
    checked = run("check", "--db", db)
    if checked.stdout != "ok\n":
        faults.append("dbproxy check: " + checked.stdout + checked.stderr)
    faults += [f"a process gave no summary, exit {status}"
               for status, summary in ended if summary is None]
    # Past a primary that is stopped, a write may fail at its deadline.
    faults += [f"{count} writes failed with {code}"
               for code, count in failures.items() if code not in RETRYABLE]
    takeovers = trouble.takeovers_ms
    print(f"seed {options.seed}: {len(checker.writes)} writes, troubles "
          f"{dict(trouble.counts)}, {len(takeovers)} takeovers, the longest "
          f"{max(takeovers, default=0):.0f} ms, failures {failures}")
    for fault in faults[:20]:
        print(fault)
    if faults:
        print(f"{len(faults)} faults; everything is left in {folder}")
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
