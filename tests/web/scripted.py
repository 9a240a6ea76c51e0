"""A server that speaks the page's half of the contract over real HTTP and answers as a test tells it to.

A script is a list of steps: an event and its data, a `Gate` that waits until the test opens it, or a `Cut` of the line.
"""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request, Response, UploadFile
from fastapi.responses import FileResponse, JSONResponse, StreamingResponse
from fastapi.staticfiles import StaticFiles

import web

POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
)
PREFIX = "/api/v1"


class Gate(asyncio.Event):
    """Holds the script until the test sets it."""


@dataclass
class Cut:
    """Ends each connection that reaches it for the first time; `hard` breaks it off without an end."""

    hard: bool = False
    done: bool = False


Step = tuple[str, dict[str, Any]] | Gate | Cut


@dataclass
class Run:
    """One run and its log."""

    id: str
    conversation: str
    log: list[tuple[str | None, str, dict[str, Any]] | Cut] = field(default_factory=list)
    grown: asyncio.Condition = field(default_factory=asyncio.Condition)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    over: bool = False

    async def append(self, entry: tuple[str | None, str, dict[str, Any]] | Cut) -> None:
        """Add to the log and wake the readers."""
        async with self.grown:
            self.log.append(entry)
            self.over = not isinstance(entry, Cut) and entry[1] in {"done", "error"}
            self.grown.notify_all()

    async def read(self, after: str | None, overlap: int) -> AsyncIterator[bytes]:
        """Yield frames that come after the id; `overlap` events earlier, as a careless proxy would."""
        ids = [None if isinstance(entry, Cut) else entry[0] for entry in self.log]
        position = max(0, ids.index(after) + 1 - overlap) if after else 0
        while True:
            async with self.grown:
                await self.grown.wait_for(lambda at=position: len(self.log) > at)
                entry = self.log[position]
            position += 1
            if isinstance(entry, Cut):
                if entry.done:
                    continue
                entry.done = True
                if entry.hard:
                    raise ConnectionAbortedError
                return
            yield to_frame(*entry)
            if entry[1] in {"done", "error"}:
                return


def to_frame(id: str | None, event: str, data: dict[str, Any]) -> bytes:
    """Return the bytes of one event, after a heartbeat, which every reader has to skip."""
    named = f"id: {id}\r\n" if id else ""
    return f": heartbeat\r\n\r\n{named}event: {event}\r\ndata: {json.dumps(data)}\r\n\r\n".encode()


@dataclass
class Stage:
    """What the server knows and what it was asked."""

    scripts: list[list[Step]] = field(default_factory=list)
    """The next message takes the first."""
    later: dict[str, list[Step]] = field(default_factory=dict)
    """Scripts of runs that are started by another, by run id."""
    conversations: dict[str, dict[str, Any]] = field(default_factory=dict)
    messages: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    runs: dict[str, Run] = field(default_factory=dict)
    documents: list[dict[str, Any]] = field(default_factory=list)
    tickets: list[dict[str, Any]] = field(default_factory=list)
    calls: list[tuple[str, str, Any]] = field(default_factory=list)
    """Method, path and body or `Last-Event-ID` of each request that changes or attaches."""
    examples: list[str] = field(default_factory=list)
    upload: list[Step] = field(default_factory=list)
    refusals: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    """Answers to the next messages instead of a run."""
    key: str | None = None
    overlap: int = 0
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def keep(self, id: str, title: str, created_at: str = "", *said: str) -> dict[str, Any]:
        """Add a conversation in which the person said this; return it."""
        self.conversations[id] = {"id": id, "title": title, "created_at": created_at, "active_run": None}
        told = {"role": "user", "run_id": None, "created_at": created_at}
        self.messages[id] = [{"id": f"{id}-{n}", "content": text, **told} for n, text in enumerate(said)]
        return self.conversations[id]

    def shown(self, id: str) -> dict[str, Any]:
        """Return a conversation as the API shows it."""
        return {**self.conversations[id], "messages": len(self.messages[id])}

    def start(self, run: Run, script: list[Step]) -> None:
        """Play the script into the run's log, whoever listens."""
        self.runs[run.id] = run
        task = asyncio.create_task(self.play(run, script))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def play(self, run: Run, script: list[Step]) -> None:
        """Play one script to its end, or to `done` with status cancelled."""
        message = f"m{next(self.numbers)}"
        head = {
            "run_id": run.id,
            "conversation_id": run.conversation,
            "message_id": f"m{run.id[1:]}",
            "agent": "default",
        }
        steps: list[Step] = [("run", head), *script]
        for number, step in enumerate(steps):
            if isinstance(step, Gate):
                await until_either(step, run.cancelled)
            elif isinstance(step, Cut):
                await run.append(step)
            else:
                await run.append((None if step[0] == "gap" else f"{number + 1}-0", *step))
            if run.cancelled.is_set():
                done = ("done", {"status": "cancelled", "text": text_of(run)})
                await run.append((f"{number + 2}-0", *done))
                break
        self.record(run, message)

    def record(self, run: Run, message: str) -> None:
        """Keep the finished answer as a message of the conversation."""
        if run.conversation not in self.conversations:
            return
        found = {event: data for entry in run.log if not isinstance(entry, Cut) for _, event, data in [entry]}
        end = found.get("done", {"status": "failed", "text": ""})
        kept = {"id": message, "role": "assistant", "run_id": run.id, "created_at": stamp(next(self.numbers))}
        kept |= {"content": end["text"], "status": end["status"], "decision": found.get("decision")}
        kept["sources"] = found.get("sources", {}).get("passages", [])
        kept["citations"] = [
            entry[2] for entry in run.log if not isinstance(entry, Cut) and entry[1] == "citation"
        ]
        self.messages[run.conversation].append(kept)
        if self.conversations[run.conversation]["active_run"] == run.id:
            self.conversations[run.conversation]["active_run"] = None


async def until_either(*events: asyncio.Event) -> None:
    """Return when one of the events is set."""
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()


def text_of(run: Run) -> str:
    """Return the concatenated tokens after the last restart."""
    text = ""
    for entry in run.log:
        if not isinstance(entry, Cut):
            text = "" if entry[1] == "restart" else text + (entry[2]["text"] if entry[1] == "token" else "")
    return text


def stamp(number: int) -> str:
    """Return a moment; a greater number is later."""
    return f"2026-01-01T{number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}Z"


def stream_of(stage: Stage, run: Run, after: str | None) -> StreamingResponse:
    """Return the run's events as an SSE response."""
    headers = {
        "Location": f"{PREFIX}/messaging/runs/{run.id}/stream",
        "Cache-Control": "no-cache, no-transform",
    }
    frames = run.read(after, stage.overlap if after else 0)
    return StreamingResponse(frames, media_type="text/event-stream", headers=headers)


def refusal(status: int, code: str, message: str, retryable: bool = False) -> JSONResponse:
    """Return an error as the contract has it."""
    return JSONResponse({"code": code, "message": message, "retryable": retryable}, status)


def page_of(items: list[Any], cursor: str | None, limit: int) -> dict[str, Any]:
    """Return one page of a list."""
    start = int(cursor or 0)
    following = start + limit
    return {"items": items[start:following], "next": str(following) if following < len(items) else None}


def create_app(stage: Stage) -> FastAPI:
    """Return the server of that stage."""
    app = FastAPI()

    @app.middleware("http")
    async def guard(request: Request, call_next: Any) -> Response:
        given = request.headers.get("authorization")
        if stage.key and request.url.path.startswith(PREFIX) and given != f"Bearer {stage.key}":
            return refusal(401, "unauthorised", "A key is needed.")
        response = await call_next(request)
        response.headers["Content-Security-Policy"] = POLICY
        return response

    app.mount("/static", StaticFiles(directory=web.FOLDER))

    @app.get("/")
    async def index() -> FileResponse:
        return FileResponse(web.FOLDER / "index.html")

    @app.get(PREFIX + "/agents/default")
    async def agent() -> dict[str, Any]:
        return {"name": "Switchboard", "examples": stage.examples}

    add_conversations(app, stage)
    add_runs(app, stage)
    add_documents(app, stage)
    return app


def add_conversations(app: FastAPI, stage: Stage) -> None:
    """Add the conversations, their messages and the search."""
    base = PREFIX + "/messaging/conversations"

    @app.post(base, status_code=201)
    async def create() -> dict[str, Any]:
        number = next(stage.numbers)
        return stage.keep(f"c{number}", "", stamp(number))

    @app.get(base)
    async def listed(cursor: str | None = None, limit: int = 30) -> dict[str, Any]:
        return page_of([stage.shown(id) for id in reversed(stage.conversations)], cursor, limit)

    @app.get(base + "/{id}", response_model=None)
    async def one(id: str) -> dict[str, Any] | JSONResponse:
        if id not in stage.conversations:
            return refusal(404, "unknown_conversation", f"There is no conversation {id}.")
        return stage.shown(id)

    @app.delete(base + "/{id}", status_code=204)
    async def delete(id: str) -> None:
        stage.calls.append(("DELETE", id, None))
        stage.conversations.pop(id)

    @app.get(base + "/{id}/messages", response_model=None)
    async def messages(id: str, cursor: str | None = None) -> dict[str, Any] | JSONResponse:
        if id not in stage.messages:
            return refusal(404, "unknown_conversation", f"There is no conversation {id}.")
        return page_of(stage.messages[id], cursor, 2)

    @app.get(PREFIX + "/chat/search")
    async def search(q: str) -> dict[str, Any]:
        every = [(id, kept) for id, all_kept in stage.messages.items() for kept in all_kept]
        found = [(id, kept) for id, kept in every if q.lower() in kept["content"].lower()]
        return page_of(
            [
                {"conversation_id": id, "message_id": kept["id"], "content": kept["content"]}
                for id, kept in found
            ],
            None,
            20,
        )


def add_runs(app: FastAPI, stage: Stage) -> None:
    """Add sending, attaching, cancelling, feedback and escalation."""

    @app.post(PREFIX + "/messaging/conversations/{id}/stream", response_model=None)
    async def send(id: str, body: dict[str, Any]) -> Response:
        stage.calls.append(("POST", "stream", body["content"]))
        if stage.refusals:
            status, error = stage.refusals.pop(0)
            return refusal(status, **error)
        number = next(stage.numbers)
        asked = {"id": f"m{number}", "role": "user", "content": body["content"], "run_id": f"r{number}"}
        stage.messages[id].append(asked | {"created_at": stamp(number)})
        conversation = stage.conversations[id]
        conversation |= {"title": conversation["title"] or body["content"][:60], "active_run": f"r{number}"}
        run = Run(f"r{number}", id)
        stage.start(run, stage.scripts.pop(0))
        return stream_of(stage, run, None)

    @app.get(PREFIX + "/messaging/runs/{id}/stream", response_model=None)
    async def attach(id: str, request: Request) -> Response:
        after = request.headers.get("last-event-id")
        stage.calls.append(("GET", f"runs/{id}", after))
        if id in stage.later:
            stage.start(Run(id, next(iter(stage.conversations))), stage.later.pop(id))
        if id not in stage.runs:
            return refusal(404, "unknown_run", f"There is no run {id}.")
        return stream_of(stage, stage.runs[id], after)

    @app.post(PREFIX + "/messaging/runs/{id}/cancel", status_code=202)
    async def cancel(id: str) -> dict[str, Any]:
        stage.calls.append(("POST", "cancel", id))
        stage.runs[id].cancelled.set()
        return {}

    @app.post(PREFIX + "/messaging/messages/{id}/feedback", status_code=204)
    async def feedback(id: str, body: dict[str, Any]) -> None:
        stage.calls.append(("POST", f"feedback/{id}", body))

    @app.post(PREFIX + "/escalations", status_code=201)
    async def escalate(body: dict[str, Any]) -> dict[str, Any]:
        stage.calls.append(("POST", "escalations", body))
        return {"id": "e1", "status": "open"}

    @app.get(PREFIX + "/escalations")
    async def tickets() -> dict[str, Any]:
        return page_of(stage.tickets, None, 100)


def add_documents(app: FastAPI, stage: Stage) -> None:
    """Add the documents and the jobs that index them."""

    @app.get(PREFIX + "/documents")
    async def listed(cursor: str | None = None) -> dict[str, Any]:
        return page_of(stage.documents, cursor, 50)

    @app.post(PREFIX + "/documents", status_code=202)
    async def upload(file: UploadFile) -> dict[str, Any]:
        stage.calls.append(("POST", "documents", (file.filename, len(await file.read()))))
        stage.start(Run("j1", "-"), stage.upload)
        return {"job_id": "j1", "document_id": "d1"}

    @app.delete(PREFIX + "/documents/{id}", status_code=204)
    async def delete(id: str) -> None:
        stage.calls.append(("DELETE", f"documents/{id}", None))

    @app.get(PREFIX + "/documents/jobs/{id}/stream", response_model=None)
    async def job(id: str, request: Request) -> Response:
        return stream_of(stage, stage.runs[id], request.headers.get("last-event-id"))
