"""The handshake of webhooks: a sender asks with OPTIONS whether events of its origin are expected here.

Covered: the validation request and its answer, for origins that the operator names. Not covered: granting by callback
(WebHook-Request-Callback: calling an address that a stranger names), limits by rate, which a proxy before this one keeps.
It authorises nobody: it keeps a sender from being turned against those who expect nothing. Who may send is `authority`.
From: CloudEvents 1.0.2, HTTP 1.1 Web Hooks for Event Delivery §4.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from fastapi import Response

from witting.doors.http.problem import Problem
from witting.errors import ConfigError

ALLOWED_ORIGINS = "WITTING_ALLOWED_ORIGINS"
ORIGINS_MAX = 100
ANY = "*"
UNLIMITED = "*"  # requests a minute: none are counted here
_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*", re.IGNORECASE)
_RATE = re.compile(r"[1-9][0-9]{0,8}")
NAME_CHARS_MAX = 253  # of a DNS name


def read_origins(environment: Mapping[str, str], given: Sequence[str] = ()) -> frozenset[str]:
    """Origins named by the environment (spaces between) and by options, in lower case. Raises ConfigError."""
    named = {name.lower() for name in (*environment.get(ALLOWED_ORIGINS, "").split(), *given)}
    if len(named) > ORIGINS_MAX:
        raise ConfigError(f"more than {ORIGINS_MAX} allowed origins.")
    if not all(name == ANY or _is_name(name) for name in named):
        raise ConfigError(f"an allowed origin is a DNS name such as events.example.com, or {ANY} for all.")
    return frozenset(named)


def permission(headers: Mapping[str, str], allowed: frozenset[str]) -> Response:
    """The answer to a sender that may send. Raises Problem (400, 403) without the headers that would permit it."""
    origin = headers.get("webhook-request-origin", "").strip()
    rate = headers.get("webhook-request-rate")
    if not _is_name(origin):
        raise Problem(400, "handshake", "WebHook-Request-Origin must be the DNS name of the sending system.")
    if rate is not None and not _RATE.fullmatch(rate.strip()):
        raise Problem(400, "handshake", "WebHook-Request-Rate must be whole requests a minute, above 0.")
    if ANY not in allowed and origin.lower() not in allowed:
        raise Problem(403, "handshake", "events of this origin are not expected here.")
    granted = {"WebHook-Allowed-Origin": origin, "WebHook-Allowed-Rate": UNLIMITED}  # §4.2.1, §4.2.2
    return Response(status_code=204, headers={"Allow": "POST", **granted})


def _is_name(name: str) -> bool:
    return len(name) <= NAME_CHARS_MAX and _NAME.fullmatch(name) is not None
