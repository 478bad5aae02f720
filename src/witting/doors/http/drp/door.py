"""The endpoints: exercise, status, revoke, and the tokens of agents.

Covered: sections 2.01, 2.02, 2.04, 2.05 and 2.06 of Data Rights Protocol 1.0. Not covered: status callbacks (2.03): an agent asks;
and the discovery document, which 0.9 took out of the protocol. A request is on disk and in the ledger before it is answered, so that
whoever was not answered sends it again, and the same request is the same, whatever it was signed with.
"""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response

from witting.doors.fault import log_fault
from witting.doors.http.drp.agents import Agent, agent_of, new_token
from witting.doors.http.drp.message import (
    EXERCISES,
    SIGNATURE_BYTES,
    Exercise,
    Refused,
    check_envelope,
    check_given,
    check_no_exercise,
    opened,
    read_exercise,
)
from witting.doors.http.problem import Problem
from witting.errors import WittingError
from witting.store.requests import Kept, kept_request
from witting.walk.requests import AnotherRequest, Asked, Status, evidence_of, revoke, status, take
from witting.workspace import Workspace

REQUESTS = "/v1/data-rights-request"
AGENTS = "/v1/agent/{agent_id}"
SECRET = "data rights protocol tokens"  # noqa: S105 - the name of one
ID_CHARS_MAX = 64
EVIDENCE = "data_rights_request"  # the signed message, in base64
# Our reasons that the protocol has another word for.
REASONS = {"legal_duty": "claim_not_covered", "rights_of_others": "claim_not_covered"}
WAITS = "Recorded. What it shuts is shut from now on; the status changes once it is carried out."
UNSURE = "Recorded, and kept until it is known whose account this is."
AT_ONCE: Mapping[
    tuple[str, str | None], str
] = {  # answered without an entry of the ledger, by status and reason
    ("fulfilled", None): "This person was erased before: nothing of them is used.",
    ("denied", "no_match"): "Nothing is held about this person: they were erased before.",
    (
        "denied",
        "other",
    ): "Nothing was opened: only a consent that the person gives to us opens, judged by its evidence.",
}


@dataclass(frozen=True)
class DataRights:
    """Whose requests are taken: agents by id, and what the directory calls this business."""

    agents: Mapping[str, Agent]
    business_id: str
    verification_url: str | None = None
    secret: bytes = field(repr=False, default=b"")


@dataclass(frozen=True)
class _Desk:
    """What every endpoint needs. Its methods run in a thread; each raises Refused."""

    workspace: Workspace
    rights: DataRights
    now: Callable[[], datetime]

    def set_up(self, agent_id: str, body: bytes) -> dict[str, Any]:
        """Section 2.05.1: whatever does not hold is a bare 403."""
        agent = self.rights.agents.get(agent_id)
        if agent is None:
            raise Refused(403, "")
        try:
            values = opened(body, agent)
            check_no_exercise(values, "sets up no token")
            check_envelope(values, agent=agent, business_id=self.rights.business_id, now=self.now())
        except Refused:
            raise Refused(403, "") from None
        return {"agent-id": agent.id, "token": new_token(agent, self.rights.secret)}

    def exercise(self, agent: Agent, body: bytes) -> dict[str, Any]:
        at = self.now()
        values = opened(body, agent)
        check_envelope(values, agent=agent, business_id=self.rights.business_id, now=at)
        said = read_exercise(values)
        asked = self._asked(agent, said, body, values)
        try:
            kept = take(self.workspace, asked, now=at)
        except AnotherRequest as error:
            raise Refused(409, f"agent-request-id: {error}") from None
        return self._told(status(self.workspace, kept, now=at), said.agent_request_id)

    def _asked(self, agent: Agent, said: Exercise, body: bytes, values: Mapping[str, Any]) -> Asked:
        keys, handles = self.workspace.keys, sorted(claim.handle for claim in said.claims)
        given = said.agent_request_id
        name = json.dumps(values, sort_keys=True) if given is None else given  # signed anew it is another one
        own = keys.row_id("data rights request", agent.id, "own" if given is None else "given", name)
        kind, purposes, scope = EXERCISES[said.name]
        return Asked(
            request_id=str(uuid.UUID(own)),
            agent_id=agent.id,
            exercise=said.name,
            content_mac=keys.row_id("data rights content", said.name, *handles),
            kind=kind,
            purposes=purposes,
            scope=scope,
            claims=said.claims,
            evidence={
                EVIDENCE: base64.b64encode(base64.b64decode(bytes(body).strip())).decode(),
                "verify_key_sha256": hashlib.sha256(agent.key_bytes).hexdigest(),
            },
        )

    def ask(self, agent: Agent, request_id: str) -> dict[str, Any]:
        kept = self._own(agent, request_id)
        return self._told(status(self.workspace, kept, now=self.now()), self._agents_name(kept))

    def revoke(self, agent: Agent, request_id: str, body: bytes) -> dict[str, Any]:
        kept, at = self._own(agent, request_id), self.now()
        values = opened(body, agent)  # the reason a person may give is not kept
        check_no_exercise(values, "takes nothing back")
        check_given(values, agent=agent, business_id=self.rights.business_id, now=at)
        if not revoke(self.workspace, kept, now=at):
            raise Refused(409, "The request was answered already; ask for its status.")
        return self._told(status(self.workspace, kept, now=at), self._agents_name(kept))

    def _agents_name(self, kept: Kept) -> str | None:
        """The agent's own id of a request, from the message as it lies sealed; None once its person was erased."""
        sealed = evidence_of(self.workspace, kept)
        if sealed is None:
            return None
        found = json.loads(base64.b64decode(sealed[EVIDENCE])[SIGNATURE_BYTES:]).get("agent-request-id")
        return found if isinstance(found, str) else None

    def _own(self, agent: Agent, request_id: str) -> Kept:
        """Somebody else's request and one that is not there are told alike (section 2.02.1)."""
        kept = kept_request(self.workspace.database, request_id[:ID_CHARS_MAX].lower())
        if kept is None or kept.agent_id != agent.id:
            raise Refused(403, "This agent manages no such request.")
        return kept

    def _told(self, found: Status, agents_name: str | None) -> dict[str, Any]:
        """The Exercise Status object: section 3.03, and `effects`, which is ours."""
        reason, url = found.reason, self.rights.verification_url
        details = WAITS if found.state == "in_progress" else None
        if found.kept.settled is not None:
            details = AT_ONCE[found.kept.settled]
        if reason == "need_user_verification":
            reason, details = (None if url is None else reason), UNSURE
        told: dict[str, Any] = {
            "request_id": found.kept.request_id,
            "received_at": found.kept.received_at.isoformat(),
            "status": found.state,
            "reason": REASONS.get(reason or "", reason),
            "processing_details": details,
            "expected_by": None if found.expected_by is None else found.expected_by.isoformat(),
            "agent_request_id": agents_name,
            "user_verification_url": url if reason == "need_user_verification" else None,
            "effects": list(found.effects) or None,
        }
        return {name: value for name, value in told.items() if value is not None}


def open_data_rights(
    app: FastAPI,
    workspace: Workspace,
    rights: DataRights,
    *,
    body_of: Callable[[Request], AbstractAsyncContextManager[bytes]],
    now: Callable[[], datetime],
) -> None:
    """Add the endpoints. `body_of` reads a body within the door's limits, and keeps its place until it is left."""
    desk = _Desk(workspace, rights, now)

    def who(request: Request) -> Agent:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        agent = agent_of(token.strip(), rights.agents, rights.secret) if scheme.lower() == "bearer" else None
        if agent is None:
            asked = {"WWW-Authenticate": "Bearer"}
            raise Refused(401, f"Send the token of POST {AGENTS} as a Bearer.", headers=asked)
        return agent

    async def said(act: Callable[..., dict[str, Any]], *given: Any) -> Response:
        """In a thread. What does not work for reasons of ours is told as the protocol tells it, to be sent again."""
        try:
            return JSONResponse(await run_in_threadpool(act, *given))
        except (WittingError, sa.exc.OperationalError) as error:
            log_fault(error)
            raise Refused(
                503, "Nothing can be taken now, and nothing was lost. Send it again later."
            ) from None

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, Refused)
        if not error.message:
            return Response(status_code=error.status)
        body: dict[str, Any] = {"code": str(error.status), "message": error.message}
        more = {"fatal": True} if error.fatal else {}
        return JSONResponse(body | more, error.status, dict(error.headers))

    @asynccontextmanager
    async def read(request: Request) -> AsyncIterator[bytes]:
        try:
            async with body_of(request) as body:
                yield body
        except Problem as problem:
            raise Refused(problem.status, problem.detail) from None

    app.add_exception_handler(Refused, refused)

    @app.post(REQUESTS)
    async def exercise(request: Request) -> Response:
        agent = who(request)
        async with read(request) as body:
            return await said(desk.exercise, agent, body)

    @app.get(f"{REQUESTS}/{{request_id}}")
    async def ask(request: Request, request_id: str) -> Response:
        agent = who(request)
        async with read(request):
            return await said(desk.ask, agent, request_id)

    @app.delete(f"{REQUESTS}/{{request_id}}")
    async def take_back(request: Request, request_id: str) -> Response:
        agent = who(request)
        async with read(request) as body:
            return await said(desk.revoke, agent, request_id, body)

    @app.post(AGENTS)
    async def set_up(request: Request, agent_id: str) -> Response:
        async with read(request) as body:
            return await said(desk.set_up, agent_id, body)

    @app.get(AGENTS)
    async def information(request: Request, agent_id: str) -> Response:
        if who(request).id != agent_id:
            raise Refused(403, "The token is another agent's.")
        return JSONResponse({})
