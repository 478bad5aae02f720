"""`witting ledger cosign`: a witness outside cosigns our checkpoint, over the web or by a file that they send.

Covers: asking (c2sp.org/tlog-witness, `add-checkpoint`), and where cosignatures lie: in `checkpoints/SIZE.txt`, as further lines
of the note, and the witnesses' keys in `checkpoints/witnesses.vkey`. Not covered: checking them (`ledger/cosign.py`).
A lost file loses the cosignatures and nothing else: the next checkpoint is cosigned anew.
"""

from __future__ import annotations

import urllib.error
import urllib.request
from datetime import datetime, timedelta
from pathlib import Path

from witting.doors.cli.keys import given_witness_key
from witting.doors.cli.screen import DEFAULT, Common, now, show
from witting.errors import InputError, LedgerDamaged, ProofInvalid, UsageError
from witting.ledger.checkpoint import NOTE_BYTES_MAX, Checkpoint, open_checkpoint, parse_note
from witting.ledger.cosign import (
    WitnessKey,
    add_checkpoint_request,
    add_cosignatures,
    merge_notes,
    parse_witness_key,
    read_cosignature,
)
from witting.workspace import Workspace

KEYS_FILE = "witnesses.vkey"
ANSWER_SECONDS_MAX = 30
AHEAD_MAX = timedelta(minutes=10)  # a witness' clock may run ahead of ours by so much


def cosign(source: str, /, *, witness: str, common: Common = DEFAULT) -> int:
    """Have a witness outside cosign the checkpoint, and keep their signature with it.

    Parameters
    ----------
    source
        The witness' address (http or https, its submission prefix), or a file with what they sent back.
    witness
        The witness' key (name+id+key), or a file that holds it, from a source you trust.
    """
    workspace = Workspace.open(common.workspace)
    key = given_witness_key(witness)
    at = now()
    with workspace.held():
        if source.startswith(("http://", "https://")):
            note = with_cosignatures(workspace, workspace.ledger.checkpoint(now=at))
            answer = _ask(workspace, source, note)
        else:
            answer = _read(Path(source))
            note = _answered(workspace, answer, at)
        cosigned = add_cosignatures(note, answer, key)
        seen = read_cosignature(cosigned, key)
        if seen is None or seen.at > at + AHEAD_MAX:
            raise ProofInvalid(f"the cosignature by {key.name} is dated ahead; set the clocks and ask again.")
        size = open_checkpoint(cosigned, workspace.ledger.verifier_key).size
        path = workspace.write("checkpoints", f"{size}.txt", text=cosigned)
        _keep_key(workspace, key)
    said = {"witness": key.name, "at": seen.at.isoformat(), "size": size, "path": str(path), "note": cosigned}
    show(
        common,
        said,
        lambda: f"{cosigned}\nCosigned by {key.name} at {seen.at:%Y-%m-%d %H:%M:%S} UTC. Kept as {path}.",
    )
    return 0


def with_cosignatures(workspace: Workspace, note: str) -> str:
    """The note, and every signature line that its file in checkpoints/ adds to it."""
    size = open_checkpoint(note, workspace.ledger.verifier_key).size
    path = workspace.path("checkpoints", f"{size}.txt")
    return merge_notes(note, _read(path)) if path.is_file() else note


def cosignatures(workspace: Workspace, note: str) -> list[tuple[str, datetime]]:
    """Witness and time of each cosignature that fits, by the keys kept; ProofInvalid if one of a known key does not."""
    found = [read_cosignature(note, key) for key in _known_keys(workspace)]
    return [(one.witness, one.at) for one in found if one is not None]


def _known_keys(workspace: Workspace) -> list[WitnessKey]:
    path = workspace.path("checkpoints", KEYS_FILE)
    return [parse_witness_key(line) for line in _read(path).splitlines() if line] if path.is_file() else []


def _keep_key(workspace: Workspace, key: WitnessKey) -> None:
    keys = _known_keys(workspace)
    if key not in keys:
        text = "".join(f"{one}\n" for one in [*keys, key])
        workspace.write("checkpoints", KEYS_FILE, text=text)


def _answered(workspace: Workspace, answer: str, at: datetime) -> str:
    """Our note that the answer is about: the one it carries, or the present one for bare signature lines."""
    ledger = workspace.ledger
    if "\n\n" not in answer:
        return with_cosignatures(workspace, ledger.checkpoint(now=at))
    ledger.compare(answer)  # signed by us, and still true of the ledger
    text, _ = parse_note(answer)
    bare = (
        text
        + "\n"
        + "".join(str(one) for one in parse_note(answer)[1] if one.key_id == ledger.verifier_key.id)
    )
    return with_cosignatures(workspace, bare)


def _ask(workspace: Workspace, prefix: str, note: str) -> str:
    """The signature lines that the witness answers. It tells which size it cosigned last, and asks for a proof from there."""
    signed = open_checkpoint(note, workspace.ledger.verifier_key)
    code, answer = _post(prefix, add_checkpoint_request(0, [], note))
    if code == 409:
        code, answer = _post(prefix, _from_their_size(workspace, signed, note, answer))
    match code:
        case 200:
            return answer
        case 403 | 404:
            raise InputError(
                f"the witness does not know this ledger ({code}). Send them the key in checkpoints/ledger.vkey first."
            )
        case 409 | 422:
            raise LedgerDamaged(
                f"the witness saw another history of this ledger ({code}): a fork. Run `witting ledger rebuild`, and "
                "compare with the checkpoints you kept."
            )
    raise InputError(f"the witness answered {code}. Try again later.")


def _from_their_size(workspace: Workspace, signed: Checkpoint, note: str, answer: str) -> str:
    if not answer.strip().isascii() or not answer.strip().isdigit() or len(answer) > 20:
        raise InputError(
            "the witness did not say which size it cosigned last; it does not speak tlog-witness."
        )
    theirs = int(answer)
    if theirs > signed.size:
        raise LedgerDamaged(
            f"rollback: the witness cosigned {theirs} entries, the ledger now has {signed.size}. Restore the newer database."
        )
    return add_checkpoint_request(theirs, workspace.ledger.consistency_proof(theirs, signed.size), note)


def _post(prefix: str, body: str) -> tuple[int, str]:
    request = urllib.request.Request(  # noqa: S310  # http and https only, see cosign
        f"{prefix.rstrip('/')}/add-checkpoint", data=body.encode(), headers={"Content-Type": "text/plain"}
    )
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS_MAX) as response:  # noqa: S310
            return response.status, _text(response.read(NOTE_BYTES_MAX + 1))
    except urllib.error.HTTPError as error:
        with error:
            return error.code, _text(error.read(NOTE_BYTES_MAX + 1))
    except (OSError, ValueError) as error:
        raise InputError(
            f"the witness at {prefix} cannot be reached: {_why(error)}. Try again later."
        ) from error


def _why(error: OSError | ValueError) -> str:
    """In the system's words, such as "Connection refused"."""
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, TimeoutError):
        return f"no answer within {ANSWER_SECONDS_MAX} seconds"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return "the address or what it answered is not as HTTP wants it"


def _read(path: Path) -> str:
    if not path.is_file():
        raise UsageError(f"there is no file {path}, and it is no http or https address.")
    with path.open("rb") as stream:
        return _text(stream.read(NOTE_BYTES_MAX + 1))


def _text(data: bytes) -> str:
    if len(data) > NOTE_BYTES_MAX:
        raise ProofInvalid(f"a signed note may have {NOTE_BYTES_MAX} bytes; this one has more.")
    return data.decode("utf-8", "replace")
