"""Remembered events: the commands that list and search them."""

import json
import sqlite3
import unittest

from harness import run
from remembrances import Remembrances, embedder


class RemembranceEvents(Remembrances):

    def setUp(self):
        super().setUp()
        self.server = self.serve()
        self.client_of_all = self.client(self.server)

    def save(self, subject, content, embedding=None):
        answer = self.client_of_all.write("SaveEvent", {
            "subject": subject, "content": content,
            "metadata": {"by": "test"}, "embedding": embedding})
        return answer["result"]

    def at(self, event, seconds):
        """Puts an event to a point in time."""
        connection = sqlite3.connect(self.db, timeout=60)
        with connection:
            connection.execute("UPDATE events SET created_at = ?"
                               " WHERE id = ?", (seconds, event))
        connection.close()

    def ids(self, *args):
        return [row["id"] for row in self.command("events", *args)]

    def test_list(self):
        first = self.save("deploy", "the first deployment")
        second = self.save("review", "somebody has reviewed it")
        self.client_of_all.write("ReplaceSessionEvents", {
            "session_id": "s1", "subject": "review", "metadata": {},
            "chunks": ["one thing", "another thing"]})
        rows = self.command("events", "list")
        self.assertEqual(len(rows), 4)
        self.assertEqual(
            [row["session_id"] for row in rows].count("s1"), 2)
        self.assertEqual(self.ids("list", "--subject", "deploy"), [first])
        self.assertEqual(
            set(self.ids("list", "--subject", "review"))
            - set(self.ids("list", "--session", "s1")), {second})
        self.assertEqual(
            self.ids("list", "--limit", "2"), [row["id"] for row in rows[:2]])
        self.assertEqual(self.ids("list", "--session", "none"), [])
        shown = self.on_terminal("events", "list", columns=70).splitlines()
        self.assertEqual(shown[0].split(),
                         ["id", "time", "subject", "session", "content"])
        self.assertEqual(len(shown), 5)
        self.assertIn("another thing", "".join(shown))
        self.assertEqual(json.loads(
            self.on_terminal("events", "list", "--json")), rows)

    def test_search_by_words_subject_and_time(self):
        early = self.save("deploy", "deployment of the parser")
        late = self.save("deploy", "another deployment")
        other = self.save("review", "a deployment was reviewed")
        self.at(early, 1_700_000_000)
        self.at(late, 1_700_003_600)
        self.assertEqual(set(self.ids("search", "deployment")),
                         {early, late, other})
        self.assertEqual(self.ids("search", "parser"), [early])
        self.assertEqual(
            self.ids("search", "deployment", "--subject", "review"), [other])
        # 1_700_000_000 is 2023-11-14T22:13:20Z.
        for bounds, wanted in (
                (("--to", "1700000000"), {early}),
                (("--to", "2023-11-14T22:13:20Z"), {early}),
                (("--to", "2023-11-14T22:13:19.9Z"), set()),
                (("--to", "2023-11-15T00:13:20+02:00"), {early}),
                (("--to", "2023-11-14T17:43:20.5-04:30"), {early}),
                (("--from", "1700000001"), {late, other}),
                (("--from", "2023-11-14T22:13:20z",
                  "--to", "2023-11-14t23:13:20Z"), {early, late})):
            self.assertEqual(
                set(self.ids("search", "deployment", *bounds)), wanted,
                bounds)
        self.assertEqual(
            len(self.ids("search", "deployment", "--limit", "1")), 1)
        shown = self.on_terminal("events", "search", "parser")
        self.assertEqual(shown.split()[:2], ["score", "id"])
        self.assertIn("deployment of the parser", shown)

    def test_search_by_meaning(self):
        self.save("food", "what we ate", [0.0, 0.1, 0.9])
        pets = self.save("pets", "who lives here", [0.9, 0.1, 0.0])
        self.assertEqual(self.ids("search", "cat"), [])
        self.assertEqual(
            self.ids("search", "cat", "--embedder", embedder())[0], pets)

    def test_wrong_usage(self):
        for args in (["search"], ["list", "--limit", "0"],
                     ["list", "--limit", "1001"],
                     ["search", "x", "--from", "yesterday"],
                     ["search", "x", "--to", "2023-02-29T00:00:00Z"]):
            done = run("events", args[0], "--db", self.db, *args[1:])
            self.assertEqual(done.returncode, 2, args)


if __name__ == "__main__":
    unittest.main()
