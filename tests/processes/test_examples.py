"""The examples, as a user would: against the installed tree."""

import json
import os
import subprocess
import unittest

from harness import HERE, Scenario

ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ["DBPROXY_BUILD"]


class Examples(Scenario):

    def run_tool(self, *args):
        done = subprocess.run(args, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def test_the_python_client(self):
        self.serve()
        out = self.run_tool(
            "/usr/bin/python3", os.path.join(ROOT, "examples", "python",
                                             "client.py"), self.db, "s1")
        self.assertEqual(
            out, "read: from Python\nevent: db.session.created s1\n")

    def test_a_host_application_of_the_installed_tree(self):
        prefix = os.path.join(BUILD, "examples", "prefix")
        build = os.path.join(BUILD, "examples", "embed")
        self.run_tool("cmake", "--install", BUILD, "--prefix", prefix)
        self.assertTrue(os.path.exists(os.path.join(prefix, "bin/dbproxy")))
        self.run_tool(
            "cmake", "-S", os.path.join(ROOT, "examples", "embed"), "-B",
            build, "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={prefix}",
            "-DCMAKE_CXX_COMPILER_LAUNCHER="
            + os.environ.get("DBPROXY_LAUNCHER", ""))
        self.run_tool("cmake", "--build", build)
        program = os.path.join(build, "embed")

        def embed(role, name):
            process = subprocess.Popen(
                [program, self.db, role, name], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, text=True)
            self.addCleanup(process.wait, 60)
            self.addCleanup(process.stdout.close)
            self.addCleanup(process.stdin.close)
            lines = [process.stdout.readline()]
            while lines[-1] and not lines[-1].endswith("is ready\n"):
                lines.append(process.stdout.readline())
            return lines

        self.assertEqual(embed("primary", "one"), [
            "actor: written by an actor\n", "facade: written by an actor\n",
            "note: by one\n", "primary is ready\n"])
        self.assertEqual(embed("secondary", "two"), [
            "actor: written by an actor\n", "facade: written by an actor\n",
            "note: by one\n", "note: by two\n", "secondary is ready\n"])

        # The host's methods, to others.
        with open(f"{self.db}.dbproxy/lock") as file:
            address = json.load(file)["rpc_addr"]

        class Ready:
            ready = {"rpc_addr": address}

        client = self.client(Ready)
        self.assertEqual(client.call("app.hello")["result"], "hello from one")
        answer = client.write("AddNote", {"name": "three", "text": "by three"})
        self.assertIsNone(answer["result"])
        self.assertEqual(len(client.read("ListNotes")["result"]), 3)
        answer = client.write("AddNote", {"name": "three", "text": "again"})
        self.assert_error(answer, "CONFLICT", -32005)
        answer = client.write("AddNote", {"name": "four"})
        self.assertIn('"text"', self.assert_error(answer, "INVALID_PARAMS"))
        self.assert_sound()


if __name__ == "__main__":
    unittest.main()
