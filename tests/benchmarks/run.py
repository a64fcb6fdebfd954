"""Run the benchmarks, print a table, write benchmarks.json.

python -m tests.benchmarks.run [NAME...]     all, or those whose name holds one of the words
Exit code 1 where a figure misses its target, 2 where no benchmark has such a name.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks.registry import BENCHMARKS, Benchmark, Result


def main(words: Sequence[str], *, output: Path = Path("benchmarks.json")) -> int:
    """Run what is asked for and return the exit code."""
    load(Path(__file__).parent)
    chosen = select(BENCHMARKS, words)
    if not chosen:
        sys.stderr.write(f"No benchmark is named like {' or '.join(words)}.\n")
        return 2
    results: list[Result] = []
    for function in chosen:
        sys.stderr.write(f"{function.__name__} …\n")
        results.extend(function())
    text = json.dumps([result.as_json() for result in results], indent=2, ensure_ascii=False)
    output.write_text(text + "\n")
    Console().print(table(results))
    return 0 if all(result.met for result in results) else 1


def load(folder: Path) -> None:
    """Import every `bench_*.py`, which registers what it holds."""
    for path in sorted(folder.glob("bench_*.py")):
        importlib.import_module(f"tests.benchmarks.{path.stem}")


def select(benchmarks: Sequence[Benchmark], words: Sequence[str]) -> list[Benchmark]:
    """Return the benchmarks whose name holds one of the words; all, without words."""
    return [
        function
        for function in benchmarks
        if not words or any(word in function.__name__ for word in words)
    ]


def table(results: Sequence[Result]) -> Table:
    """Return the results as a table for people."""
    shown = Table("benchmark", "value", "limit", "unit", "ratio", "target", "met")
    for result in results:
        shown.add_row(
            result.name,
            f"{result.value:,.4g}",
            f"{result.limit:,.4g}",
            result.unit,
            f"{result.ratio:.3f}",
            result.target,
            "yes" if result.met else "[bold red]no[/]",
        )
    return shown


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
