"""The receiver: live events over HTTP, kept before they are answered.

Covered: POST /v1/events (CloudEvents 1.0: structured, batched, binary), its webhook handshake (OPTIONS), GET /healthz,
limits, errors. Not covered: TLS and limits by sender (a proxy before this one), reading back. Nothing of a request is logged.

What is good in a request is kept, also where another event beside it is wrong: no withdrawal is lost over a neighbour.
Sending the same again adds nothing, so a sender that is in doubt sends it again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime

import anyio
import sqlalchemy as sa
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from witting import __version__
from witting.doors.cloud_events import Wrong, understood
from witting.doors.fault import log_fault
from witting.doors.http.authority import Secrets, holds_key, signed
from witting.doors.http.binding import events_in, is_binary
from witting.doors.http.drp.door import DataRights, open_data_rights
from witting.doors.http.handshake import permission
from witting.doors.http.problem import Problem
from witting.errors import WittingError
from witting.store.spool import Event
from witting.workspace import Workspace

REQUESTS_MAX = 100  # at once, of each kind of sender
BODY_BYTES_MAX = 4 << 20
BODY_SECONDS_MAX = 30.0  # to send it
ERRORS_TOLD_MAX = 100
RETRY_SECONDS = "30"
SILENT = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}


def _clock() -> datetime:
    return datetime.now(UTC)


def receiver(
    workspace: Workspace,
    secrets: Secrets,
    *,
    origins: frozenset[str] = frozenset(),
    data_rights: DataRights | None = None,
    now: Callable[[], datetime] = _clock,
) -> FastAPI:
    """The application; without `origins` it knows no OPTIONS. Opens the workspace's database and keys at once, so that what is
    wrong with them is said now."""
    workspace.spool  # noqa: B018
    app = FastAPI(
        title="Witting",
        version=__version__,
        openapi_url=None,  # bodies are CloudEvents: docs/receiver.md
        telemetry=SILENT,  # type: ignore[arg-type]  # a request holds people's words
        exception_handlers={
            Problem: _problem,
            HTTPException: _http,
            WittingError: _ours,
            sa.exc.OperationalError: _no_store,
        },
    )
    # By whether they came with a key. Apart, because a signature is not known before the body has come.
    places = {by_key: _Places(REQUESTS_MAX) for by_key in (True, False)}

    @app.get("/healthz")
    def health() -> dict[str, str]:
        with workspace.database.connect() as connection:
            connection.execute(sa.select(1))
        return {"status": "ok"}

    @app.post("/v1/events")
    async def post(request: Request) -> Response:
        at = now()
        by_key = holds_key(request.headers, secrets)
        claim = None if by_key else signed(request.headers, now=at)
        with places[by_key].taken():
            body = await _body(request)
            if claim is not None:
                claim.check(body, secrets)
            return await run_in_threadpool(_take, workspace, request, body, at, by_key=by_key)

    if origins:

        @app.options("/v1/events")
        def ask(request: Request) -> Response:
            return permission(request.headers, origins)

    if data_rights is not None:
        asking = _Places(REQUESTS_MAX)

        @asynccontextmanager
        async def body_of(request: Request) -> AsyncIterator[bytes]:
            with asking.taken():
                yield await _body(request)

        open_data_rights(app, workspace, data_rights, body_of=body_of, now=now)

    _guard(app)
    return app


class _Places:
    """How many requests are under way, counted on the loop's own thread."""

    def __init__(self, most: int) -> None:
        self._free = most

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Raises Problem (503) where all are."""
        if not self._free:
            detail = "too many requests at once; send it again in a moment."
            raise Problem(503, "unavailable", detail, headers={"Retry-After": "1"})
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1


def _take(workspace: Workspace, request: Request, body: bytes, at: datetime, *, by_key: bool) -> Response:
    content_type = request.headers.get("content-type", "")
    if not by_key and is_binary(content_type, request.headers):
        raise Problem(
            403,
            "not-signed",
            "a signature does not cover ce- headers: send the event in the body, or an API key.",
        )
    limit = workspace.settings.intake.text_chars_max
    kept: list[Event] = []
    ignored, wrong = 0, []
    for index, value in enumerate(events_in(content_type, request.headers, body)):
        try:
            event = understood(value, now=at, text_chars_max=limit)
        except Wrong as error:
            wrong.append({"event": index, "field": error.field, "why": error.why})
            continue
        ignored += event is None
        kept += [] if event is None else [event]
    taken = workspace.spool.take(kept, now=at)
    counts = {"new": taken.new, "known": taken.known, "erased": taken.erased, "ignored": ignored}
    if wrong:
        raise Problem(
            422,
            "invalid-event",
            f"events not taken: {len(wrong)}; all others were. Correct these and send them again.",
            {**counts, "wrong": len(wrong), "errors": wrong[:ERRORS_TOLD_MAX]},
        )
    return JSONResponse(counts, 202 if taken.new else 200)


async def _body(request: Request) -> bytes:
    """The whole body, never more than BODY_BYTES_MAX of it. Raises Problem (400, 408, 413, 415)."""
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Problem(415, "media-type", "Content-Encoding must be identity: send the body unpacked.")
    too_large = Problem(413, "too-large", f"at most {BODY_BYTES_MAX:,} bytes in one request; cut the batch.")
    said = request.headers.get("content-length", "0")
    if said.isdigit() and int(said[:20]) > BODY_BYTES_MAX:
        raise too_large
    body = bytearray()
    try:
        with anyio.fail_after(BODY_SECONDS_MAX):
            async for piece in request.stream():
                body += piece
                if len(body) > BODY_BYTES_MAX:
                    raise too_large
    except TimeoutError:
        raise Problem(
            408, "too-slow", f"the body did not come within {BODY_SECONDS_MAX:.0f} seconds."
        ) from None
    except ClientDisconnect:
        raise Problem(
            400, "cut-off", "the request ended before its body did; nothing of it was kept."
        ) from None
    return bytes(body)


# Errors


def _guard(app: FastAPI) -> None:
    """Faults are answered here: further out, the server would log their message, which may hold people's words."""

    @app.middleware("http")
    async def guard(request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
        try:
            return await go_on(request)
        except Exception as error:
            return _fault(error)


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return error.response()


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = "POST CloudEvents to /v1/events, or GET /healthz."
    return Problem(error.status_code, "no-such-door", detail, headers=error.headers or {}).response()


async def _ours(request: Request, error: Exception) -> Response:
    """What the store or the keys refuse: their sentences hold no words, and nothing was kept."""
    return Problem(503, "unavailable", str(error), headers={"Retry-After": RETRY_SECONDS}).response()


async def _no_store(request: Request, error: Exception) -> Response:
    """Locked for too long, gone, or not to be written: the operator's to mend, and no request's fault."""
    log_fault(error)
    detail = "the database takes nothing now; nothing was kept. Send it again later."
    return Problem(503, "unavailable", detail, headers={"Retry-After": RETRY_SECONDS}).response()


def _fault(error: Exception) -> Response:
    fault = log_fault(error)
    detail = f"something failed that should not ({type(error).__name__}, fault {fault}). Send it again later."
    return Problem(500, "fault", detail).response()
