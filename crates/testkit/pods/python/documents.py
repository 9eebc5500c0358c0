"""Documents in SQLite, as the field keeps them in MongoDB. What was written survives the process, however it dies."""

import json
import sqlite3
from contextlib import contextmanager


class Documents:
    def __init__(self, path):
        self.connection = sqlite3.connect(path, isolation_level=None, timeout=10)
        # The machine does not die in these tests, only the process: what the kernel has is kept.
        for line in (
            "PRAGMA journal_mode = WAL",
            "PRAGMA synchronous = OFF",
            "CREATE TABLE IF NOT EXISTS documents ("
            " number INTEGER PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL, parent TEXT, body TEXT NOT NULL,"
            " UNIQUE (kind, id))",
            "CREATE INDEX IF NOT EXISTS by_parent ON documents (kind, parent)",
        ):
            self.connection.execute(line)

    @contextmanager
    def change(self):
        """All or nothing, and nobody else in between, not even another pod."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    def get(self, kind, id):
        row = self.connection.execute(
            "SELECT body FROM documents WHERE kind = ? AND id = ?", (kind, str(id))
        ).fetchone()
        return json.loads(row[0]) if row else None

    def put(self, kind, id, body, parent=None):
        self.connection.execute(
            "INSERT INTO documents (kind, id, parent, body) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body",
            (kind, id, parent, json.dumps(body)),
        )

    def list(self, kind, parent=None):
        """In the order in which they were first written."""
        rows = self.connection.execute(
            "SELECT body FROM documents WHERE kind = ?1 AND (?2 IS NULL OR parent = ?2) ORDER BY number",
            (kind, parent),
        )
        return [json.loads(row[0]) for row in rows]

    def remove(self, kind, id):
        self.connection.execute("DELETE FROM documents WHERE kind = ? AND id = ?", (kind, id))

    def remove_all(self, kind, parent):
        """How many there were."""
        return self.connection.execute(
            "DELETE FROM documents WHERE kind = ? AND parent = ?", (kind, parent)
        ).rowcount
