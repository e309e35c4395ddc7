"""What the scenarios of the remembrances share: trees of files, commands."""

import json
import os
import shlex
import subprocess
import sys

from harness import DBPROXY, HERE, PATIENCE_S, Scenario, run

SOURCES = os.path.dirname(os.path.dirname(HERE))


def embedder(*arguments):
    """The shell command of embedder.py."""
    return shlex.join([sys.executable, os.path.join(HERE, "embedder.py"),
                       *map(str, arguments)])


def workers_of(pid):
    """The pids of the worker processes that a command has started."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as file:
                parent = file.read().rpartition(")")[2].split()[1]
            with open(f"/proc/{name}/cmdline") as file:
                command = file.read()
        except OSError:
            continue
        if int(parent) == pid and "-worker" in command:
            found.append(int(name))
    return found


def runs(pid):
    """True if the process has not ended; it may wait for its parent."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Remembrances(Scenario):

    def setUp(self):
        super().setUp()
        self.tree = os.path.join(self.folder, "tree")
        os.mkdir(self.tree)

    def file(self, name, content):
        path = os.path.join(self.tree, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        data = content if isinstance(content, bytes) else content.encode()
        with open(path, "wb") as file:
            file.write(data)
        return path

    def command(self, *args, status=0, **how):
        """Runs a command; what it printed, as JSON."""
        done = run(*args[:2], "--db", self.db, *args[2:], **how)
        self.assertEqual(done.returncode, status, done.stderr + done.stdout)
        self.assertEqual(len(done.stdout.splitlines()), 1, done.stdout)
        return json.loads(done.stdout)

    def refused(self, *args, **how):
        """The error of a command that fails."""
        done = run(*args[:2], "--db", self.db, *args[2:], **how)
        self.assertEqual(done.returncode, 1, done.stderr + done.stdout)
        self.assertEqual(done.stdout, "")
        return json.loads(done.stderr.splitlines()[-1])

    def on_terminal(self, *args, columns=80):
        """What a command prints where standard output is a terminal."""
        command = shlex.join([DBPROXY, *args[:2], "--db", self.db, *args[2:]])
        done = subprocess.run(
            ["script", "-qec", f"stty cols {columns}; {command}", "/dev/null"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=PATIENCE_S)
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout.replace("\r\n", "\n")

    def pause(self):
        """A FIFO at which an embedder waits; see embedder.py."""
        fifo = os.path.join(self.folder, "fifo")
        os.mkfifo(fifo)
        return fifo

    def reached(self, fifo):
        with open(fifo) as file:
            self.assertEqual(file.read(), "here\n")

    def release(self, fifo):
        with open(fifo, "w"):
            pass
