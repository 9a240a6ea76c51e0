"""How failures become HTTP answers: one shape for all of them, `{"code", "message", "retryable"}`."""

import logging
import math
from collections.abc import Sequence
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from contracts.errors import BadRequest, Internal, SwitchboardError
from graph.failures import known

logger = logging.getLogger("switchboard.http")


def answer_of(error: SwitchboardError) -> JSONResponse:
    """Return the HTTP answer of a failure."""
    headers = {"Retry-After": str(math.ceil(error.retry_after))} if error.retry_after else None
    return JSONResponse(error.body(), error.status, headers)


def add_answers(app: FastAPI) -> None:
    """Answer every failure of the app in the one shape."""
    app.add_exception_handler(SwitchboardError, _known)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
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
    failure = cast(HTTPException, error)
    if failure.status_code == 404:
        body = {
            "code": "unknown_route",
            "message": f"There is no {request.url.path[:100]!r} here.",
            "retryable": False,
        }
    elif failure.status_code == 405:
        text = f"{request.method} is not possible on {request.url.path[:100]!r}."
        body = {"code": "method_not_allowed", "message": text, "retryable": False}
    else:
        body = {"code": "bad_request", "message": str(failure.detail), "retryable": False}
    return JSONResponse(body, failure.status_code, getattr(failure, "headers", None))


def sentence(errors: Sequence[Any]) -> str:
    """Return what is wrong with the first faulty field, with the value that was sent."""
    first = errors[0]
    if first["type"] == "json_invalid":
        return f"The body is not JSON: {first['ctx']['error']} at character {first['loc'][-1]}."
    if isinstance(first.get("input"), bytes):
        return "The body was not read as JSON: send it with the header `Content-Type: application/json`."
    place = ".".join(str(part) for part in first["loc"] if part != "body") or "the body"
    value = repr(first.get("input"))
    shown = value if len(value) <= 60 else value[:57] + "…"
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    message = str(first["msg"]).removeprefix("Value error, ")
    return f"{place}: {message[0].lower()}{message[1:]}; got {shown}{more}."
