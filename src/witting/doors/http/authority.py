"""Who may send events: an API key, or a signature by Standard Webhooks.

Covered: reading secrets from the environment or from files only their owner can read, several at once so that one can be
changed for another; comparing in constant time. Not covered: limits by sender, TLS (a proxy before this one), asymmetric
signatures (`v1a`).

A signature covers the body alone, with an id and a time. So it does not cover headers, and events whose attributes stand in
headers (CloudEvents' binary mode) are taken with a key only. Format: Standard Webhooks 1.0 (standardwebhooks.com).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from witting.doors.http.problem import Problem
from witting.doors.secret_file import read_secret_file
from witting.errors import ConfigError

API_KEYS, WEBHOOK_SECRETS = "WITTING_API_KEYS", "WITTING_WEBHOOK_SECRETS"
TOLERANCE_SECONDS = 300  # between a signature's time and ours, either way
KEY_CHARS_MIN, KEY_CHARS_MAX = 20, 512
SECRET_BYTES_MIN, SECRET_BYTES_MAX = 24, 64  # Standard Webhooks, "Signature scheme"
SECRETS_MAX = 20
SIGNATURES_MAX = 20  # in one header
ID_CHARS_MAX = 256
PREFIX = "whsec_"
VERSION = "v1"


@dataclass(frozen=True)
class Secrets:
    """API keys as SHA-256, secrets for signatures as bytes. Raises ConfigError where there is none at all."""

    keys: tuple[bytes, ...] = field(repr=False)
    signing: tuple[bytes, ...] = field(repr=False)

    def __post_init__(self) -> None:
        if not self.keys and not self.signing:
            raise ConfigError(
                f"nobody could be told from anybody else: set {API_KEYS} or {WEBHOOK_SECRETS}, or name a file with "
                "--api-key-file or --webhook-secret-file."
            )


def read_secrets(
    environment: Mapping[str, str],
    *,
    api_key_file: Path | None = None,
    webhook_secret_file: Path | None = None,
) -> Secrets:
    """Each given by the environment (several with spaces between) and by files (one a line). Raises ConfigError."""
    keys = [*environment.get(API_KEYS, "").split(), *_lines(api_key_file)]
    signing = [*environment.get(WEBHOOK_SECRETS, "").split(), *_lines(webhook_secret_file)]
    if max(len(keys), len(signing)) > SECRETS_MAX:
        raise ConfigError(f"more than {SECRETS_MAX} secrets of one kind; take old ones out.")
    return Secrets(tuple(map(_digest_of_key, keys)), tuple(map(_signing, signing)))


def _lines(path: Path | None) -> list[str]:
    return [] if path is None else read_secret_file(path).split()


def _digest_of_key(key: str) -> bytes:
    if not KEY_CHARS_MIN <= len(key) <= KEY_CHARS_MAX or not key.isascii():
        raise ConfigError(
            f"an API key has {KEY_CHARS_MIN} to {KEY_CHARS_MAX} ASCII characters, made at random."
        )
    return _digest(key.encode())


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()


def _signing(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not SECRET_BYTES_MIN <= len(key) <= SECRET_BYTES_MAX:
        raise ConfigError(
            f"a webhook secret is {PREFIX} and {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} random bytes in base64."
        )
    return key


def holds_key(headers: Mapping[str, str], secrets: Secrets) -> bool:
    """Whether the request carries one of the API keys. Raises Problem (401) for a wrong one."""
    said = headers.get("authorization")
    if said is None:
        return False
    scheme, _, key = said.partition(" ")
    given = _digest(key.strip().encode("utf-8", "surrogateescape"))
    right = [hmac.compare_digest(given, known) for known in secrets.keys]  # all of them, whichever it is
    if scheme.lower() != "bearer" or not any(right):
        raise _refused("Authorization carries no API key that is known here.")
    return True


@dataclass(frozen=True)
class Signed:
    """What a signature is over, before the body is known."""

    prefix: bytes
    signatures: tuple[bytes, ...]

    def check(self, body: bytes, secrets: Secrets) -> None:
        """Raises Problem (401)."""
        right = [
            hmac.compare_digest(signature, hmac.digest(key, self.prefix + body, "sha256"))
            for key in secrets.signing
            for signature in self.signatures
        ]
        if not any(right):
            raise _refused(
                "no signature in webhook-signature is of this body, by a secret that is known here."
            )


def signed(headers: Mapping[str, str], *, now: datetime) -> Signed:
    """The signature headers, their time checked. Raises Problem (401)."""
    named = ("webhook-id", "webhook-timestamp", "webhook-signature")
    id, timestamp, signatures = (headers.get(name, "") for name in named)
    if not signatures:
        raise _refused("send an API key (Authorization: Bearer) or a signature (webhook-signature).")
    if not 0 < len(id) <= ID_CHARS_MAX:
        raise _refused(f"webhook-id must have 1 to {ID_CHARS_MAX} characters.")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise _refused("webhook-timestamp must be whole seconds since 1970.")
    if abs(int(timestamp) - now.timestamp()) > TOLERANCE_SECONDS:
        raise _refused(
            f"webhook-timestamp is more than {TOLERANCE_SECONDS} seconds from now; check the clock."
        )
    prefix = f"{id}.{timestamp}.".encode("utf-8", "surrogateescape")
    return Signed(prefix, tuple(_decoded(signatures)))


def _decoded(header: str) -> list[bytes]:
    found = []
    for one in header.split()[:SIGNATURES_MAX]:
        version, _, text = one.partition(",")
        try:
            found += [base64.b64decode(text, validate=True)] if version == VERSION else []
        except (binascii.Error, ValueError):
            continue  # of another scheme, or damaged: it is no match
    return found


def _refused(detail: str) -> Problem:
    return Problem(401, "not-authorised", detail, headers={"WWW-Authenticate": "Bearer"})
