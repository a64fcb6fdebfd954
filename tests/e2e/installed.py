"""Laitevuoro installed on a machine of tests.e2e.machine: packages, commands, units, users, rule.

The packages are copied from the environment that runs the tests, only those that the role's
extra asks for: what the extra forgets is missing there too.
"""

from __future__ import annotations

import shutil
import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.e2e.machine import Machine

ROOT = Path(__file__).parents[2]
UNITS = ROOT / "systemd"
VENV = "opt/laitevuoro"
PYTHON = f"/{VENV}/bin/python"

AGENT = ("laitevuoro-agent", "agents.cli", "pc")
ORCHESTRATOR = ("laitevuoro", "orchestrator.cli", "orchestrator")

_COMMAND = """#!{python}
import sys
from {module} import main
sys.exit(main())
"""


def install(machine: Machine, *roles: tuple[str, str, str]) -> None:
    """Install the roles (command, its module, its extra); start nothing."""
    if sys.version_info[:2] != (3, 11):
        pytest.skip("the container has Python 3.11: its compiled packages do not fit this Python")
    machine.run("/usr/bin/python3", "-m", "venv", "--without-pip", f"/{VENV}")
    site = machine.root / VENV / "lib/python3.11/site-packages"
    for package in _closure(line for _, _, extra in roles for line in _asked_for(extra)):
        _copy(package, site)
    for name in {"mqtt_schemas", *(module.split(".")[0] for _, module, _ in roles)}:
        shutil.copytree(ROOT / name, site / name, ignore=shutil.ignore_patterns("__pycache__"))
    machine.run(PYTHON, "-m", "compileall", "-q", f"/{VENV}", seconds=120)  # as pip does
    for command, module, _ in roles:
        program = machine.root / VENV / "bin" / command
        program.write_text(_COMMAND.format(python=PYTHON, module=module))
        program.chmod(0o755)
    etc = machine.root / "etc"
    for unit in UNITS.glob("*.service"):
        user = unit.name == "laitevuoro-helper.service"
        shutil.copy(unit, etc / "systemd" / ("user" if user else "system"))
    shutil.copy(UNITS / "laitevuoro.sysusers", machine.root / "usr/lib/sysusers.d/laitevuoro.conf")
    machine.run("systemd-sysusers")
    permit_agent(machine)


def permit_agent(machine: Machine) -> None:
    """Install the polkit rule. Polkit watches the folder and reads it anew."""
    shutil.copy(UNITS / "50-laitevuoro-agent.rules", machine.root / "etc/polkit-1/rules.d")


def forbid_agent(machine: Machine) -> None:
    """Remove the polkit rule."""
    (machine.root / "etc/polkit-1/rules.d/50-laitevuoro-agent.rules").unlink()


def _asked_for(extra: str) -> Iterator[str]:
    """Give what `laitevuoro[extra]` asks for, by the project's own file."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    yield from project["dependencies"]
    yield from project["optional-dependencies"][extra]


def _closure(requirements: Iterable[str]) -> Iterator[Distribution]:
    """Give the distributions that an installation of the requirements brings."""
    seen: set[str] = set()
    wanted = [Requirement(line) for line in requirements]
    while wanted:
        requirement = wanted.pop()
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        if requirement.name not in seen:
            seen.add(requirement.name)
            package = distribution(requirement.name)
            wanted.extend(Requirement(line) for line in package.requires or ())
            yield package


def _copy(package: Distribution, site: Path) -> None:
    for file in package.files or ():
        source = Path(str(package.locate_file(file)))
        if ".." in file.parts:
            target = site.parents[2] / "bin" / file.name
            # A Python script is made for the environment that it came from.
            if source.parent.name != "bin" or source.read_bytes().startswith(b"#!"):
                continue
        elif "__pycache__" in file.parts:
            continue
        else:
            target = site / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
