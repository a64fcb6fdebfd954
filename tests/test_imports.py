"""What importing a part of the house loads, seen in a fresh interpreter.

The import contracts in pyproject.toml say which of our modules may import what; here is what
that comes to on a machine where only a part of the dependencies is installed.
"""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import agents
import mqtt_schemas
import orchestrator.domain

#: pydantic and what it brings.
PYDANTIC = {
    "annotated_types",
    "pydantic",
    "pydantic_core",
    "typing_extensions",
    "typing_inspection",
}
BASE = PYDANTIC | {"agents", "aiomqtt", "mqtt_schemas", "paho", "systemd_watchdog"}
#: Modules that only an extra's packages can import, with those packages.
EXTRAS = {
    "agents.devices.octoprint": {"octorest", "requests", "websocket"},
    "agents.devices.pc": {"cython_runtime", "dbus_fast"},
    "agents.helper": {"dbus_fast"},
}
#: None of these may be loaded by any agent but the OctoPrint one.
HEAVY = {"fastapi", "httpx", "octorest", "orchestrator", "prometheus_client", "requests", "rich"}


def modules(package: str, path: list[str]) -> list[str]:
    """Return the package and all below it, except for what is run, not imported."""
    found = [module.name for module in pkgutil.walk_packages(path, f"{package}.")]
    return [package, *(name for name in found if not name.endswith("__main__"))]


def loaded_by(names: list[str]) -> set[str]:
    """Return the top-level modules, beyond the standard library, that these imports load."""
    code = f"""
import sys
before = set(sys.modules)
import {", ".join(names)}
print(*{{name.partition(".")[0] for name in set(sys.modules) - before}})
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )
    loaded = {name for name in done.stdout.split() if not name.startswith("_")}
    return loaded - sys.stdlib_module_names


def test_the_contract_needs_pydantic_alone() -> None:
    """Both wings, and whoever else reads the contract, get nothing else with it."""
    names = modules("mqtt_schemas", list(mqtt_schemas.__path__))
    assert loaded_by(names) <= PYDANTIC | {"mqtt_schemas"}


def test_the_rules_need_the_contract_alone() -> None:
    """The orchestrator's domain can be used without any of its infrastructure."""
    names = modules("orchestrator.domain", list(orchestrator.domain.__path__))
    assert loaded_by(names) <= PYDANTIC | {"mqtt_schemas", "orchestrator"}


def test_an_agent_runs_on_the_base_packages() -> None:
    """Without any extra everything but the PC's and OctoPrint's drivers can be imported."""
    names = modules("agents", list(agents.__path__))
    base = [name for name in names if not name.startswith(tuple(EXTRAS))]
    assert "agents.app" in base
    assert loaded_by(base) <= BASE


def test_a_pc_agent_loads_nothing_heavy() -> None:
    """Every module of the agents but OctoPrint's, all at once."""
    names = modules("agents", list(agents.__path__))
    light = [name for name in names if not name.startswith("agents.devices.octoprint")]
    loaded = loaded_by(light)
    assert loaded <= BASE | EXTRAS["agents.devices.pc"]
    assert not loaded & HEAVY


def test_the_octoprint_agent_loads_no_part_of_the_orchestrator() -> None:
    """It alone may use requests, and OctoRest with it."""
    loaded = loaded_by(["agents.app", "agents.devices.octoprint.client"])
    assert loaded & HEAVY == {"octorest", "requests"}
