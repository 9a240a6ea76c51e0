"""The same ingest through the server that owns the data folder: files are uploaded, its jobs index them."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Any, Final

import httpx

from contracts.errors import BadRequest, Internal, StoreUnavailable, SwitchboardError
from ingest.files import read
from ingest.report import Progress, Report, Step
from ingest.spool import Files, Spool, spooled
from ingest.walk import Found
from ingest.worker import fingerprint
from ports.folder import Owner

AT_ONCE: Final = 4
"""Uploads under way: no more files than these are in memory."""
POLL: Final = 0.1
"""Seconds between two looks at a job."""


async def hand_over(
    paths: Sequence[str],
    tenant: str,
    owner: Owner,
    *,
    addresses: Sequence[str] = (),
    sitemap: bool = False,
    prune: bool = False,
    groups: Sequence[str] | None = None,
    check: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Do what `sync` and `take_in` do through the owner's HTTP interface. Raises BadRequest and StoreUnavailable.

    `check`: upload every file, also where the server's list says that it holds the same.
    """
    started = time.perf_counter()
    with spooled() as found:
        async with client_of(owner, tenant) as client:
            await asyncio.to_thread(found.fill, paths)
            try:
                report = await upload_all(client, found, progress, groups, check=check)
                if prune:
                    report.deleted = await remove_gone(client, found)
                for address in addresses:
                    order = {"url": address, "sitemap": sitemap, "prune": prune}
                    order |= {} if groups is None else {"groups": list(groups) or ["*"]}
                    await order_page(client, order, report)
                    if progress:
                        total = len(found) + len(addresses)
                        progress(Step(report.done, max(total, report.done), address, report.chunks))
            except (httpx.HTTPError, ExceptionGroup) as failed:
                raise meant(failed, owner) from failed
        for source, error in found.clashes.items():
            report.fail(source, error)
        report.add(Report(skipped=dict(found.skipped)))
    report.failures.sort()
    report.seconds = time.perf_counter() - started
    return report


def client_of(owner: Owner, tenant: str) -> httpx.AsyncClient:
    """Return a client that acts for the tenant. Raises BadRequest for one that a header cannot carry.

    No proxy of the environment is used: it could not reach this machine's loopback, and would read the token.
    """
    if not (tenant and tenant.isascii() and tenant.isprintable()):
        raise BadRequest(
            f"A running server cannot be asked for {tenant!r}: --tenant takes plain ASCII letters and signs."
        )
    headers = {"Authorization": f"Bearer {owner.token}", "X-Switchboard-Tenant": tenant}
    url = f"{owner.url.rstrip('/')}/api/v1"
    return httpx.AsyncClient(base_url=url, headers=headers, timeout=60, trust_env=False)


def meant(failed: Exception, owner: Owner) -> Exception:
    """Return what a failure, the first one of uploads under way together, means to a person."""
    while isinstance(failed, ExceptionGroup):
        failed = failed.exceptions[0]
    if not isinstance(failed, httpx.HTTPError):
        return failed
    return StoreUnavailable(
        f"The running server at {owner.url} does not answer. Look whether it still runs, then try again: "
        "what it has taken in stays, and nothing is indexed twice."
    )


async def upload_all(
    client: httpx.AsyncClient,
    found: Files,
    progress: Progress | None,
    groups: Sequence[str] | None = None,
    *,
    check: bool = False,
) -> Report:
    """Upload what the server does not hold as it is, a few files at a time."""
    report = Report()
    known = {} if check else await held(client, groups)
    rest = iter(found)  # drawn in the loop's own thread alone: it reads from the spool

    async def some() -> None:
        for file in rest:
            if file.source in known and known[file.source] == await asyncio.to_thread(digest_of, file):
                report.unchanged += 1
            else:
                await upload(client, file, report, groups)
            if progress:
                progress(Step(report.done, len(found), file.source, report.chunks))

    async with asyncio.TaskGroup() as tasks:
        for _ in range(AT_ONCE):
            tasks.create_task(some())
    return report


async def held(client: httpx.AsyncClient, groups: Sequence[str] | None) -> dict[str, str]:
    """Return the version of each document that the tenant has; where groups are given, of those with just these."""
    wanted = None if groups is None else sorted(groups)
    return {
        entry["source"]: entry["sha256"]
        async for entry in entries(client)
        if wanted is None or entry["groups"] == wanted
    }


def digest_of(file: Found) -> str:
    """Return the file's fingerprint; "" where it cannot be read, which its upload will tell."""
    try:
        return fingerprint(read(file.path, file.source))
    except SwitchboardError:
        return ""


def said_of(groups: Sequence[str] | None) -> str:
    """Return the groups as the form has them: nothing leaves them as they are."""
    return "" if groups is None else ",".join(groups) or "*"


async def upload(
    client: httpx.AsyncClient, file: Found, report: Report, groups: Sequence[str] | None = None
) -> None:
    """Upload one file, wait for its job, and add what it came to."""
    try:
        form = {"source": file.source, "groups": said_of(groups)}
        with file.path.open("rb") as data:
            answer = await client.post(
                "/documents",
                files={"file": (file.path.name, data)},
                data=form,
            )
    except OSError as error:
        report.fail(file.source, f"{file.source} cannot be opened: {error.strerror}.")
        return
    await follow(client, answer, file.source, report)


async def order_page(client: httpx.AsyncClient, order: dict[str, Any], report: Report) -> None:
    """Have the server fetch a page or a sitemap, wait for its job, and add what it came to."""
    await follow(client, await client.post("/documents", json=order), order["url"], report)


async def follow(client: httpx.AsyncClient, answer: httpx.Response, source: str, report: Report) -> None:
    """Wait for the job that an answer tells of, and add what it came to."""
    if answer.is_error:
        report.fail(source, message_of(answer))
        return
    job = await ended(client, answer.json()["job_id"])
    if job["outcome"]:
        report.add(report_from(job["outcome"]))
    else:
        report.fail(source, job["error"])


def report_from(body: dict[str, Any]) -> Report:
    """Return the report that a job's outcome is the body of."""
    counts = {name: body["documents"][name] for name in ("added", "updated", "unchanged", "deleted")}
    return Report(
        **counts,
        chunks=body["chunks"],
        bytes=body["bytes"],
        failures=[(one["source"], one["error"]) for one in body["failures"]],
        skipped=body.get("skipped", {}),
        notes=[(one["source"], one["note"]) for one in body.get("notes", ())],
    )


async def ended(client: httpx.AsyncClient, id: str) -> dict[str, Any]:
    """Return the job once it has ended."""
    while True:
        job = required(await client.get(f"/documents/jobs/{id}")).json()
        if job["status"] != "running":
            return job
        await asyncio.sleep(POLL)


async def entries(client: httpx.AsyncClient) -> AsyncIterator[dict[str, Any]]:
    """Yield all documents of the tenant, a page in memory at a time."""
    cursor = None
    while True:
        parameters = {"limit": 200} | ({"cursor": cursor} if cursor else {})
        page = required(await client.get("/documents", params=parameters)).json()
        for entry in page["items"]:
            yield entry
        cursor = page["next"]
        if cursor is None:
            return


async def remove_gone(client: httpx.AsyncClient, found: Spool) -> int:
    """Remove the documents below the roots whose files no longer exist; return how many."""
    gone = [
        entry["id"]
        async for entry in entries(client)
        if found.absent([entry["source"]]) and any(root.gone(entry["source"]) for root in found.roots)
    ]
    for id in gone:
        required(await client.delete(f"/documents/{id}"))
    return len(gone)


def required(answer: httpx.Response) -> httpx.Response:
    """Return the answer; raises what the server says went wrong."""
    if answer.is_error:
        raise refused(answer)
    return answer


def refused(answer: httpx.Response) -> SwitchboardError:
    """Return the failure that an answer tells of."""
    return Internal(f"The running server refused the ingest: {message_of(answer)}")


def message_of(answer: httpx.Response) -> str:
    """Return the sentence of an error's body, the status where there is none."""
    with suppress(ValueError, KeyError, TypeError):
        return str(answer.json()["message"])
    return f"HTTP {answer.status_code}."
