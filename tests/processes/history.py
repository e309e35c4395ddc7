"""What a crowd of `dbproxy load` did, and whether the database agrees.

Each process writes with --history: a line when it asks for a write and a line
when that ends. A write without an end is one whose process was killed.
"""

import collections
import json
import sqlite3

ACKED, ABSENT, UNKNOWN = "acked", "not_applied", "unknown"


class Write:
    def __init__(self, process, event):
        self.process = process
        self.number = event["line"]
        self.asked_ns = event["at_ns"]
        line = json.loads(event["write"])
        self.method = line["method"]
        self.params = line["params"]
        self.outcome = UNKNOWN
        self.ended_ns = None
        self.code = None
        self.route = None

    def end(self, event):
        self.ended_ns = event["at_ns"]
        self.code = event.get("code")
        self.route = event.get("route")
        self.outcome = ACKED if event["event"] == "acked" else event["outcome"]


def read(path):
    """The writes of one process, in the order in which it asked for them."""
    writes = {}
    with open(path, encoding="utf-8") as file:
        for text in file:
            if not text.endswith("\n"):
                break  # the process was killed in the middle of it
            event = json.loads(text)
            if event["event"] == "asked":
                writes[event["line"]] = Write(path, event)
            else:
                writes[event["line"]].end(event)
    return list(writes.values())


class Checker:
    """Holds histories against a database; `faults` says what is wrong."""

    def __init__(self, database, histories):
        self.writes = [one for path in histories for one in read(path)]
        self.database = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
        self.faults = []

    def close(self):
        self.database.close()

    def run(self):
        by_method = collections.defaultdict(list)
        for one in self.writes:
            by_method[one.method].append(one)
        self.check_rows(
            by_method["CreateMessage"], "id",
            "SELECT id, count(*), max(rowid) FROM messages GROUP BY id",
            by_rowid=True)
        self.check_rows(
            by_method["SaveEvent"], "content",
            "SELECT content, count(*), max(id) FROM events GROUP BY content",
            by_rowid=True)
        self.check_rows(
            by_method["KBAddDocument"], "file_path",
            "SELECT file_path, count(*), 0 FROM kb_documents GROUP BY 1")
        self.check_counters(by_method["IncrementSkillUsage"])
        return self.faults

    def fault(self, text):
        self.faults.append(text)

    def check_rows(self, writes, key, sql, by_rowid=False):
        rows = {name: (count, place)
                for name, count, place in self.database.execute(sql)}
        for one in writes:
            name = one.params[key]
            count, _ = rows.pop(name, (0, 0))
            allowed = {ACKED: (1,), ABSENT: (0,), UNKNOWN: (0, 1)}
            if count not in allowed[one.outcome]:
                self.fault(f"{one.method} {name} of {one.process} was "
                           f"{one.outcome} ({one.code}) and is there "
                           f"{count} times")
        if writes and rows:
            self.fault(f"nobody asked for {list(rows)[:3]}")
        if by_rowid:
            self.check_order(writes, key, sql)

    def check_order(self, writes, key, sql):
        """The writes of one process take effect in their order."""
        place = {name: row for name, _, row in self.database.execute(sql)}
        latest = collections.defaultdict(int)
        for one in writes:
            if one.outcome != ACKED or one.params[key] not in place:
                continue
            row = place[one.params[key]]
            if row <= latest[one.process]:
                self.fault(f"{one.method} {one.params[key]} of {one.process} "
                           "was overtaken")
            latest[one.process] = max(row, latest[one.process])

    def check_counters(self, writes):
        sums = collections.defaultdict(lambda: [0, 0])
        for one in writes:
            low_high = sums[one.params["id"]]
            low_high[0] += one.outcome == ACKED
            low_high[1] += one.outcome != ABSENT
        for name, (low, high) in sums.items():
            ((count,),) = self.database.execute(
                "SELECT usage_count FROM skills WHERE id = ?", (name,))
            if not low <= count <= high:
                self.fault(f"skill {name} was incremented {low} to {high} "
                           f"times and counts {count}")

    def failures(self):
        """Writes that ended in an error, by its code."""
        return collections.Counter(
            one.code for one in self.writes if one.code is not None)

    def first_ack_ms(self, since_ns, routes):
        """How long after that moment one of these routes first succeeded,
        with a write that was asked for later; None if it never did."""
        return min(((one.ended_ns - since_ns) / 1e6 for one in self.writes
                    if one.outcome == ACKED and one.asked_ns > since_ns
                    and one.route in routes), default=None)
