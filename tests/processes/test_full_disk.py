"""A file system without space, and one that has some again."""

import os
import subprocess
import unittest

from harness import Scenario, message, session


class FullDisk(Scenario):

    def setUp(self):
        super().setUp()
        self.mount = os.path.join(self.folder, "small")
        os.mkdir(self.mount)
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", self.mount],
            capture_output=True, text=True)
        if done.returncode != 0:
            self.skipTest("no tmpfs can be mounted: " + done.stderr.strip())
        # After the processes have ended, before the folder goes.
        self._cleanups.insert(1, (subprocess.run, (
            ["umount", self.mount],), {}))
        self.db = os.path.join(self.mount, "a.db")

    def test_what_does_not_fit_is_refused_and_the_rest_goes_on(self):
        server = self.serve()
        client = self.client(server)
        client.write("CreateSession", session("s"))
        filler = os.path.join(self.mount, "filler")
        with open(filler, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 4096)
            except OSError:
                pass
        acked = []
        for number in range(200):
            answer = client.write(
                "CreateMessage", message(f"m{number}", "s", "x" * 20000))
            if "error" in answer:
                break
            acked.append(f"m{number}")
        text = self.assert_error(answer, "INTERNAL", -32006)
        self.assertRegex(text, "SQLITE_(FULL|IOERR)")
        # Reads go on, and so do writes when there is space again.
        self.assertEqual(
            client.read("GetSessionByID", "s")["result"]["id"], "s")
        os.remove(filler)
        answer = client.write("CreateMessage", message("after", "s"))
        self.assertIn("result", answer)
        self.assertEqual(
            [name for (name,) in self.sql(
                "SELECT id FROM messages ORDER BY rowid")],
            [*acked, "after"])
        self.assert_sound()


if __name__ == "__main__":
    unittest.main()
