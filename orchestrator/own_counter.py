"""The services of the desk in this very process: for the commands while no orchestrator runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx

from mqtt_schemas import __version__
from orchestrator.config import Configuration
from orchestrator.office import Office, not_now, to_nobody
from orchestrator.services import services
from orchestrator.store.database import Database
from orchestrator.store.errors import DatabaseInUse, StoreError
from orchestrator.web.admin import admin_app


class InUse(Exception):
    """Another process has the database."""


class Unusable(Exception):
    """The database can't be opened. The text is one sentence."""


@contextmanager
def own_transport(config: Configuration, path: Path) -> Iterator[httpx.AsyncBaseTransport]:
    """Give the admin application over a database. Raises InUse, Unusable."""
    try:
        database = Database.open(path)
    except DatabaseInUse:
        raise InUse from None
    except StoreError as error:
        raise Unusable(str(error)) from None
    with closing(database):
        app = admin_app(services=services(_office(config, database)), version=__version__)
        yield httpx.ASGITransport(app)


def _office(config: Configuration, database: Database) -> Office:
    return Office(
        database=database,
        devices=config.devices,
        target_groups=config.orchestrator.target_groups,
        zone=config.zone,
        language=config.orchestrator.language,
        now=lambda: datetime.now(UTC),
        deliver=to_nobody,
        replan=not_now,
        hours=config.hours,
    )
