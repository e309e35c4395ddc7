"""The long form of test_failover: see scripts/soak."""

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time

import zmq

from crowd import Crowd, prepare, wait_for_next_primary
from harness import Client, Process, run
from history import Checker


def parse():
    parser = argparse.ArgumentParser(prog="soak")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--processes", type=int, default=6)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--kill-every", type=float, default=0.3)
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


def kill_for(crowd, options):
    """Kills one after the other; gives how long each takeover took, in ms."""
    takeovers = []
    signals = [signal.SIGKILL, signal.SIGKILL, signal.SIGTERM]
    end = time.monotonic() + options.seconds
    while time.monotonic() < end:
        number = crowd.rng.randrange(options.processes)
        record = wait_for_next_primary(crowd.db, 0)
        was_primary = crowd.primary() == number
        killed_ns = crowd.replace(number, crowd.rng.choice(signals))
        if was_primary:
            wait_for_next_primary(crowd.db, record["epoch"])
            takeovers.append((time.monotonic_ns() - killed_ns) / 1e6)
        time.sleep(options.kill_every)
    return takeovers


def main():
    options = parse()
    folder = tempfile.mkdtemp(prefix="dbproxy-soak-")
    db = os.path.join(folder, "a.db")
    begin(db)
    crowd = Crowd(db, folder, options.processes, seed=options.seed)
    try:
        takeovers = kill_for(crowd, options)
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
    faults += [f"a process ended with {status}: {summary}"
               for status, summary in ended if status != 0]
    print(f"seed {options.seed}: {len(checker.writes)} writes, "
          f"{len(takeovers)} takeovers, the longest "
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
