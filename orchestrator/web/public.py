"""What may be read on TCP: metrics, health, devices, totals, coverage, alarms, calendars.

Nothing is changed here.
"""

from __future__ import annotations

from fastapi import APIRouter, FastAPI, Request, Response

from orchestrator.coverage import Coverages
from orchestrator.metrics import Metrics
from orchestrator.overview import Overview
from orchestrator.web.coverage import add_coverage
from orchestrator.web.errors import speak_plainly
from orchestrator.web.models import DeviceView, Health, TotalsView


def public_app(
    *,
    overview: Overview,
    metrics: Metrics,
    coverages: Coverages,
    alarms: APIRouter,
    calendars: APIRouter,
    version: str,
) -> FastAPI:
    """Return the application for TCP."""
    # The pages that FastAPI would add load their scripts from elsewhere.
    app = FastAPI(title="Laitevuoro", version=version, docs_url=None, redoc_url=None)
    speak_plainly(app)
    add_coverage(app, coverages)
    app.include_router(alarms)
    app.include_router(calendars)

    @app.get("/metrics", response_class=Response)
    async def read_metrics(request: Request) -> Response:
        """Return metrics as Prometheus text or OpenMetrics, by the Accept header."""
        body, content_type = await metrics.render(request.headers.get("accept", ""))
        return Response(body, headers={"Content-Type": content_type})

    @app.get("/healthz", responses={503: {"model": Health}})
    async def read_health(response: Response) -> Health:
        """Return whether the service does its work; 503 where it does not."""
        health = overview.health()
        response.status_code = 200 if health.status == "ok" else 503
        return health

    @app.get("/api/v1/devices")
    async def read_devices() -> list[DeviceView]:
        """Return all devices as they are now."""
        return await overview.devices()

    @app.get("/api/v1/totals")
    async def read_totals() -> TotalsView:
        """Return what was counted so far."""
        return overview.totals()

    return app
