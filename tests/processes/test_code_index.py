"""The code index: source trees, their symbols, and the search over them."""

import hashlib
import os
import shutil
import signal
import unittest

from harness import run, wait_until
from remembrances import Remembrances, SOURCES, embedder, runs, workers_of

COUNTS = ("files", "added", "updated", "unchanged", "deleted")

SHAPES = """namespace shapes {

struct point {
  int x;
  int y;
};

class circle {
public:
  double area() const { return radius * radius * 3; }

private:
  point centre;
  double radius = 1;
};

} // namespace shapes

namespace shapes {
int corners_of(const point& any) { return 4; }
} // namespace shapes
"""


class CodeIndex(Remembrances):

    def index(self, *args, folder=None, **how):
        summary = self.command("code", "index", folder or self.tree, *args,
                               **how)
        self.assertEqual(set(summary), {
            *COUNTS, "project_id", "skipped", "failed", "symbols", "seconds"})
        return summary

    def assert_counts(self, summary, **counts):
        self.assertEqual(
            {key: summary[key] for key in COUNTS},
            {**dict.fromkeys(COUNTS, 0), **counts}, summary)

    def symbols(self, *args):
        return self.command("code", "symbols", *args)

    def project(self):
        project, = self.command("code", "projects")
        return project

    # -- symbols --------------------------------------------------------------

    def test_the_symbols_of_a_file(self):
        self.file("src/shapes.hpp", SHAPES)
        self.file("tool.py", "class Tool:\n    def run(self):\n"
                  "        return 'größe'\n\n\ndef main():\n    pass\n")
        self.file("README", "no source")
        self.file("empty.py", "")
        self.assert_counts(self.index(), files=3, added=3)
        self.assert_sound()
        rows = self.symbols("--file", "src/shapes.hpp")
        paths = [(row["name_path"], row["symbol_type"]) for row in rows]
        for wanted in (("shapes", "namespace"), ("shapes/point", "struct"),
                       ("shapes/point/x", "member"),
                       ("shapes/circle", "class"),
                       ("shapes/circle/area", "function"),
                       ("shapes/corners_of", "function")):
            self.assertIn(wanted, paths)
        by_path = {row["name_path"]: row for row in rows}
        area = by_path["shapes/circle/area"]
        self.assertEqual((area["start_line"], area["end_line"],
                          area["signature"], area["language"],
                          area["file_path"]),
                         (10, 10, "() const", "C++", "src/shapes.hpp"))
        self.assertEqual(area["parent_id"], by_path["shapes/circle"]["id"])
        circle = by_path["shapes/circle"]
        self.assertEqual((circle["start_line"], circle["end_line"]), (8, 15))
        self.assertTrue(circle["source_code"].startswith("class circle {"))
        self.assertTrue(circle["source_code"].endswith("};"))
        # The namespace is opened twice; each part has its own.
        first, second = (row for row in rows if row["name_path"] == "shapes")
        self.assertEqual(circle["parent_id"], first["id"])
        self.assertEqual(by_path["shapes/corners_of"]["parent_id"],
                         second["id"])
        for row in rows:
            self.assertEqual(
                SHAPES.encode()[row["start_byte"]:row["end_byte"]].decode(),
                row["source_code"])
        run_, = self.symbols("Tool/run")
        self.assertEqual(run_["source_code"],
                         "    def run(self):\n        return 'größe'")
        self.assertEqual([row["name_path"] for row in self.symbols("run")],
                         ["Tool/run"])
        self.assertEqual(self.symbols("--file", "empty.py"), [])
        shown = self.on_terminal("code", "symbols", "area", columns=90)
        self.assertEqual(shown.split()[:5],
                         ["symbol", "kind", "file", "lines", "source"])
        self.assertIn("10-10", shown)

    def test_ids_are_stable_and_unique(self):
        self.file("a.c", "".join(f"int f{i}(void) {{ return {i}; }}\n"
                                 for i in range(50)))
        self.file("twice.py", "def f(): pass\ndef f(): pass\n")
        self.file("b/a.c", "int f0(void) { return 0; }\n")
        self.index()
        before = self.sql("SELECT id FROM code_symbols ORDER BY id")
        self.assertEqual(len(set(before)), 53)
        self.file("a.c", open(os.path.join(self.tree, "a.c")).read() + "\n")
        self.assert_counts(self.index(), files=3, updated=1, unchanged=2)
        self.assertEqual(
            self.sql("SELECT id FROM code_symbols ORDER BY id"), before)

    def test_a_long_symbol_is_cut_between_characters(self):
        self.file("long.py", "def long():\n    return '" + "é" * 20_000
                  + "'\n")
        self.index()
        one, = self.symbols("long")
        self.assertLessEqual(len(one["source_code"].encode()), 8192)
        self.assertGreater(len(one["source_code"].encode()), 8000)
        self.assertGreater(one["end_byte"], 40_000)

    # -- this project's own sources -------------------------------------------

    def test_this_project(self):
        self.serve()
        for name in ("messages", "actors"):
            shutil.copytree(os.path.join(SOURCES, name),
                            os.path.join(self.tree, name))
        count = sum(len(names) for _, _, names in os.walk(self.tree))
        first = self.index("--name", "ours", "--jobs", "3")
        self.assertEqual(first["skipped"], [])
        self.assert_counts(first, files=count, added=count)
        self.assert_sound()
        self.assertEqual(
            first["project_id"], "tree-" + hashlib.sha256(
                self.tree.encode()).hexdigest()[:8])
        error, = (row for row in self.symbols("write_error")
                  if row["symbol_type"] == "struct")
        self.assertEqual((error["file_path"], error["name_path"]),
                         ("messages/errors.hpp", "dbproxy/write_error"))
        self.assertIn("bool is_retryable() const", error["source_code"])
        self.assertEqual(self.symbols("no_such_symbol"), [])
        hits = self.command("code", "search", "coordinator", "--limit", "5")
        self.assertEqual(len(hits), 5)
        self.assertIn("actors/", "".join(hit["file_path"] for hit in hits))
        shown = self.on_terminal("code", "search", "coordinator", "--limit",
                                 "5", columns=120).splitlines()
        self.assertEqual(shown[0].split(), ["score", "symbol", "kind", "file",
                                            "lines", "source"])
        self.assertEqual(len(shown), 6)

        project = self.project()
        self.assertEqual(
            (project["name"], project["status"], project["root_path"]),
            ("ours", "indexed", self.tree))
        self.assertGreater(project["last_indexed_at"], 1_600_000_000)
        cpp = project["language_stats"]["C++"]
        self.assertEqual(cpp["files"], count - 2)  # and two of CMake
        symbols, = self.sql("SELECT count(*) FROM code_symbols")[0]
        self.assertEqual(first["symbols"], symbols)
        self.assertEqual(sum(one["symbols"] for one in
                             project["language_stats"].values()), symbols)

        # The project itself is written, its files are not.
        indexed = self.sql("SELECT file_path, indexed_at, file FROM"
                           " code_files ORDER BY file")
        self.assert_counts(self.index(), files=count, unchanged=count)
        self.assertEqual(self.sql(
            "SELECT file_path, indexed_at, file FROM code_files"
            " ORDER BY file"), indexed)

        os.remove(os.path.join(self.tree, "messages/errors.hpp"))
        self.file("messages/write.hpp", "struct quite_different {};\n")
        self.file("actors/fresh.py", "fresh = 1\n")
        self.assert_counts(
            self.index("--jobs", "2"), files=count, added=1, updated=1,
            deleted=1, unchanged=count - 2)
        self.assert_sound()
        self.assertEqual(
            [row["symbol_type"] for row in self.symbols("write_error")
             if row["file_path"] == "messages/errors.hpp"], [])
        self.assertEqual(len(self.symbols("quite_different")), 1)
        self.assertEqual(
            self.project()["language_stats"]["Python"]["files"], 1)
        found = self.index("--exclude", "actors", "--exclude", "messages/w*")
        self.assertEqual(found["deleted"] + found["files"], count)
        self.assertEqual(
            self.sql("SELECT count(*) FROM code_files WHERE file_path LIKE"
                     " 'actors/%' OR file_path LIKE 'messages/w%'"), [(0,)])

    def test_projects_are_told_apart(self):
        error = self.refused("code", "symbols", "x")
        self.assertIn("0 projects", error["message"])
        self.file("one.py", "same = 1\n")
        self.index("--project", "first")
        self.assertEqual(len(self.symbols("same")), 1)
        self.index("--project", "second")
        error = self.refused("code", "search", "same")
        self.assertEqual(error["code"], "INVALID_PARAMS")
        self.assertIn("first, second", error["message"])
        self.assertEqual(
            len(self.symbols("same", "--project", "second")), 1)
        shown = self.on_terminal("code", "projects", columns=200)
        self.assertIn("indexed", shown.splitlines()[1])

    # -- what cannot be indexed -----------------------------------------------

    def test_what_is_skipped(self):
        good = self.file("good.py", "good = 1\n")
        bad = self.file("bad.py", b"bad = '\xe9'\n")
        large = self.file("large.py", b"")
        os.truncate(large, (4 << 20) + 1)
        blank = self.file("blank.py ", "blank = 1\n")
        broken = self.file("line\nbreak.py", "broken = 1\n")
        self.file(".hidden/other.py", "other = 1\n")
        self.file(" lead: er.py", "leader = 1\n")
        for jobs in ("1", "2"):
            summary = self.index("--jobs", jobs)
            self.assertEqual(
                [one["file"] for one in summary["skipped"]],
                sorted([bad, large, blank, broken]))
        self.assert_counts(summary, files=4, unchanged=2)
        self.assertEqual(len(self.symbols("leader")), 1)
        self.assertEqual(self.project()["status"], "indexed")
        # What has become unreadable stays as it was.
        os.replace(bad, good)
        self.assert_counts(self.index(), files=3, unchanged=1)
        self.assertEqual(len(self.symbols("good")), 1)

    def test_without_ctags(self):
        self.file("good.py", "good = 1\n")
        empty = os.path.join(self.folder, "bin")
        os.mkdir(empty)
        for name, script in (
                (None, None), ("ctags", "echo Exuberant Ctags"),
                ("ctags-universal", "echo Universal Ctags; exit 1")):
            if name:
                path = os.path.join(empty, name)
                with open(path, "w") as file:
                    file.write(f"#!/bin/sh\n{script}\n")
                os.chmod(path, 0o755)
            error = self.refused("code", "index", self.tree,
                                 env={"PATH": empty})
            self.assertIn("universal-ctags", error["message"])
        self.assertFalse(os.path.exists(self.db))

    def fake_ctags(self, script):
        """A ctags that runs `script` where it is to find tags."""
        folder = os.path.join(self.folder, "bin")
        os.mkdir(folder)
        path = os.path.join(folder, "ctags")
        with open(path, "w") as file:
            file.write('#!/bin/sh\ncase "$*" in *output-format*) :;;'
                       ' *) exec /usr/bin/ctags "$@";; esac\n' + script)
        os.chmod(path, 0o755)
        return {"PATH": f"{folder}:{os.environ['PATH']}"}

    def test_a_file_on_which_ctags_fails(self):
        for number in range(5):
            self.file(f"{number}.py", f"name{number} = 1\n")
        env = self.fake_ctags(
            'names=$(cat)\ncase "$names" in *3.py*) kill -SEGV $$;; esac\n'
            'echo "$names" | /usr/bin/ctags "$@"\n')
        for jobs in ("1", "2"):
            summary = self.index("--jobs", jobs, env=env)
            self.assertEqual(
                summary["skipped"],
                [{"file": os.path.join(self.tree, "3.py"),
                  "reason": "ctags ended with status 139"}])
        self.assert_counts(summary, files=5, unchanged=4)

    # -- embedders, and several processes -------------------------------------

    def generate(self, count):
        for number in range(count):
            self.file(f"{number % 3}/{number}.py",
                      f"def unique{number}():\n    return {number}\n\n\n"
                      f"class Holder{number}:\n    cat = dog = horse = 1\n")

    def assert_whole(self, files):
        self.assert_sound()
        self.assertEqual(self.sql(
            "SELECT count(*), count(DISTINCT file_path),"
            " sum(symbol_count) = (SELECT count(*) FROM code_symbols)"
            " FROM code_files WHERE symbol_count > 0"),
            [(files, files, 1 if files else None)])

    def test_a_search_by_meaning(self):
        self.file("one.py", "def pets():\n    cat = dog = horse = 0\n")
        self.file("two.py", "def food():\n    bread = cheese = soup = 0\n")
        self.index("--embedder", embedder(), "--jobs", "2")
        self.assertEqual(
            self.sql("SELECT DISTINCT length(embedding) FROM code_symbols"),
            [(12,)])
        hits = self.command("code", "search", "apple", "--embedder",
                            embedder())
        self.assertEqual(hits[0]["name"], "food")
        error = self.refused("code", "search", "apple", "--embedder",
                             "echo 7")
        self.assertIn('"echo 7" answered "7"', error["message"])

    def test_an_embedder_that_fails_ends_the_indexing(self):
        self.generate(60)
        for jobs in ("1", "3"):
            error = self.refused(
                "code", "index", self.tree, "--jobs", jobs, "--embedder",
                embedder("after", 70, "exit"))
            self.assertIn("ended with status 3", error["message"])
            self.assertEqual(self.project()["status"], "failed")
            self.assertIsNone(self.project()["last_indexed_at"])
        self.index()
        self.assertEqual(self.project()["status"], "indexed")
        self.assert_whole(60)

    def test_four_processes_index_at_once(self):
        self.serve()
        self.generate(150)
        for summary in (self.index("--jobs", "4"),):
            self.assert_counts(summary, files=150, added=150)
        self.assert_whole(150)
        indexings = [self.start("code", "index", self.tree, "--db", self.db,
                                "--project", "other") for _ in range(4)]
        for one in indexings:
            self.assertEqual(one.end()[0], 0, one.errors)
        self.assert_counts(self.index("--project", "other"), files=150,
                           unchanged=150)
        self.assert_sound()
        self.assertEqual(self.sql(
            "SELECT count(*) FROM code_files GROUP BY project_id"),
            [(150,), (150,)])

    def test_an_indexing_that_is_killed_can_be_run_again(self):
        self.generate(90)
        fifo = self.pause()
        one = self.start(
            "code", "index", self.tree, "--db", self.db, "--jobs", "2",
            "--embedder", embedder("pause", 130, fifo))
        self.reached(fifo)
        workers = workers_of(one.pid)
        self.assertEqual(len(workers), 2)
        one.stop(signal.SIGKILL)
        wait_until(lambda: not any(map(runs, workers)), "the workers' end")
        self.release(fifo)
        files, = self.sql("SELECT count(*) FROM code_files")[0]
        self.assertLess(files, 90)
        self.assert_whole(files)
        self.assertEqual(self.project()["status"], "indexing")
        summary = self.index()
        self.assertEqual(summary["added"] + summary["updated"]
                         + summary["unchanged"], 90)
        self.assert_whole(90)
        self.assertEqual(self.project()["status"], "indexed")

    def test_wrong_usage(self):
        for args in (["symbols"], ["symbols", "x", "--file", "y"],
                     ["index"], ["search"], ["nonsense"]):
            done = run("code", args[0], "--db", self.db, *args[1:])
            self.assertEqual(done.returncode, 2, args)
        self.assertNotIn("worker", run("code", "--help").stdout)


if __name__ == "__main__":
    unittest.main()
