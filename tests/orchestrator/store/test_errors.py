"""What counts as the database failing."""

from __future__ import annotations

import sqlite3

from orchestrator.store.errors import is_failure


def test_a_full_disk_is_a_failure_and_a_constraint_is_not() -> None:
    """The one is everybody's trouble, the other the work's own."""
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t (a PRIMARY KEY)")
    connection.execute("INSERT INTO t VALUES (1)")
    failures = {}
    for name, sql in {
        "constraint": "INSERT INTO t VALUES (1)",
        "mistake": "INSERT INTO nowhere VALUES (1)",
    }.items():
        try:
            connection.execute(sql)
        except sqlite3.Error as error:
            failures[name] = is_failure(error)
    connection.execute("PRAGMA max_page_count = 1")
    try:
        connection.execute("INSERT INTO t VALUES (?)", ("x" * 100_000,))
    except sqlite3.Error as error:
        failures["full"] = is_failure(error)
    connection.close()
    assert failures == {"constraint": False, "mistake": False, "full": True}


def test_what_sqlite_did_not_say_is_no_failure_of_the_database() -> None:
    """Errors of the module itself, and of the work, carry no result code."""
    assert not is_failure(sqlite3.ProgrammingError("closed"))
    assert not is_failure(ValueError("5"))
