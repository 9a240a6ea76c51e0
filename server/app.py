"""Assembles the HTTP application from parts that are open already; opens nothing itself."""

from fastapi import APIRouter, FastAPI
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

import web
from server import socket
from server.answers import add_answers
from server.parts import Parts
from server.resources import (
    agents,
    conversations,
    documents,
    escalations,
    health,
    index,
    interrupts,
    knowledge,
    runs,
)
from server.socket_shield import SocketShield

PREFIX = "/api/v1"


def create_app(parts: Parts) -> FastAPI:
    """Return the application; whoever opened the parts closes them."""
    app = FastAPI(title="Switchboard", version="1", docs_url=None, redoc_url=None)
    app.state.parts = parts
    add_answers(app)
    api = APIRouter(prefix=PREFIX)
    # `documents` before routes with an id of their own: /documents/jobs/{id} is not a document.
    for resource in (
        conversations,
        runs,
        knowledge,
        agents,
        escalations,
        interrupts,
        documents,
        index,
        health,
    ):
        api.include_router(resource.router)
    api.include_router(socket.router)
    app.include_router(api)
    app.include_router(health.plain)
    app.mount("/static", StaticFiles(directory=web.FOLDER), name="static")

    @app.get("/", include_in_schema=False)
    async def page() -> FileResponse:  # pyright: ignore[reportUnusedFunction] - FastAPI calls it
        return FileResponse(web.FOLDER / "index.html")

    settings = parts.settings
    app.add_middleware(
        SocketShield, upload_limit=settings.max_upload, on_loopback=settings.on_loopback, gate=parts.gate
    )
    return app
