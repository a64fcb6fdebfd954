"""The README names every command, configuration key and file that it should."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from pydantic import BaseModel

from agents import cli as agent_cli
from agents.config import Configuration as AgentConfiguration
from orchestrator.cli import app
from orchestrator.config import Configuration

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands(group: typer.core.TyperGroup, words: str = "") -> Iterator[str]:
    """Yield every command below a group, as it is typed."""
    for name, command in group.commands.items():
        if isinstance(command, typer.core.TyperGroup):
            yield from commands(command, f"{words}{name} ")
        else:
            yield f"{words}{name}"


def keys(model: type[BaseModel]) -> Iterator[str]:
    """Yield every key of a configuration, its tables' keys included."""
    for name, field in model.model_fields.items():
        yield field.alias or name
        for part in re.findall(r"\w+\.[\w.]*?(\w+(?:Section|Settings))\b", repr(field.annotation)):
            module = __import__(model.__module__, fromlist=[part])
            yield from keys(getattr(module, part))


def test_the_two_commands_stand_near_the_top() -> None:
    """A newcomer finds what to type before anything else."""
    top = README[: README.index("## What it does")]
    assert "make demo" in top
    assert "make test" in top


@pytest.mark.parametrize("command", list(commands(typer.main.get_group(app))))
def test_every_command_of_the_orchestrator_is_named(command: str) -> None:
    """Each command stands in the README as it is typed."""
    assert f"{command}`" in README or f"laitevuoro {command} " in README


def test_every_command_of_the_agent_is_named() -> None:
    """Each command of an agent's machine stands in the table."""
    usage = agent_cli.parser().format_help()
    found = re.findall(r"^    ([a-z][a-z-]+)(?: |$)", usage, re.MULTILINE)
    assert len(found) >= 4
    for command in found:
        assert f"`laitevuoro-agent {command}`" in README


@pytest.mark.parametrize("model", [Configuration, AgentConfiguration])
def test_every_configuration_key_is_named(model: type[BaseModel]) -> None:
    """Nobody has to read the source for a key."""
    found = set(keys(model))
    assert {"state_dir", "host", "site"} <= found
    for key in found:
        assert re.search(rf"`\[*{key}\b|`{key}`|\b{key}\.KIND", README), key


def test_what_it_points_to_is_there() -> None:
    """Every link and every file of the installation exists."""
    links = re.findall(r"\]\((?!http|#)([^)]+)\)", README)
    files = re.findall(r"(?:^|\s)((?:systemd|locks)/[\w.-]+)", README)
    assert links
    assert files
    for name in {*links, *files}:
        assert (ROOT / name).exists(), name


def test_metrics_are_pointed_to() -> None:
    """The list of metrics is one click away."""
    assert "grafana/METRICS.md" in README
