"""`witting redact`: spans or redacted text, of words given on the command line or of a file."""

from __future__ import annotations

import secrets
from pathlib import Path

from witting.doors.cli.screen import DEFAULT, Common, show
from witting.errors import UsageError
from witting.redaction import redact_file, redact_text, scan


def redact(text: str, /, *, spans: Path | None = None, common: Common = DEFAULT) -> int:
    """Find what identifies or exposes a person, and replace it.

    Parameters
    ----------
    text
        The words, or a JSONL file of {"id", "text"}.
    spans
        For a file: write the spans here (docs/formats/redaction-spans.md).
    """
    path = Path(text) if len(text) < 4096 else None
    if path is not None and path.is_file():
        if spans is None:
            raise UsageError("for a file, say where the spans go: --spans OUT.jsonl.")
        counts = redact_file(path, spans).as_json()
        show(common, counts, lambda: "\n".join(f"{name}: {count}" for name, count in counts.items()))
        return 0
    if spans is not None:
        raise UsageError(f"there is no file {text[:200]}; --spans goes with a JSONL file.")
    found, labels = scan(text)
    redacted = redact_text(text, spans=found, key=secrets.token_bytes(32), scope="command line")
    said = {"text": redacted, "spans": [span.as_json() for span in found], "labels": labels.as_json()}
    show(common, said, lambda: redacted)
    return 0
