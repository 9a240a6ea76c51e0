"""The knowledge base: what is in it, uploads with their progress, deletion."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Header, Query, Request, Response, UploadFile

from contracts.errors import BadRequest
from server.auth import require_owner
from server.jobs import NAME_LIMIT
from server.parts import Cursor, Here, Limit, Parts, Who, require_open
from server.resources.runs import STREAM, nothing_more, sse
from server.shield import too_large
from store import documents, jobs

router = APIRouter(tags=["documents"])
PIECE = 1 << 20


@router.get("/documents")
async def listing(here: Here, who: Who, limit: Limit = 50, cursor: Cursor = None) -> Any:
    """List the documents that the caller may read, the newest first."""
    return await documents.listing(here.database, who, limit, cursor)


@router.post("/documents", status_code=202)
async def upload(
    here: Here,
    who: Who,
    request: Request,
    file: Annotated[UploadFile, File()],
    source: Annotated[str, Form(max_length=NAME_LIMIT)] = "",
    groups: Annotated[str, Form(max_length=2000)] = "",
) -> Any:
    """Take a file in; its job indexes it. `groups`: who may read it, separated by commas; empty is everyone."""
    require_open(here)
    require_owner(who)
    if (count := len((await request.form()).getlist("file"))) > 1:  # else the last would be taken alone
        raise BadRequest(f"There are {count} files in the request. Send one a request.")

    async def read(path: Path) -> int:
        return await _keep(here, file, path)

    named = [group.strip() for group in groups.split(",") if group.strip()]
    job = await here.jobs.accept(who, source or file.filename or "", read, named)
    return {"job_id": job["id"], "source": job["sources"][0]}


@router.get("/documents/{id}")
async def get(here: Here, who: Who, id: str) -> Any:
    """Return one document."""
    return await documents.get(here.database, who, id)


@router.delete("/documents/{id}", status_code=204)
async def remove(here: Here, who: Who, id: str) -> Response:
    """Delete a document: its passages first, then its row, then every answer that was remembered."""
    require_owner(who)
    entry = await documents.get(here.database, who, id)
    await here.wiring.bump(who.tenant)
    await here.wiring.collection.delete(who.tenant, entry["source"])
    await here.wiring.bump(who.tenant)
    await documents.remove(here.database, who, id)
    return Response(status_code=204)


@router.get("/documents/jobs/{id}")
async def job(here: Here, who: Who, id: str) -> Any:
    """Return an upload's job."""
    return await jobs.get(here.database, who, id)


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
