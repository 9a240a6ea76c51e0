"""The knowledge base: what is in it, uploads with their progress, deletion."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Header, Query, Request, Response, UploadFile
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field
from starlette.datastructures import Headers
from starlette.routing import Match
from starlette.types import Scope

from contracts.errors import BadRequest
from ports.web_address import to_address
from retrievers.collection import EVERYONE
from server.auth import require_owner
from server.parts import Cursor, Here, Limit, Parts, Who, require_open
from server.resources.runs import STREAM, nothing_more, sse
from server.shield import too_large
from server.uploads import NAME_LIMIT
from store import documents, jobs

router = APIRouter(tags=["documents"])
PIECE = 1 << 20
PAGE: dict[str, Any] = {
    "application/json": {
        "schema": {
            "type": "object",
            "required": ["url"],
            "additionalProperties": False,
            "properties": {
                "url": {"type": "string"},
                "sitemap": {"type": "boolean"},
                "prune": {"type": "boolean"},
                "groups": {"type": "array", "items": {"type": "string"}},
            },
        }
    }
}
"""The other body of an upload: where to fetch it."""


@router.get("/documents")
async def listing(here: Here, who: Who, limit: Limit = 50, cursor: Cursor = None) -> Any:
    """List the documents that the caller may read, the newest first."""
    return await documents.listing(here.database, who, limit, cursor)


@router.post("/documents", status_code=202, openapi_extra={"requestBody": {"content": PAGE}})
async def upload(
    here: Here,
    who: Who,
    request: Request,
    file: Annotated[UploadFile, File()],
    source: Annotated[str, Form(max_length=NAME_LIMIT)] = "",
    groups: Annotated[str, Form(max_length=2000)] = "",
) -> Any:
    """Take a file in; its job indexes it.

    `groups`: who may read it, separated by commas, `*` is everyone; empty leaves that as it is, everyone for a new one.
    """
    require_open(here)
    require_owner(who)
    if (count := len((await request.form()).getlist("file"))) > 1:  # else the last would be taken alone
        raise BadRequest(f"There are {count} files in the request. Send one a request.")

    async def read(path: Path) -> int:
        return await _keep(here, file, path)

    named = to_groups(groups.split(",")) if groups else None
    job = await here.jobs.accept(who, source or file.filename or "", read, named)
    return {"job_id": job["id"], "source": job["sources"][0]}


class PageOrder(BaseModel):
    """A page, or the pages of a sitemap, to fetch and index."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    url: str
    sitemap: bool = False
    """It is a sitemap, also one that is a list with one address a line; one in XML is known by its content."""
    prune: bool = False
    """Remove the documents of pages that are gone."""
    groups: list[str] | None = None
    """Who may read it, empty or `*` for everyone; without it that stays as it is, everyone for a new one."""


class OfJson(APIRoute):
    """Takes the requests whose body is JSON, and leaves the others of its path to the next route."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        found, child = super().matches(scope)
        kind = Headers(scope=scope).get("content-type", "") if found is Match.FULL else ""
        return (found, child) if kind.partition(";")[0].strip() == "application/json" else (Match.NONE, {})


async def fetch(here: Here, who: Who, order: PageOrder) -> Any:
    """Take an address in; its job fetches and indexes what is there."""
    require_open(here)
    require_owner(who)
    address = to_address(order.url)

    async def write(path: Path) -> int:
        said = order.model_dump_json(include={"sitemap", "prune"})
        return await asyncio.to_thread(path.write_text, said)

    named = None if order.groups is None else to_groups(order.groups)
    job = await here.jobs.accept(who, address, write, named, page=True)
    return {"job_id": job["id"], "source": job["sources"][0]}


router.routes.insert(
    0, OfJson("/documents", fetch, methods=["POST"], status_code=202, include_in_schema=False)
)


@router.get("/documents/jobs")
async def uploads(here: Here, who: Who, limit: Limit = 50, cursor: Cursor = None) -> Any:
    """List uploads' jobs, the newest first: an owner's whole tenant, else the caller's own."""
    return await jobs.listing(here.database, who, limit, cursor)


@router.get("/documents/{id}")
async def get(here: Here, who: Who, id: str) -> Any:
    """Return one document."""
    return await documents.get(here.database, who, id)


@router.delete("/documents/{id}", status_code=204)
async def remove(here: Here, who: Who, id: str) -> Response:
    """Delete a document: nobody sees it from now on, and all that quotes it goes with it."""
    require_owner(who)
    entry = await documents.get(here.database, who, id)
    await here.wiring.library.remove(who.tenant, [entry["source"]])
    return Response(status_code=204)


class Readers(BaseModel):
    """Who may read a document."""

    model_config = ConfigDict(extra="forbid")
    groups: Annotated[list[Annotated[str, Field(max_length=200)]], Field(max_length=100)]
    """Empty, or `*`, is everyone in the tenant."""


@router.patch("/documents/{id}")
async def regroup(here: Here, who: Who, id: str, body: Readers) -> Any:
    """Change who may read a document; it is not read or embedded again, and remembered answers go."""
    require_owner(who)
    return await here.wiring.library.regroup(who, id, to_groups(body.groups))


def to_groups(names: Sequence[str]) -> list[str]:
    """Return the groups, sorted; none for `*` and where there are no names. Raises BadRequest for what is no name."""
    named = sorted({name for one in names if (name := one.strip())})
    for name in named:
        if any(letter in '",[]\\' or ord(letter) < 32 for letter in name):
            raise BadRequest(
                f"{name[:80]!r} cannot name a group: leave out commas, quotes, brackets and backslashes."
            )
    if EVERYONE in named:
        if len(named) > 1:
            raise BadRequest("`*` is everyone: it stands alone, or leave it out.")
        return []
    if names and not named:
        raise BadRequest("The groups name nobody. Leave them out, or say `*` for everyone.")
    return named


@router.get("/documents/jobs/{id}")
async def job(here: Here, who: Who, id: str) -> Any:
    """Return an upload's job."""
    return await jobs.get(here.database, who, id)


@router.post("/documents/jobs/{id}/cancel")
async def cancel(here: Here, who: Who, id: str) -> Any:
    """Stop an upload that is not indexed yet; what was indexed before stays. Raises NotOpen for one that has ended."""
    require_owner(who)
    return await here.jobs.cancel(who, id)


@router.get(
    "/documents/jobs/{id}/stream",
    response_class=Response,
    responses=STREAM,
)
async def progress(
    here: Here,
    who: Who,
    id: str,
    request: Request,
    last_event_id: Annotated[str, Header(max_length=100)] = "",
    after: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    """Stream an upload's progress to its one `done` or `error`."""
    key = here.jobs.log_key(who.tenant, id)
    frames = await here.streams.open_job(who, id, key, last_event_id or after)
    return nothing_more() if frames is None else sse(request, frames, f"documents/jobs/{id}")


async def _keep(here: Parts, file: UploadFile, path: Path) -> int:
    """Write the upload to disk in pieces and return its size. Raises TooLarge."""
    size = 0
    with path.open("wb") as target:
        while piece := await file.read(PIECE):
            size += len(piece)
            if size > here.settings.max_upload:
                raise too_large(here.settings.max_upload)
            await asyncio.to_thread(target.write, piece)
    return size
