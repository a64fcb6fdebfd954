"""Every failure as one sentence in JSON, never a stack trace."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from orchestrator.domain.bookings import BookingRefused, NoRoom, NotKnown
from orchestrator.store.errors import StoreFailed
from orchestrator.web.models import Refusal

#: Where FastAPI found the value, which says nothing to who sent it.
_PLACES = frozenset({"body", "query", "path"})


def speak_plainly(app: FastAPI) -> None:
    """Have an application answer every failure with a Refusal."""
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(BookingRefused, _refused)
    app.add_exception_handler(StoreFailed, _not_stored)


def _answer(status: int, sentence: str) -> JSONResponse:
    return JSONResponse(Refusal(error=sentence).model_dump(), status_code=status)


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - what it is registered for
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part not in _PLACES)
    reason = str(first["msg"]).removeprefix("Value error, ")
    return _answer(422, f"{where}: {reason}." if where else f"{reason}.")


async def _http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - what it is registered for
    return _answer(error.status_code, f"{error.detail}.")


async def _refused(_: Request, error: Exception) -> JSONResponse:
    status = 409 if isinstance(error, NoRoom) else 404 if isinstance(error, NotKnown) else 422
    return _answer(status, str(error))


async def _not_stored(_: Request, error: Exception) -> JSONResponse:
    return _answer(503, str(error))
