"""The knowledge base: import of folders, search, large documents."""

import json
import os
import random
import shutil
import signal
import sqlite3
import threading
import unittest

from harness import message, run, session, wait_until
from remembrances import Remembrances, SOURCES, embedder, runs, workers_of

COUNTS = ("files", "added", "updated", "unchanged", "deleted")


class KnowledgeBase(Remembrances):

    def kb_import(self, *args, **how):
        summary = self.command("kb", "import", self.tree, *args, **how)
        self.assertEqual(
            set(summary), {*COUNTS, "skipped", "failed", "chunks", "seconds"})
        return summary

    def assert_counts(self, summary, **counts):
        self.assertEqual(
            {key: summary[key] for key in COUNTS},
            {**dict.fromkeys(COUNTS, 0), **counts}, summary)

    def assert_whole(self, documents):
        """Everything is there once, and full text finds just that."""
        self.assert_sound()
        self.assertEqual(self.sql(
            "SELECT count(*), count(DISTINCT file_path) FROM kb_documents"),
            [(documents, documents)])
        self.assertEqual(self.sql(
            "SELECT file_path FROM kb_documents WHERE chunk_count <>"
            " (SELECT count(*) FROM kb_chunks WHERE kb_chunks.document"
            "  = kb_documents.document)"), [])

    def generate(self, count, words=40):
        """Files that each have a word of their own."""
        source = random.Random(1)
        common = ["alpha", "beta", "gamma", "delta", "epsilon"]
        for number in range(count):
            lines = [" ".join(source.choices(common, k=8))
                     for _ in range(words // 8)]
            self.file(f"{number % 7}/{number}.md",
                      f"# Document {number}\n\nunique{number}x\n\n"
                      + "\n".join(lines) + "\n")

    # -- what is written ------------------------------------------------------

    def test_an_import_again_writes_only_what_has_changed(self):
        self.file("a.md", "# A\n\nwhat a says\n")
        self.file("sub/b.TXT", "what b says\n")
        gone = self.file("sub/deep/c.rst", "what c says\n")
        self.file("empty.adoc", "")
        self.file(".git/hidden.md", "hidden")
        self.file("image.png", b"\x89PNG")
        os.symlink(os.path.join(self.tree, "a.md"),
                   os.path.join(self.tree, "link.md"))
        os.symlink(self.tree, os.path.join(self.tree, "loop"))
        self.serve()
        other = os.path.join(self.folder, "other")
        shutil.copytree(os.path.join(self.tree, "sub"), other)
        self.command("kb", "import", other)
        first = self.kb_import()
        self.assert_counts(first, files=4, added=4)
        self.assertEqual((first["skipped"], first["chunks"]), ([], 3))
        self.assert_whole(6)

        watching = sqlite3.connect(self.db)
        self.addCleanup(watching.close)
        version = watching.execute("PRAGMA data_version").fetchall()
        for arguments in ((), ("--jobs", "3")):
            again = self.kb_import(*arguments)
            self.assert_counts(again, files=4, unchanged=4)
            self.assertEqual(again["chunks"], 0)
        self.assertEqual(
            watching.execute("PRAGMA data_version").fetchall(), version)

        self.file("a.md", "# A\n\nwhat a says now\n")
        os.remove(gone)
        self.file("d.markdown", "what d says\n")
        self.assert_counts(self.kb_import(), files=4, added=1, updated=1,
                           deleted=1, unchanged=2)
        self.assert_whole(6)
        self.assertEqual(
            [row[0][len(self.folder) + 1:] for row in self.sql(
                "SELECT file_path FROM kb_documents ORDER BY file_path")],
            ["other/b.TXT", "other/deep/c.rst", "tree/a.md",
             "tree/d.markdown", "tree/empty.adoc", "tree/sub/b.TXT"])
        self.assertEqual(self.sql(
            "SELECT content FROM kb_documents WHERE file_path = ?",
            os.path.join(self.tree, "a.md")), [("# A\n\nwhat a says now\n",)])

    def test_the_metadata_says_how_a_document_was_made(self):
        path = self.file("a.md", "text")
        self.kb_import()
        link = os.path.join(self.folder, "link")
        os.symlink(self.tree, link)
        self.assert_counts(
            self.command("kb", "import", link), files=1, unchanged=1)
        listed, = self.command("kb", "list")
        self.assertEqual(listed["file_path"], path)
        self.assertEqual(listed["metadata"], {
            "sha256": "982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a8"
                      "51fead67c32c9d1",
            "bytes": 4, "chunk_bytes": 2000, "overlap_bytes": 200,
            "embedder": None, "imported_from": self.tree})
        for arguments in (("--chunk-bytes", "500"),
                          ("--chunk-bytes", "500", "--overlap-bytes", "0"),
                          ("--embedder", embedder()), ()):
            self.assert_counts(self.kb_import(*arguments), files=1, updated=1)
            self.assert_counts(self.kb_import(*arguments), files=1,
                               unchanged=1)

    def test_what_is_no_document_is_skipped(self):
        self.file("good.txt", "good")
        bad = self.file("bad.txt", b"caf\xe9")
        large = self.file("large.txt", b"")
        os.truncate(large, (16 << 20) + 1)
        # With its chunks it is more than one message takes.
        heavy = self.file("heavy.txt", b"a line of text\n" * 700_000)
        unnamed = os.path.join(os.fsencode(self.tree), b"caf\xe9.md")
        with open(unnamed, "wb") as file:
            file.write(b"text")
        for arguments in ((), ("--jobs", "2")):
            summary = self.kb_import(*arguments)
            reasons = {one["file"]: one["reason"]
                       for one in summary["skipped"]}
            self.assertEqual(reasons[bad], "is not UTF-8")
            self.assertIn("more than 16777216 bytes", reasons[large])
            self.assertIn("message_bytes_max", reasons[heavy])
            self.assertEqual(
                reasons[os.path.join(self.tree, "caf?.md")],
                "its name is not UTF-8")
            self.assertEqual(len(reasons), 4)
        self.assert_counts(summary, files=4, unchanged=1)
        self.assert_whole(1)
        # What cannot be read is not gone.
        self.file("good.txt", b"caf\xe9")
        summary = self.kb_import()
        self.assert_counts(summary, files=4)
        self.assert_whole(1)

    def test_a_folder_that_cannot_be_read_is_an_error(self):
        self.file("a.md", "text")
        self.kb_import()
        shutil.rmtree(self.tree)
        error = self.refused("kb", "import", self.tree)
        self.assertIn(self.tree, error["message"])
        self.assert_whole(1)

    def test_wrong_usage(self):
        for args in (["--chunk-bytes", "63"], ["--chunk-bytes", "2000000"],
                     ["--chunk-bytes", "100", "--overlap-bytes", "51"],
                     ["--jobs", "0"], ["--jobs", "65"]):
            done = run("kb", "import", self.tree, "--db", self.db, *args)
            self.assertEqual(done.returncode, 2, args)
        self.assertEqual(run("kb").returncode, 2)
        self.assertNotIn("worker", run("kb", "--help").stdout)

    # -- chunks ---------------------------------------------------------------

    def chunks(self, text, size, overlap):
        path = self.file("one.md", text)
        self.kb_import("--chunk-bytes", str(size),
                       "--overlap-bytes", str(overlap))
        self.assertEqual(self.sql(
            "SELECT content FROM kb_documents WHERE file_path = ?", path),
            [(text,)])
        return [row[0] for row in self.sql(
            "SELECT content FROM kb_chunks ORDER BY chunk_index")]

    def test_chunks_end_where_a_reader_would_pause(self):
        paragraphs = [("word " * 9 + "end.\n") for _ in range(8)]
        text = "\n".join(paragraphs)  # 50 bytes and an empty line each
        self.assertEqual(
            self.chunks(text, 120, 0),
            ["\n".join(paragraphs[i:i + 2]) + "\n" * (i < 6)
             for i in range(0, 8, 2)])
        lines = "".join(f"line {number:03}\n" for number in range(30))
        self.assertEqual(
            self.chunks(lines, 70, 0),
            [lines[i:i + 63] for i in range(0, 270, 63)])
        # The overlap begins with the first line that it has room for.
        overlapped = self.chunks(lines, 70, 20)
        self.assertEqual(overlapped[:2],
                         [lines[:63], lines[63 - 18:63 - 18 + 63]])
        words = "".join(f"word{number:03} " for number in range(30))
        self.assertEqual(
            self.chunks(words, 70, 0),
            [words[i:i + 64] for i in range(0, 240, 64)])
        self.assertEqual(self.chunks("é" * 100, 65, 0),
                         ["é" * 32, "é" * 32, "é" * 32, "é" * 4])

    def test_chunks_hold_the_whole_text(self):
        source = random.Random(7)
        parts = ["\n", "\n\n", " ", "\r\n", "\t", "word", "größe", "日本語",
                 "🙂🙂", "x" * 90]
        text = "".join(source.choices(parts, k=3000))
        data = text.encode()
        for size, overlap in ((64, 0), (64, 32), (101, 17), (1000, 500)):
            end = 0
            for chunk in self.chunks(text, size, overlap):
                part = chunk.encode()
                self.assertLessEqual(len(part), size)
                begin = data.index(part, max(end - overlap, 0))
                self.assertLessEqual(begin, end)
                self.assertGreater(begin + len(part), end)
                end = begin + len(part)
            self.assertEqual(end, len(data))

    # -- search ---------------------------------------------------------------

    def test_search_and_list(self):
        self.file("pets.md", "The cat\x1b[31m sleeps.\n\nThe dog barks.\n")
        self.file("cars.md", "A car has wheels.\n")
        self.kb_import()
        hits = self.command("kb", "search", "cat")
        self.assertEqual([hit["file_path"] for hit in hits],
                         [os.path.join(self.tree, "pets.md")])
        self.assertEqual(hits[0]["chunk_index"], 0)
        self.assertIn("The dog barks.", hits[0]["content"])
        self.assertEqual(self.command("kb", "search", "nothing"), [])
        self.assertEqual(
            len(self.command("kb", "search", "the car", "--limit", "1")), 1)
        for columns in (80, 50):
            shown = self.on_terminal("kb", "search", "cat", columns=columns)
            self.assertTrue(all(len(line) <= columns
                                for line in shown.splitlines()), shown)
            self.assertIn("pets.md", shown)
            self.assertNotIn("\x1b", shown)
        shown = self.on_terminal("kb", "list", columns=400).splitlines()
        self.assertEqual(shown[0].split(),
                         ["file", "bytes", "chunks", "updated"])
        self.assertIn(os.path.join(self.tree, "cars.md"), shown[1])
        self.assertEqual(shown[1][shown[0].index("updated"):][:2], "20")
        self.assertEqual(
            len(json.loads(self.on_terminal("kb", "list", "--json"))), 2)
        shown = self.on_terminal("kb", "import", self.tree)
        self.assertIn("] 1 of 2 files compared", shown)
        self.assertIn("2 unchanged", shown)

    def test_a_search_by_meaning(self):
        self.file("pets.md", "The horse and the dog.\n")
        self.file("cars.md", "The train is late.\n")
        self.file("food.md", "Bread and cheese.\n")
        for jobs in ("1", "2"):
            summary = self.kb_import("--embedder", embedder(), "--jobs", jobs)
            self.assertEqual(summary["files"], 3)
        self.assert_counts(summary, files=3, unchanged=3)
        self.assertEqual(self.sql(
            "SELECT count(*), min(length(embedding)), max(length(embedding))"
            " FROM kb_chunks"), [(3, 12, 12)])
        self.assertEqual(self.command("kb", "search", "cat"), [])
        hits = self.command("kb", "search", "cat", "--embedder", embedder())
        self.assertEqual(os.path.basename(hits[0]["file_path"]), "pets.md")
        hits = self.command("kb", "search", "soup", "--embedder", embedder())
        self.assertEqual(os.path.basename(hits[0]["file_path"]), "food.md")

    def test_an_embedder_that_fails_ends_the_import(self):
        self.generate(20)
        faults = {"exit": "ended with status 3", "object": '{"vector": [1]}',
                  "short": "array of 3 numbers", "text": "Ready."}
        for jobs in ("1", "3"):
            for how, said in faults.items():
                command = embedder("after", 7, how)
                error = self.refused("kb", "import", self.tree, "--jobs",
                                     jobs, "--embedder", command)
                self.assertIn(command, error["message"])
                self.assertIn(said, error["message"])
                documents, = self.sql("SELECT count(*) FROM kb_documents")[0]
                self.assertLess(documents, 20)
                self.assert_whole(documents)
        error = self.refused("kb", "search", "x", "--embedder", "exit 9")
        self.assertIn('"exit 9" ended with status 9', error["message"])
        summary = self.kb_import("--embedder", embedder())
        self.assertEqual(summary["added"] + summary["updated"], 20)
        self.assert_whole(20)

    # -- several processes ----------------------------------------------------

    def load(self, stop):
        """Writes messages through another process until `stop`."""
        loader = self.start("load", "--db", self.db)
        loader.write({"method": "CreateSession", "params": session("s")})
        self.written = 0

        def feed():
            while not stop.is_set():
                loader.write({"method": "CreateMessage",
                              "params": message(f"m{self.written}", "s")})
                self.written += 1
        feeder = threading.Thread(target=feed)
        feeder.start()

        def finish():
            stop.set()
            feeder.join()
            status, summary = loader.end()
            self.assertEqual((status, summary["failed"]), (0, 0), summary)
            self.assertEqual(
                self.sql("SELECT count(*) FROM messages"), [(self.written,)])
        return finish

    def assert_found(self, count):
        self.assert_whole(count)
        client = self.client(self.server)
        for number in range(count):
            hits = client.read("KBSearch", {
                "query": f"unique{number}x", "limit": 5})["result"]
            self.assertEqual(
                [os.path.basename(hit["file_path"]) for hit in hits],
                [f"{number}.md"])
        rows, = self.sql("SELECT count(*) FROM kb_chunks WHERE content LIKE"
                         " '%alpha%'")[0]
        self.assertEqual(self.sql(
            "SELECT count(*) FROM kb_chunks_fts WHERE kb_chunks_fts MATCH"
            " 'alpha'"), [(rows,)])

    def test_four_processes_import_while_others_write(self):
        self.server = self.serve()
        self.generate(300)
        finish = self.load(threading.Event())
        self.assert_counts(self.kb_import("--jobs", "4"), files=300,
                           added=300)
        docs = os.path.join(SOURCES, "docs")
        count = sum(name.endswith(".md") for _, _, names in os.walk(docs)
                    for name in names)
        summary = self.command("kb", "import", docs, "--jobs", "4")
        self.assert_counts(summary, files=count, added=count)
        finish()
        self.command("kb", "import", docs, "--jobs", "4")
        self.assertEqual(self.sql(
            "SELECT count(*) FROM kb_documents"), [(300 + count,)])
        for (path,) in self.sql("SELECT file_path FROM kb_documents"
                                " WHERE file_path LIKE ?", docs + "/%"):
            with open(path) as file:
                self.assertEqual(self.sql(
                    "SELECT content FROM kb_documents WHERE file_path = ?",
                    path), [(file.read(),)])
            self.client(self.server).write("KBDeleteDocument", path)
        self.assert_found(300)

    def test_four_imports_at_once(self):
        self.server = self.serve()
        self.generate(120)
        finish = self.load(threading.Event())
        imports = [self.start("kb", "import", self.tree, "--db", self.db)
                   for _ in range(4)]
        for one in imports:
            status, summary = one.end()
            self.assertEqual(status, 0, one.errors)
            self.assertEqual(summary["files"], 120)
            self.assertEqual(summary["skipped"], [])
        finish()
        self.assert_counts(self.kb_import(), files=120, unchanged=120)
        self.assert_found(120)

    # -- what is killed or stopped --------------------------------------------

    def paused_import(self, after, *args):
        """An import whose embedder waits when it has done that many."""
        fifo = self.pause()
        one = self.start("kb", "import", self.tree, "--db", self.db,
                         "--embedder", embedder("pause", after, fifo), *args)
        self.reached(fifo)
        return one, fifo

    def assert_completed(self, count):
        documents, = self.sql("SELECT count(*) FROM kb_documents")[0]
        self.assertLess(documents, count)
        self.assert_whole(documents)
        summary = self.kb_import("--embedder", embedder())
        self.assertEqual(
            (summary["added"], summary["added"] + summary["updated"]),
            (count - documents, count))
        self.assert_whole(count)

    def test_an_importer_that_is_killed_leaves_whole_documents(self):
        self.generate(30, words=2000)
        for arguments in ((), ("--jobs", "3")):
            one, fifo = self.paused_import(50, *arguments)
            workers = workers_of(one.pid)
            self.assertEqual(len(workers), len(arguments) and 3)
            one.stop(signal.SIGKILL)
            # Its workers end too, when nobody feeds them any more.
            wait_until(
                lambda pids=workers: not any(map(runs, pids)),
                "the workers' end")
            self.release(fifo)
            self.assert_completed(30)
            os.remove(self.db)
            os.remove(fifo)

    def test_a_worker_that_is_killed_is_made_up_for(self):
        self.generate(30)
        one, fifo = self.paused_import(10, "--jobs", "3")
        victim, *_ = workers_of(one.pid)
        os.kill(victim, signal.SIGKILL)
        self.release(fifo)
        status, summary = one.end()
        self.assertEqual(status, 0, one.errors)
        self.assert_counts(summary, files=30, added=30)
        self.assert_whole(30)

    def test_without_workers_an_import_fails(self):
        self.generate(30)
        one, fifo = self.paused_import(10, "--jobs", "3")
        for victim in workers_of(one.pid):
            os.kill(victim, signal.SIGKILL)
        self.release(fifo)
        self.assertEqual(one.end(), (1, None))
        self.assertIn("all worker processes ended", one.errors[-1])
        self.assert_completed(30)

    def test_an_import_can_be_stopped(self):
        self.generate(30)
        for number, arguments in enumerate(((), ("--jobs", "3"))):
            one, fifo = self.paused_import(10, *arguments)
            workers = workers_of(one.pid)
            one.send_signal((signal.SIGINT, signal.SIGTERM)[number])
            self.assertEqual(one.end(), (1, None))
            self.assertIn("stopped by a signal", one.errors[-1])
            for pid in workers:
                self.assertFalse(runs(pid))
            self.assert_completed(30)
            os.remove(self.db)
            os.remove(fifo)

    # -- large documents ------------------------------------------------------

    def test_a_large_document_goes_through_the_socket(self):
        server = self.serve()
        small = self.client(server)
        small.write("CreateSession", session("s"))
        stop = threading.Event()
        answers = []

        def write():
            while not stop.is_set():
                answers.append(small.write(
                    "CreateMessage", message(f"m{len(answers)}", "s")))
        writer = threading.Thread(target=write)
        writer.start()
        content = "a word and another one\n" * (12_000_000 // 23)
        large = self.client(server)
        try:
            answer = large.write("KBAddDocument", {
                "file_path": "/large.txt", "content": content,
                "metadata": {}, "chunks": []})
        finally:
            stop.set()
            writer.join()
        self.assertNotIn("error", answer)
        self.assertTrue(answers)
        self.assertEqual([one for one in answers if "error" in one], [])
        self.assertEqual(self.sql(
            "SELECT content_bytes, chunk_count FROM kb_documents"),
            [(len(content), 1)])
        self.assertEqual(self.sql("SELECT count(*) FROM messages"),
                         [(len(answers),)])
        self.assert_sound()


if __name__ == "__main__":
    unittest.main()
