"""How a configuration is understood, line by line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from datetime import date, time

from orchestrator.config import Configuration, SiteSection
from orchestrator.domain import hours_words, policy_words
from orchestrator.domain.devices import ATTENDED, Device, Period, Quota
from orchestrator.public_holidays import holiday_name


def described(config: Configuration, today: date) -> Iterator[str]:
    """Yield the lines: the process, and each site with its hours, devices and feeds."""
    own, http, broker = config.orchestrator, config.http, config.broker
    tls = ", with TLS" if broker.ca_file else ""
    yield f"orchestrator {own.instance}, state in {own.state_dir}"
    yield f"time zone {own.timezone}, language {own.language}, log level {own.log_level}"
    yield f"target groups: {', '.join(own.target_groups)}"
    yield f"http on {http.host} port {http.port or 'any free one'}"
    yield f"{broker.kind} broker on {broker.host} port {broker.port or 'any free one'}{tls}"
    for site in config.site:
        yield f"site {site.id}: {site.name or site.id}"
        yield from _hours(site, today, own.language)
        for device in config.devices.values():
            if device.address.site == site.id:
                yield from _device(config, device)
        for feed in config.feed:
            if feed.site == site.id:
                yield f"  feed {feed.id}: {feed.in_words()}"


def _hours(site: SiteSection, today: date, language: str) -> Iterator[str]:
    """Yield a site's hours, and the public holidays on which it is open by its weekly ones."""
    for line in hours_words.in_words(site.opening_hours):
        yield f"  hours: {line}"
    found = hours_words.open_on_holidays(
        site.opening_hours, today, lambda day: holiday_name(day, language)
    )
    for number, line in enumerate(found):
        if number == 0:
            yield "  by the weekly hours it is open on these public holidays; is that so?"
        yield f"    {line}"


def _device(config: Configuration, device: Device) -> Iterator[str]:
    """Yield a device's policy: what it means, and each value with where it comes from."""
    effective = config.effective[device.address]
    yield f"  device {device.address.device}, {device.kind}: {device.name}"
    attended = device.kind == ATTENDED
    for sentence in policy_words.in_words(effective.policy, attended=attended):
        yield f"    {sentence}"
    for field in fields(effective.policy):
        value = getattr(effective.policy, field.name)
        yield f"      {field.name:<21} {_shown(value):<16} {effective.sources[field.name]}"


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(_shown, value)) or "none"
    if isinstance(value, Period):
        return policy_words.period_in_words(value)
    if isinstance(value, Quota):
        return policy_words.quota_in_words(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, time):
        return f"{value:%H:%M}"
    return "none" if value is None else str(value)
