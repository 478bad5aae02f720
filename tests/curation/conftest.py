"""Builders of redacted turns and signals for the tests of curation."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from witting.schema import REDACTED, SIGNAL

DAY = datetime(2026, 3, 1, tzinfo=UTC)


class Chat:
    """Collects turns and signals; tables on request."""

    def __init__(self) -> None:
        self.turns: list[dict] = []
        self.signals: list[dict] = []

    def turn(self, row_id: str, parent: str | None = None, **fields: object) -> Chat:
        role = fields.get("role", "user")
        subject = fields.get("subject_id", "ana")
        row = {
            "row_id": row_id, "conversation_id": "c1", "parent_id": parent, "position": len(self.turns),
            "subject_id": subject, "speaker_id": "assistant" if role == "assistant" else subject, "role": role,
            "occurred_at": DAY, "surface": "chatgpt", "audience": "assistant", "place": "FR",
            "on_active_path": True, "text": f"the words of turn {row_id}", "kinds": [], "verdict": "keep",
            "reason": "", "shard": 0,
        }  # fmt: skip
        self.turns.append(row | fields)
        return self

    def answer(self, row_id: str, parent: str | None, **fields: object) -> Chat:
        return self.turn(row_id, parent, role="assistant", **fields)

    def say(self, row_id: str, **fields: object) -> Chat:
        return self.turn(row_id, role="person", surface="whatsapp", audience="direct", **fields)

    def signal(
        self,
        signal_id: str,
        row_id: str,
        kind: str,
        value: str | None = None,
        by: str = "ana",
        **fields: object,
    ) -> Chat:
        self.signals.append(
            {
                "signal_id": signal_id,
                "row_id": row_id,
                "conversation_id": "c1",
                "subject_id": by,
                "kind": kind,
                "value": value,
                "source_kind": kind,
                "rule": "recorded/1",
                "confidence": 1.0,
                "occurred_at": DAY,
                "text_sealed": None,
                "shard": 0,
            }
            | fields
        )
        return self

    def corrections(self, *better: tuple[str, str, str]) -> pa.Table:
        """REDACTED of better answers: signal, answer, words."""
        rows = [
            {**turn, "row_id": signal, "parent_id": answer, "speaker_id": turn["subject_id"], "text": words}
            for signal, answer, words in better
            for turn in self.turns
            if turn["row_id"] == answer
        ]
        return pa.Table.from_pylist(rows, REDACTED)

    def tables(self) -> tuple[pa.Table, pa.Table]:
        return pa.Table.from_pylist(self.turns, REDACTED), pa.Table.from_pylist(self.signals, SIGNAL)


@pytest.fixture(scope="session")
def new_chat() -> type[Chat]:
    return Chat
