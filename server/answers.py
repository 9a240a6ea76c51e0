"""How failures become HTTP answers: one shape for all of them, `{"code", "message", "retryable"}`."""

import logging
import math
from collections.abc import Collection
from typing import Final, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from qdrant_client.http.exceptions import ApiException
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.routing import Match, Mount

from contracts.errors import BadRequest, Internal, SwitchboardError
from graph.failures import known
from server.faults import sentence

logger = logging.getLogger("switchboard.http")

OUTAGES: Final = (RedisError, SQLAlchemyError, ApiException, OSError)
"""What the parts behind the server raise. Named, for what only `Exception` takes is raised again behind its answer:
that breaks the connection, and fills the log with what is no defect."""

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")


def answer_of(error: SwitchboardError) -> JSONResponse:
    """Return the HTTP answer of a failure. Source of the 401's header: RFC 9110, section 11.6.1."""
    headers: dict[str, str] = {}
    if error.retry_after:
        headers["Retry-After"] = str(math.ceil(error.retry_after))
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(error.body(), error.status, headers)


def add_answers(app: FastAPI) -> None:
    """Answer every failure of the app in the one shape."""
    app.add_exception_handler(SwitchboardError, _known)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    for outage in OUTAGES:
        app.add_exception_handler(outage, _unknown)
    app.add_exception_handler(Exception, _unknown)


async def _known(_: Request, error: Exception) -> JSONResponse:
    return answer_of(cast(SwitchboardError, error))


async def _unknown(request: Request, error: Exception) -> JSONResponse:
    failure = known(error)
    if isinstance(failure, Internal):
        logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return answer_of(failure)


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    return answer_of(BadRequest(sentence(cast(RequestValidationError, error).errors())))


async def _http(request: Request, error: Exception) -> JSONResponse:
    """Answer what the framework refuses before a route of ours sees it."""
    failure = cast(HTTPException, error)
    place = repr(request.url.path[:100])
    headers = dict(failure.headers or {})
    match failure.status_code:
        case 404:
            code = "unknown_route"
            message = f"There is no {place} here. Check the path: /openapi.json lists all of them."
        case 405:
            code, possible = "method_not_allowed", methods_of(request)
            message = (
                f"{request.method} is not possible on {place}; {' and '.join(possible)} can be used there."
            )
            headers["Allow"] = ", ".join(possible)
        case _:
            code, message = "bad_request", unread(request, str(failure.detail))
    return JSONResponse({"code": code, "message": message, "retryable": False}, failure.status_code, headers)


def methods_of(request: Request) -> Collection[str]:
    """Return the methods that the path of the request does take. The framework itself names those of one route."""
    routes = [route for route in request.app.router.routes if not isinstance(route, Mount)]
    own = {key: request.scope[key] for key in ("type", "path", "root_path", "headers")}
    return [
        method
        for method in METHODS
        if any(route.matches({**own, "method": method})[0] is Match.FULL for route in routes)
    ] or ["GET"]


def unread(request: Request, why: str) -> str:
    """Return what is said of a body that no parser could read."""
    if request.headers.get("content-type", "").startswith("multipart/"):
        why = why.strip().rstrip(".")
        return f"The form cannot be read: {why}. Send it as multipart/form-data with one field `file`."
    return (
        "The body cannot be read as JSON: it is nested too deeply or not in UTF-8. Send a plain JSON object."
    )
