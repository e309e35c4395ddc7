"""Databases and directories that cannot be used: a clear error, no harm."""

import json
import os
import shutil
import sqlite3
import tempfile
import unittest

from harness import DBPROXY, Scenario, run, session

NOBODY = 65534
AS_NOBODY = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}",
             "--clear-groups")


class BadFiles(Scenario):

    @classmethod
    def setUpClass(cls):
        # The build may lie where only root can go.
        cls.public = tempfile.mkdtemp(prefix="dbproxy-test-")
        os.chmod(cls.public, 0o755)
        cls.program = shutil.copy(DBPROXY, cls.public)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.public, ignore_errors=True)

    def setUp(self):
        super().setUp()
        # Root may read and write everything, so root's tests run as nobody.
        self.prefix = AS_NOBODY if os.geteuid() == 0 else ()
        self.give(self.folder)

    def assert_unharmed(self):
        """Some of these are no databases."""

    def dbproxy(self, *args):
        return run(*args, prefix=self.prefix, program=self.program)

    def give(self, path):
        if self.prefix:
            os.chown(path, NOBODY, NOBODY)

    def make_database(self):
        done = self.dbproxy("call", "--db", self.db, "CreateSession",
                            json.dumps(session("s")))
        self.assertEqual(done.returncode, 0, done.stderr)

    def refused(self, *words, command=("call", "CountActiveSkills")):
        name, *rest = command
        done = self.dbproxy(name, "--db", self.db, *rest)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertEqual(done.stdout, "")
        error = json.loads(done.stderr)
        self.assertFalse(error["retryable"])
        for word in words:
            self.assertIn(word, error["message"])
        return error

    def test_an_unreadable_file(self):
        self.make_database()
        os.chmod(self.db, 0)
        self.refused(self.db)
        os.chmod(self.db, 0o600)
        self.make_sure_it_recovers()

    def test_a_read_only_file(self):
        self.make_database()
        os.chmod(self.db, 0o400)
        self.refused(self.db)
        os.chmod(self.db, 0o600)
        self.make_sure_it_recovers()

    def make_sure_it_recovers(self):
        done = self.dbproxy("call", "--db", self.db, "GetSessionByID",
                            '"s"')
        self.assertEqual(json.loads(done.stdout)["id"], "s")

    def test_a_file_that_is_no_database(self):
        content = b"this is a text and no database\n" * 100
        with open(self.db, "wb") as file:
            file.write(content)
        self.give(self.db)
        error = self.refused(self.db, "SQLITE_NOTADB")
        self.assertEqual(error["code"], "INTERNAL")
        with open(self.db, "rb") as file:
            self.assertEqual(file.read(), content)

    def test_a_newer_schema(self):
        self.make_database()
        connection = sqlite3.connect(self.db)
        connection.execute(
            "INSERT INTO dbproxy_schema (version, name, applied_at) "
            "VALUES (9999, 'from the future', 0)")
        connection.commit()
        connection.close()
        for name in os.listdir(self.folder):
            self.give(os.path.join(self.folder, name))
        self.refused(self.db, "9999")
        self.refused(self.db, "9999", command=("check",))

    def test_a_folder_that_is_not_there(self):
        self.db = os.path.join(self.folder, "none", "a.db")
        self.refused(os.path.join(self.folder, "none"))

    def test_a_folder_that_cannot_be_written(self):
        os.chmod(self.folder, 0o500)
        self.refused(self.folder)
        os.chmod(self.folder, 0o700)

    def test_a_directory_in_the_place_of_the_database(self):
        os.mkdir(self.db)
        self.refused(self.db)

    def test_an_instance_directory_that_others_may_enter(self):
        directory = self.db + ".dbproxy"
        os.mkdir(directory)
        self.give(directory)
        os.chmod(directory, 0o755)
        self.refused(directory)
        self.assertFalse(os.path.exists(self.db))

    def test_an_instance_directory_that_is_a_link(self):
        target = os.path.join(self.folder, "elsewhere")
        os.mkdir(target, 0o700)
        self.give(target)
        os.symlink(target, self.db + ".dbproxy")
        self.refused(self.db + ".dbproxy")

    def test_an_instance_directory_that_belongs_to_somebody_else(self):
        if not self.prefix:
            self.skipTest("only root can give a directory away")
        os.mkdir(self.db + ".dbproxy", 0o700)
        self.refused(self.db + ".dbproxy")


if __name__ == "__main__":
    unittest.main()
