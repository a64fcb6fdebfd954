"""The launcher that ties a program to its parent."""

from __future__ import annotations

import os
import subprocess
import sys

from orchestrator.broker import launch


def test_it_becomes_the_program() -> None:
    """The program runs with its arguments, under the launcher's own process id."""
    command = [
        sys.executable,
        launch.__file__,
        str(os.getpid()),
        "/bin/sh",
        "-c",
        "echo $$ $0",
        "x",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        said, _ = process.communicate(timeout=20)
        assert said.split() == [str(process.pid), "x"]


def test_it_starts_nothing_for_a_parent_that_is_gone() -> None:
    """Where the parent died before the kernel was asked, the program is not started."""
    command = [sys.executable, launch.__file__, "1", "/bin/echo", "started"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 1
    assert (done.stdout, done.stderr) == ("", "the parent is gone\n")
