"""`laitevuoro coverage`: which time was observed, and why the rest was not."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Annotated

import httpx
import typer
from pydantic import ValidationError

from orchestrator.cli_options import DEFAULT_CONFIG, Config, JsonFlag, refuse
from orchestrator.config import Configuration, load
from orchestrator.config_errors import InvalidConfiguration
from orchestrator.counter import Refused
from orchestrator.coverage import BadPeriod, Coverages
from orchestrator.domain.bookings import BookingRefused
from orchestrator.domain.coverage import Reason
from orchestrator.domain.local_time import InvalidTime, parse_moment, say_moment
from orchestrator.domain.periods import By, begin_of
from orchestrator.places import DATABASE, HTTP_URL
from orchestrator.store.database import Database
from orchestrator.store.errors import DatabaseInUse, StoreError
from orchestrator.web.coverage_models import CoverageView, DeviceCoverageView, ShareView
from orchestrator.web.coverage_views import coverage_view
from orchestrator.web.models import Refusal

#: Seconds. A year of a thousand devices takes a few.
ANSWER_WITHIN = 60.0

_WORDS = {
    Reason.DEVICE_OFF: "the device was off or out of its agent's reach",
    Reason.SUSPENDED: "the agent's machine slept",
    Reason.AGENT_OFF: "the agent was off",
    Reason.ORCHESTRATOR_OFF: "the orchestrator was off, and no record has come yet",
    Reason.BROKER_UNREACHABLE: "the broker was not reachable, and no record has come yet",
    Reason.NOT_TOLD: "the agent was there, but has not told what it saw",
    Reason.NEVER_SEEN: "before the first sign of the device",
}


def coverage(
    device: Annotated[
        str | None, typer.Option(help="Its id, or site/id. Default: all, without gaps.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--from", help="A local day or time. Default: today.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", help="Likewise; a day is included. Default: now.")
    ] = None,
    by: Annotated[By | None, typer.Option(help="Each day or month of it, too.")] = None,
    config: Config = DEFAULT_CONFIG,
    as_json: JsonFlag = False,  # noqa: FBT002 - a flag
) -> None:
    """Tell which time of a period was observed, and why the rest was not."""
    try:
        settings = load(config, os.environ)
        now, zone = datetime.now(UTC), settings.zone
        today = now.astimezone(zone).date()
        from_ = _moment(since or today.isoformat(), zone, now, later=0)
        to = _moment(until or "now", zone, now, later=1)
        found = _ask(settings, device, from_, to, by)
    except (InvalidConfiguration, InvalidTime, Refused) as error:
        refuse(str(error))
    if as_json:
        typer.echo(found.model_dump_json(indent=1))
        return
    for line in lines(found, zone, gaps=device is not None):
        typer.echo(line)


def lines(found: CoverageView, zone: tzinfo, *, gaps: bool) -> list[str]:
    """Return what was found as a person reads it."""
    first = say_moment(found.starts_at, zone)
    last = say_moment(found.ends_at, zone, beside=found.starts_at)
    told = [f"{first} to {last}"]
    for device in found.devices:
        told.append(f"{device.site}/{device.device}: {_percent(device)}")
        told += [f"  {part.name}  {_percent(part)}" for part in device.parts]
        told += _gaps(device, zone) if gaps else []
    if len(found.devices) != 1:
        told.append(f"all together: {_percent(found)}")
    return told


def _gaps(device: DeviceCoverageView, zone: tzinfo) -> list[str]:
    return [
        f"  {say_moment(gap.starts_at, zone)} to"
        f" {say_moment(gap.ends_at, zone, beside=gap.starts_at)}: {_WORDS[gap.reason]}"
        for gap in device.gaps
    ]


def _percent(share: ShareView) -> str:
    if share.share is None:
        return "nothing to observe"
    # Rounded down: what is not all is never called all.
    return f"{int(share.share * 1000) / 10:.1f} % observed"


def _moment(text: str, zone: tzinfo, now: datetime, *, later: int) -> datetime:
    """Return a time, or the begin of a day or of one `later` days. Raises InvalidTime."""
    try:
        day = date.fromisoformat(text.strip())
        return begin_of(day + timedelta(days=later), zone)
    except ValueError:
        return parse_moment(text, zone, now=now)
    except OverflowError:
        raise InvalidTime(f"{text!r} is outside the years 1970 to 9999.") from None


def _ask(
    config: Configuration, device: str | None, from_: datetime, to: datetime, by: By | None
) -> CoverageView:
    """Ask the running orchestrator, or the database of one that rests. Raises Refused."""
    asked = {"from": from_.isoformat(), "to": to.isoformat()}
    asked |= {} if device is None else {"device": device}
    asked |= {} if by is None else {"by": by.value}
    try:
        url = (config.orchestrator.state_dir / HTTP_URL).read_text().strip()
        answer = httpx.get(
            f"{url}/api/v1/coverage", params=asked, timeout=ANSWER_WITHIN, trust_env=False
        )
        if answer.is_success:
            return CoverageView.model_validate_json(answer.content)
        raise Refused(Refusal.model_validate_json(answer.content).error)
    except ValidationError:
        raise Refused(
            "The orchestrator's answer is not understood: is it of another version?"
        ) from None
    except (OSError, httpx.ConnectError):
        pass  # it does not run, or was killed
    except httpx.HTTPError as error:
        raise Refused(f"The orchestrator does not answer: {error}.") from None
    return asyncio.run(_look(config, device, from_, to, by))


async def _look(
    config: Configuration, device: str | None, from_: datetime, to: datetime, by: By | None
) -> CoverageView:
    database = _open(config.orchestrator.state_dir)
    try:
        coverages = Coverages(
            database=database,
            devices=config.devices,
            zone=config.zone,
            now=lambda: datetime.now(UTC),
        )
        return coverage_view(await coverages.of(from_, to, device=device, by=by), coverages)
    except (BadPeriod, BookingRefused, StoreError) as error:
        raise Refused(str(error)) from None
    finally:
        database.close()


def _open(state_dir: Path) -> Database:
    if not (state_dir / DATABASE).exists():
        raise Refused(f"There is no orchestrator in {state_dir} yet: start it once.")
    try:
        return Database.open(state_dir / DATABASE)
    except DatabaseInUse:
        raise Refused("The orchestrator is starting or stopping; try again in a moment.") from None
    except StoreError as error:
        raise Refused(str(error)) from None
