"""The agents who may ask, and by which key: the protocol's directory, as a file.

Covered: its agent entries (section 3.05.1), keys in base64 or, as before 0.9.1, in hexadecimal; tokens of agents. Not covered:
fetching the directory. A token names its agent and is a keyed hash over its id and key: nothing is stored, and an agent whose
entry goes or whose key changes has none any more.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from witting.errors import ConfigError

FILE_BYTES_MAX = 4 << 20
AGENTS_MAX = 1_000
KEY_BYTES = 32
NONCE_BYTES = 16
ID = re.compile(r"[A-Za-z0-9_-]{1,64}")  # the schema has [A-Z_]+, its examples aa-id


@dataclass(frozen=True)
class Agent:
    id: str
    key: Ed25519PublicKey = field(repr=False)

    @property
    def key_bytes(self) -> bytes:
        return self.key.public_bytes_raw()


def read_agents(path: Path) -> Mapping[str, Agent]:
    """By id. Raises ConfigError that names the entry, counted from 1, and its field."""
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise ConfigError(
                f"{path} is larger than {FILE_BYTES_MAX:,} bytes; it should be a directory of agents."
            )
        listed = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from error
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{path} is not JSON in UTF-8.") from error
    if not isinstance(listed, list) or not 1 <= len(listed) <= AGENTS_MAX:
        raise ConfigError(
            f"{path} must hold a list of 1 to {AGENTS_MAX:,} agents, as the directory has them."
        )
    found: dict[str, Agent] = {}
    for number, entry in enumerate(listed, start=1):
        agent = _agent(entry, f"{path}, agent {number}")
        if agent.id in found:
            raise ConfigError(f"{path}, agent {number}, field id: stands twice.")
        found[agent.id] = agent
    return found


def _agent(entry: object, where: str) -> Agent:
    if not isinstance(entry, dict):
        raise ConfigError(f"{where}: must be an object with id and verify_key.")
    name, key = entry.get("id"), entry.get("verify_key")
    if not isinstance(name, str) or not ID.fullmatch(name):
        raise ConfigError(f"{where}, field id: must be 1 to 64 letters, digits, _ or -.")
    raw = _key(key) if isinstance(key, str) else None
    if raw is None:
        raise ConfigError(
            f"{where}, field verify_key: must be the {KEY_BYTES} bytes of an Ed25519 key in base64."
        )
    return Agent(name, Ed25519PublicKey.from_public_bytes(raw))


def _key(text: str) -> bytes | None:
    try:
        raw = bytes.fromhex(text) if len(text) == 2 * KEY_BYTES else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return None
    return raw if len(raw) == KEY_BYTES else None


def new_token(agent: Agent, secret: bytes) -> str:
    """A bearer token of this agent; every call gives another one."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return f"{agent.id}.{_text(nonce)}.{_text(_mac(agent, nonce, secret))}"


def agent_of(token: str, agents: Mapping[str, Agent], secret: bytes) -> Agent | None:
    """Whose token it is; None where it is nobody's here."""
    name, _, rest = token.partition(".")
    nonce, _, mac = rest.partition(".")
    agent = agents.get(name)
    try:
        given, told = _bytes(nonce), _bytes(mac)
    except (ValueError, binascii.Error):
        return None
    if agent is None or len(given) != NONCE_BYTES:
        return None
    return agent if hmac.compare_digest(told, _mac(agent, given, secret)) else None


def _mac(agent: Agent, nonce: bytes, secret: bytes) -> bytes:
    return hmac.digest(
        secret, hashlib.sha256(agent.id.encode() + b"\0" + agent.key_bytes).digest() + nonce, "sha256"
    )


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
