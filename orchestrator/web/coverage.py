"""Coverage over HTTP: read, never changed."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, HTTPException, Query
from pydantic import AwareDatetime

from orchestrator.coverage import BadPeriod, Coverages
from orchestrator.domain.periods import By
from orchestrator.web.coverage_models import CoverageView
from orchestrator.web.coverage_views import coverage_view


def add_coverage(app: FastAPI, coverages: Coverages) -> None:
    """Let an application tell of coverage."""

    @app.get("/api/v1/coverage")
    async def read_coverage(
        from_: Annotated[AwareDatetime, Query(alias="from")],
        to: AwareDatetime,
        device: Annotated[str | None, Query(max_length=81)] = None,
        by: By | None = None,
    ) -> CoverageView:
        """Return which time of a period was observed, and why the rest was not."""
        try:
            found = await coverages.of(from_, to, device=device, by=by)
        except BadPeriod as error:
            raise HTTPException(422, str(error).removesuffix(".")) from None
        return coverage_view(found, coverages)
