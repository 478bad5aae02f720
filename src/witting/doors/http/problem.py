"""What a sender is told when something is wrong: RFC 9457 problem details. They name the field, never its value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from fastapi.responses import JSONResponse

MEDIA_TYPE = "application/problem+json"


@dataclass
class Problem(Exception):
    """Raised anywhere behind the door; `more` are extension members."""

    status: int
    kind: str  # the last part of the problem type, listed in docs/receiver.md
    detail: str
    more: Mapping[str, Any] = field(default_factory=dict)  # Any: JSON
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> JSONResponse:
        body = {
            "type": f"urn:witting:problem:{self.kind}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            **self.more,
        }
        return JSONResponse(body, self.status, dict(self.headers), media_type=MEDIA_TYPE)
