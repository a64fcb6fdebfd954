"""`[[feed]]`: where bookings and hours of other systems are read, again and again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from mqtt_schemas.base import Id
from mqtt_schemas.topics import Address
from orchestrator.calendars.reading import Format
from orchestrator.config_broker import FilePath
from orchestrator.config_values import Section
from orchestrator.domain.local_time import say_length

_PlaceName = Annotated[str, Field(min_length=1, max_length=200)]
_BEGINNINGS = ("https://", "http://", "webcal://")


class UrlUnknown(Exception):
    """The file with a feed's URL can't be read. The text is one sentence."""


def _is_url(value: SecretStr) -> SecretStr:
    # The URL is a secret, so the sentence does not repeat it.
    if not value.get_secret_value().startswith(_BEGINNINGS):
        raise ValueError(f"it begins with none of {', '.join(_BEGINNINGS)}")
    return value


class FeedSection(Section):
    """A source of bookings, or of a site's opening hours.

    url, url_file: one of the two; the file holds the URL, which is a secret. device: of all
    entries; else they name theirs, by places too: names there to ids here. every: seconds.
    partial: take the good entries where others are faulty. free: what becomes of entries that
    the calendar shows as free.
    """

    id: Id
    site: Id
    kind: Literal["bookings", "hours"] = "bookings"
    url: Annotated[SecretStr, AfterValidator(_is_url)] | None = None
    url_file: FilePath | None = None
    device: Id | None = None
    places: dict[_PlaceName, Id] = Field(default_factory=dict)
    every: Annotated[int, Field(ge=60, le=86_400)] = 900
    format: Format | None = None
    partial: bool = False
    free: Literal["skip", "block"] = "skip"

    @model_validator(mode="after")
    def _is_one_source(self) -> Self:
        if (self.url is None) == (self.url_file is None):
            raise ValueError("it has either url or url_file")
        meant = {"device", "places", "format", "free"} & self.model_fields_set
        if self.kind == "hours" and meant:
            raise ValueError("hours are of a site: no device and no places, no format and no free")
        return self

    @property
    def address(self) -> str | None:
        """The device of all entries, as site/id."""
        return f"{self.site}/{self.device}" if self.device else None

    @property
    def meant(self) -> Mapping[str, str]:
        """The places, each to a device as site/id."""
        return {name: f"{self.site}/{device}" for name, device in self.places.items()}

    def in_words(self) -> str:
        """Return how it is understood, in a sentence without the URL, which is a secret."""
        told = [f"{self.kind}, read every {say_length(timedelta(seconds=self.every))}"]
        if self.url_file:
            told.append(f"where {self.url_file} says")
        if self.device:
            told.append(f"all of device {self.device}")
        told += [f"{name!r} is {device}" for name, device in self.places.items()]
        if self.partial:
            told.append("good entries are taken where others are faulty")
        if self.free == "block":
            told.append("entries shown as free block their device")
        return f"{'; '.join(told)}."

    def read_url(self) -> str:
        """Return the URL, read anew from its file. Raises UrlUnknown."""
        if self.url is not None:
            return self.url.get_secret_value()
        path = self.url_file or Path()
        try:
            return path.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise UrlUnknown(f"Its url_file can't be read: {error.strerror}.") from None
        except UnicodeDecodeError:
            raise UrlUnknown("Its url_file is no text.") from None


def check_feeds(
    feeds: Collection[FeedSection], sites: Collection[str], devices: Collection[Address]
) -> None:
    """Raise ValueError unless all feeds are of sites and devices that there are."""
    for feed in feeds:
        if feed.site not in sites:
            raise ValueError(f"feed {feed.id} is of a site that is not in [[site]]")
        for device in filter(None, [feed.device, *feed.places.values()]):
            if Address(feed.site, device) not in devices:
                raise ValueError(f"feed {feed.id}: {feed.site} has no device {device}")
