"""The route of the audit log."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from orchestrator.bookkeeping import utc
from orchestrator.office import Office
from orchestrator.store import audit
from orchestrator.web.booking_models import AuditView


def audit_routes(office: Office) -> APIRouter:
    """Return `/api/v1/audit`."""
    routes = APIRouter(prefix="/api/v1/audit", tags=["audit"])

    @routes.get("")
    async def read(
        first: Annotated[AwareDatetime, Query(alias="from")],
        last: Annotated[AwareDatetime, Query(alias="to")],
        most: Annotated[int, Query(ge=1, le=10_000)] = 1000,
    ) -> list[AuditView]:
        """Return who did what in a span: the newest, oldest first."""
        begin, end = utc(first), utc(last)
        found = await office.database.read(lambda rows: audit.between(rows, begin, end, most=most))
        return [
            AuditView(
                at=entry.at,
                role=entry.role,
                what=entry.what,
                target=entry.target,
                details=dict(entry.details),
                why=entry.why,
            )
            for entry in found
        ]

    return routes
