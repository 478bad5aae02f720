"""How long the receiver waits for somebody who has connected and says nothing."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS_MAX = 10.0  # from connecting to the end of the first request's head


class Patient(H11Protocol):
    """Hangs up on a connection that has not asked for anything in time: uvicorn itself waits for ever, and a silent
    connection costs its sender nothing."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._patience = self.loop.call_later(HEAD_SECONDS_MAX, self._hang_up)

    def connection_lost(self, exc: Exception | None) -> None:
        self._patience.cancel()
        super().connection_lost(exc)

    def _hang_up(self) -> None:
        if self.cycle is None and not self.transport.is_closing():
            self.transport.close()
