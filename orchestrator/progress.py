"""A progress bar for work that a person waits for. On a terminal only."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn


@contextmanager
def bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """Give a function that takes what is done and what there is to do, in any unit.

    It may be called from any thread. The bar goes away at the end, and never touches stdout.
    """
    console = Console(stderr=True)
    if not sys.stderr.isatty():
        yield lambda _, __: None
        return
    columns = (TextColumn(title), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(title, total=None)
        yield lambda done, everything: progress.update(task, completed=done, total=everything)
