"""PURE: what OctoPrint says, validated and put into our words.

Shapes as OctoPrint 1.11 sends them (docs.octoprint.org: /api/job, /api/printer, push updates,
events). File names and user names end here: they tell one job from another in memory, and
never leave this process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError


class Unreadable(ValueError):
    """OctoPrint sent what we do not understand. The text is one sentence."""


class Phase(StrEnum):
    """What the printer is doing."""

    OFF = "off"
    IDLE = "idle"
    PRINTING = "printing"
    PAUSED = "paused"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class File:
    """The file chosen for printing. `date` (of upload) and `size` are None where not told."""

    path: str
    size: int | None = None
    date: int | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What one look told.

    toward: the phase that it is on its way to (Pausing, Cancelling …). progress: 0 to 1, None
    where nothing is being, or was just, printed. print_ms: time printed, pauses left out.
    estimated_s, filament_mm: of the whole file, by OctoPrint's own analysis; None until that is
    done. temperatures: °C by reading.
    """

    phase: Phase
    toward: Phase | None = None
    file: File | None = None
    progress: float | None = None
    print_ms: int | None = None
    remaining_s: int | None = None
    estimated_s: float | None = None
    filament_mm: float | None = None
    temperatures: Mapping[str, float] = field(default_factory=dict)


class Happening(Enum):
    """An event of a print. The values are OctoPrint's names."""

    STARTED = "PrintStarted"
    PAUSED = "PrintPaused"
    RESUMED = "PrintResumed"
    DONE = "PrintDone"
    CANCELLING = "PrintCancelling"
    CANCELLED = "PrintCancelled"
    FAILED = "PrintFailed"
    ANALYSED = "MetadataAnalysisFinished"


@dataclass(frozen=True, slots=True)
class PrintEvent:
    """An event of a print. progress: 0 to 1; print_ms, estimated_s, filament_mm: as in Reading.

    by_firmware: the printer's firmware reported an error, and so the print is cancelled.
    """

    happening: Happening
    path: str
    progress: float | None = None
    print_ms: int | None = None
    estimated_s: float | None = None
    filament_mm: float | None = None
    by_firmware: bool = False


#: OctoPrint's state texts (octoprint.util.comm.MachineCom.getStateString), never translated.
_PHASES: Mapping[str, tuple[Phase, Phase | None]] = {
    "Offline": (Phase.OFF, None),
    "Opening serial connection": (Phase.OFF, Phase.IDLE),
    "Detecting serial connection": (Phase.OFF, Phase.IDLE),
    "Connecting": (Phase.OFF, Phase.IDLE),
    "Operational": (Phase.IDLE, None),
    # A file on its way to the printer's own card is no print.
    "Starting to send file to SD": (Phase.IDLE, None),
    "Sending file to SD": (Phase.IDLE, None),
    "Transferring file to SD": (Phase.IDLE, None),
    "Starting": (Phase.PRINTING, Phase.PRINTING),
    "Starting print from SD": (Phase.PRINTING, Phase.PRINTING),
    "Printing": (Phase.PRINTING, None),
    "Printing from SD": (Phase.PRINTING, None),
    "Pausing": (Phase.PRINTING, Phase.PAUSED),
    "Resuming": (Phase.PRINTING, Phase.PRINTING),
    "Finishing": (Phase.PRINTING, Phase.IDLE),
    "Cancelling": (Phase.PRINTING, Phase.IDLE),
    "Paused": (Phase.PAUSED, None),
    "Error": (Phase.ERROR, None),
    "Offline after error": (Phase.ERROR, None),
}


#: A fortnight. A file without a single feed rate makes the analysis say anything.
MOST_ESTIMATED_S = 14 * 86_400

#: The first message of the push socket after a subscription.
HISTORY = "history"


class _Payload(BaseModel):
    """A part of OctoPrint's answer. Only what we use is looked at; the rest may be anything."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class _Tool(_Payload):
    length: Annotated[float, Field(ge=0)] | None = None


def _tools(value: Any) -> Any:  # noqa: ANN401 - it is JSON, before it is validated
    """Bring the three shapes of `filament` to one: null, {"length": …}, {"tool0": {…}, …}."""
    if isinstance(value, dict) and "length" in value:
        return {"tool0": value}
    return value or {}


_Filament = Annotated[dict[str, _Tool], BeforeValidator(_tools)]
_Seconds = Annotated[float, Field(ge=0)]


def _believable(value: Any) -> Any:  # noqa: ANN401 - likewise
    """Take an estimate of nothing, or of more than a print can take, for none."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if number and 0 < value <= MOST_ESTIMATED_S else None


_Estimate = Annotated[float | None, BeforeValidator(_believable)]


class _File(_Payload):
    path: str | None = None
    origin: str | None = None
    size: int | None = None
    date: int | None = None


class _Job(_Payload):
    file: _File
    estimated: _Estimate = Field(default=None, alias="estimatedPrintTime")
    filament: _Filament = Field(default_factory=dict)


class _Progress(_Payload):
    completion: Annotated[float, Field(ge=0)] | None = None
    print_time: _Seconds | None = Field(default=None, alias="printTime")
    # An estimate: a print that outlasts it may make it negative.
    print_time_left: float | None = Field(default=None, alias="printTimeLeft")


class _JobAnswer(_Payload):
    state: str
    job: _Job
    progress: _Progress


class _Temperature(_Payload):
    actual: float | None = None
    target: float | None = None


class _PrinterAnswer(_Payload):
    temperature: dict[str, _Temperature] = Field(default_factory=dict)


class _Analysis(_Payload):
    estimated: _Estimate = Field(default=None, alias="estimatedPrintTime")
    filament: _Filament = Field(default_factory=dict)


class _EventPayload(_Payload):
    path: str
    origin: str | None = None
    progress: Annotated[float, Field(ge=0)] | None = None
    time: _Seconds | None = None
    reason: str | None = None
    firmware_error: str | None = Field(default=None, alias="firmwareError")
    result: _Analysis | None = None


class _Event(_Payload):
    type: str
    payload: Any = None


class _Push(_Payload):
    event: _Event | None = None
    reauth: dict[str, Any] | None = Field(default=None, alias="reauthRequired")
    history: dict[str, Any] | None = None


class Stale(Exception):
    """The push socket's login is no longer good; it must log in anew."""


def job(answer: object) -> Reading:
    """Return the reading of GET /api/job. Raises Unreadable."""
    try:
        told = _JobAnswer.model_validate(answer)
    except ValidationError as error:
        raise Unreadable(_sentence("/api/job", error)) from None
    phase, toward = _phase(told.state)
    progress = told.progress
    return Reading(
        phase=phase,
        toward=toward,
        file=_file(told.job.file),
        progress=_ratio(progress.completion, whole=100),
        print_ms=_ms(progress.print_time),
        remaining_s=None if progress.print_time_left is None else int(progress.print_time_left),
        estimated_s=told.job.estimated,
        filament_mm=_length(told.job.filament),
    )


def temperatures(answer: object) -> dict[str, float]:
    """Return the temperatures of GET /api/printer by reading. Raises Unreadable.

    Empty right after the printer was connected. Further nozzles and a chamber are left out.
    """
    try:
        told = _PrinterAnswer.model_validate(answer).temperature
    except ValidationError as error:
        raise Unreadable(_sentence("/api/printer", error)) from None
    values: dict[str, float] = {}
    for part, name in (("tool0", "nozzle"), ("bed", "bed")):
        heat = told.get(part, _Temperature())
        if heat.actual is not None:
            values[f"{name}_celsius"] = heat.actual
        if heat.target is not None:
            values[f"{name}_target_celsius"] = heat.target
    return values


def pushed(message: str | bytes) -> PrintEvent | str | None:
    """Return what a message of the push socket tells.

    An event of a print; the name of something else that makes a look due ("history" comes
    first, once the subscription holds); or None. Raises Unreadable, and Stale where a new
    login is needed.
    """
    try:
        told = _Push.model_validate_json(message)
        if told.reauth is not None:
            raise Stale
        if told.event is None:
            return None if told.history is None else HISTORY
        return _print_event(told.event) or told.event.type
    except ValidationError as error:
        raise Unreadable(_sentence("the push socket", error)) from None


def _print_event(event: _Event) -> PrintEvent | None:
    try:
        happening = Happening(event.type)
    except ValueError:
        return None
    payload = _EventPayload.model_validate(event.payload)
    if happening is Happening.FAILED and payload.reason == "cancelled":
        return None  # A cancelled print is told twice; PrintCancelled comes first.
    # A fraction where a print failed, percent everywhere else.
    whole = 1 if happening is Happening.FAILED else 100
    return PrintEvent(
        happening=happening,
        path=_path(payload.origin, payload.path),
        progress=_ratio(payload.progress, whole=whole),
        print_ms=_ms(payload.time),
        estimated_s=payload.result.estimated if payload.result else None,
        filament_mm=_length(payload.result.filament) if payload.result else None,
        by_firmware=payload.firmware_error is not None,
    )


def _phase(state: str) -> tuple[Phase, Phase | None]:
    known = _PHASES.get(state)
    if known is not None:
        return known
    # Before OctoPrint 1.5, and from some plugins: "Offline (Error: …)", "Error: …".
    if state.startswith(("Error", "Offline (Error")):
        return Phase.ERROR, None
    raise Unreadable("/api/job: the state is none that we know")


def _file(told: _File) -> File | None:
    if told.path is None:
        return None
    return File(path=_path(told.origin, told.path), size=told.size, date=told.date)


def _path(origin: str | None, path: str) -> str:
    return f"{origin or 'local'}/{path}"


def _ratio(value: float | None, *, whole: int) -> float | None:
    return None if value is None else min(value / whole, 1.0)


def _ms(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)


def _length(tools: Mapping[str, _Tool]) -> float | None:
    lengths = [tool.length for tool in tools.values() if tool.length is not None]
    return sum(lengths) if lengths else None


def _sentence(source: str, error: ValidationError) -> str:
    """Say what is wrong and where, without the value: it may be a file's name."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(key) for key in first["loc"]) or "the whole"
    return f"{source}: {place}: {first['msg']}"
