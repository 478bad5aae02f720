"""`witting serve`: live events come in over HTTP and wait, sealed, for the next walk."""

from __future__ import annotations

import importlib.util
import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from witting.doors.cli.screen import DEFAULT, Common, show
from witting.errors import MissingExtra, UsageError
from witting.workspace import Workspace

if TYPE_CHECKING:
    from witting.doors.http.drp.door import DataRights

BACKLOG = 128  # connections that wait to be accepted
KEEP_ALIVE_SECONDS = 30
STOP_SECONDS = 30  # to finish what was begun, once told to stop
HEAD_BYTES_MAX = 64 << 10
LOOPBACK = ("127.0.0.1", "::1", "localhost")
Several = Annotated[tuple[str, ...], Parameter(negative=())]
Port = Annotated[int, Parameter(validator=Number(gte=0, lte=65_535))]


def serve(
    *,
    host: str = "127.0.0.1",
    port: Port = 8080,
    api_key_file: Path | None = None,
    webhook_secret_file: Path | None = None,
    allowed_origin: Several = (),
    drp_agents: Path | None = None,
    common: Common = DEFAULT,
) -> int:
    """Receive live events (CloudEvents) over HTTP until stopped. Prints its address once it listens.

    Parameters
    ----------
    host
        The address to listen at. Beyond this machine, put a proxy with TLS before it.
    port
        The port; 0 takes one that is free.
    api_key_file
        API keys, one a line, in a file only you can read. WITTING_API_KEYS gives some, too.
    webhook_secret_file
        Secrets for signatures (Standard Webhooks), likewise. WITTING_WEBHOOK_SECRETS gives some, too.
    allowed_origin
        A sender that is told yes when it asks with OPTIONS whether its events are expected: a DNS name, or * for all; may be
        given several times. WITTING_ALLOWED_ORIGINS names some, too.
    drp_agents
        Take requests by the Data Rights Protocol, too, from the agents of this file: JSON, as its directory lists them.
    """
    if any(importlib.util.find_spec(name) is None for name in ("fastapi", "uvicorn")):
        raise MissingExtra('receiving events over HTTP needs `pip install "witting[serve]"`.')
    import uvicorn

    from witting.doors.http.authority import read_secrets
    from witting.doors.http.handshake import read_origins
    from witting.doors.http.patience import Patient
    from witting.doors.http.receiver import receiver

    secrets = read_secrets(os.environ, api_key_file=api_key_file, webhook_secret_file=webhook_secret_file)
    origins = read_origins(os.environ, allowed_origin)
    workspace = Workspace.open(common.workspace)
    data_rights = None if drp_agents is None else _data_rights(workspace, drp_agents)
    app = receiver(workspace, secrets, origins=origins, data_rights=data_rights)
    listening = _listen(host, port)
    shown = f"[{host}]" if ":" in host else host
    address = f"http://{shown}:{listening.getsockname()[1]}"
    if host not in LOOPBACK and not common.quiet:
        print("Others can reach this address: put a proxy with TLS before it.", file=sys.stderr)
    settings = uvicorn.Config(
        app,
        log_level="error",
        access_log=False,  # paths and addresses of people's devices
        server_header=False,
        proxy_headers=False,
        http=Patient,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=STOP_SECONDS,
        h11_max_incomplete_event_size=HEAD_BYTES_MAX,
    )
    show(common, {"address": address}, lambda: f"Listening at {address}; events go to {address}/v1/events")
    sys.stdout.flush()
    try:
        uvicorn.Server(settings).run(sockets=[listening])
    except KeyboardInterrupt:
        return 0  # Ctrl-C is how it ends
    return 0


def _data_rights(workspace: Workspace, agents: Path) -> DataRights:
    from witting.doors.http.drp.agents import read_agents
    from witting.doors.http.drp.door import SECRET, DataRights

    settings = workspace.settings.requests
    if settings.business_id is None:
        raise UsageError(
            "--drp-agents: requests name the business they are for; set requests.business_id in witting.toml to yours."
        )
    return DataRights(
        read_agents(agents), settings.business_id, settings.verification_url, workspace.keys.secret(SECRET)
    )


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio sends answers without delay (TCP_NODELAY) only where it is: 40 ms each.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(BACKLOG)
        return listening
    except (OSError, UnicodeError) as error:
        listening.close()
        said = getattr(error, "strerror", None) or "no such address"
        raise UsageError(
            f"cannot listen at {host}, port {port}: {said}. Name another with --port."
        ) from error
