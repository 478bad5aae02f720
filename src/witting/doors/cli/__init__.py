"""`witting`: every command by its import path, so that `--help` imports none of them.

Covers: the tree of commands, exit codes, what happens to an error. Not covered: what a command does (one file a verb).
Exit codes: 0 done, 1 failed or gate shut, 2 bad usage.
"""

from __future__ import annotations

import errno
import io
import json
import os
import sys
import warnings
from collections.abc import Sequence

from cyclopts import App, CycloptsError

from witting import __version__
from witting.doors.fault import log_fault
from witting.errors import WittingError

HERE = "witting.doors.cli"
COMMANDS = (
    ("init", "workspace:init", "Make a workspace: config, keys and an empty ledger."),
    ("run", "run:run", "The whole walk: exports to a released (or refused) adapter, and report.html."),
    ("intake", "intake:APP", "Read exports and say what was read, what was skipped and why."),
    ("rights", None, "Consents, objections, withdrawals, and what they open."),
    ("redact", "redact:redact", "Find what identifies or exposes a person, and replace it."),
    ("corpus", None, "Versions of the training data: list, show, diff, explain, verify, export."),
    ("train", "run:train", "Walk to trained adapters."),
    (
        "evaluate",
        "run:evaluate",
        "Walk to adapters and say whether they help people they were not trained on.",
    ),
    ("audit", "run:audit", "Walk to the audit: would the model repeat what somebody told it?"),
    ("release", "run:release", "Walk to the gate, and say whether it opened."),
    ("chat", "chat:chat", "Talk with the released adapter, behind the guard."),
    ("serve", "serve:serve", "Receive live events over HTTP, for the next walk."),
    ("consume", "consume:consume", "Receive live events from Kafka, for the next walk."),
    ("ledger", None, "Checkpoints and proofs of what happened."),
    ("erase", "erase:erase", "Erase a person from data, corpora and adapters, with a certificate."),
    ("report", None, "Reports computed from ledger and manifests."),
    ("verify", "verify:verify", "Check a certificate, receipt, checkpoint or release."),
    ("doctor", "workspace:doctor", "What is installed, reachable and writable, and what to do."),
)
GROUPS = {
    "rights": (
        ("record", "rights:record", "Record a log of rights events (JSONL)."),
        ("import", "consentml:import_", "Take over the revocations and runs of a consentml store."),
        ("object", "rights:object_", "Record an objection: no reason needed."),
        ("withdraw", "rights:withdraw", "Record a withdrawal of consent."),
        ("receipt", "receipt:receipt", "What a person said, signed and proven, to give to them."),
        ("standing", "rights:standing", "What a person has said, and what it opens now."),
        (
            "judge",
            "rights:judge",
            "Is this consent informed? Judges an evidence record, or the screen that asks.",
        ),
        (
            "notice",
            "notice:notice",
            "The text that asks for a consent, in twelve languages, from one file of facts.",
        ),
        ("probe", "assess:probe", "Try the form that objects, as somebody unknown would."),
        ("assess", "assess:assess", "May legitimate interest open anything? Every safeguard by its proof."),
        ("decide", "decide:decide", "Decide turns in bulk from Parquet, without a workspace."),
        ("explain", "rights:explain", "Why one turn may or may not be used."),
        ("due", "due:due", "Which requests are late or soon due, by the shortest law that applies."),
        ("access", "access:access", "The copy of everything held about a person, to give to them."),
        ("answer", "answer:answer", "Record what was answered to a request."),
        ("link", "link:link", "Say whose account an e-mail address or a phone number leads to."),
        ("whatif", "whatif:whatif", "What would fall if the law, or what we ask, were another."),
        ("packs", "packs:packs", "The rules of each place, their status, and who checked them."),
    ),
    "corpus": (
        ("build", "run:build", "Walk to a committed corpus."),
        ("list", "corpus:list_", "All versions, newest first."),
        ("show", "corpus:show_", "One version's manifest."),
        ("diff", "corpus:diff", "What entered and what left between two versions."),
        ("explain", "corpus:explain", "What of a person, or of one turn, is in a version, and why not."),
        ("verify", "corpus:verify", "Prove every row of a version against the ledger."),
        ("export", "corpus:export", "Write a version for other trainers; never the canaries."),
    ),
    "ledger": (
        ("checkpoint", "ledger:checkpoint", "Sign the ledger's present size and root."),
        ("cosign", "cosign:cosign", "Have a witness outside cosign the checkpoint."),
        ("proof", "ledger:proof", "Prove that an entry is in the ledger."),
        ("rebuild", "ledger:rebuild", "Verify every entry and rebuild what is derived from them."),
        ("tiles", "watch:tiles", "Write the tree as files that any web server can hand out."),
        ("watch", "watch:watch", "Find a fork or a rollback with checkpoints kept outside."),
    ),
    "report": (("run", "report:run_", "Write report.html of the last walk again."),),
}


def build_app() -> App:
    """The tree of commands; nothing behind it is imported yet."""
    app = App(
        name="witting",
        help="Turn people's conversations into training data and a better model, only as far as they knowingly agreed.",
        version=__version__,
        help_format="plaintext",
        suppress_keyboard_interrupt=False,
    )
    for name, target, sentence in COMMANDS:
        if target is not None:
            app.command(f"{HERE}.{target}", name=name, help=sentence)
            continue
        group = App(name=name, help=sentence, help_format="plaintext")
        for verb, path, does in GROUPS[name]:
            group.command(f"{HERE}.{path}", name=verb, help=does)
        app.command(group)
    return app


def main(tokens: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code (the console script exits with it)."""
    words = list(sys.argv[1:] if tokens is None else tokens)
    _settle_process()
    try:
        code = build_app()(words, exit_on_error=False, result_action="return_value")
        return code if isinstance(code, int) else 0
    except CycloptsError:
        return 2  # already printed, with the usage
    except WittingError as error:
        return _say(words, type(error).__name__, str(error), error.exit_code)
    except KeyboardInterrupt:
        return _say(words, "Stopped", _stopped(words), 1)
    except BrokenPipeError:
        return 1  # the reader went away; there is nobody to tell
    except OSError as error:
        if error.errno == errno.ENOSPC:
            return _say(words, "DiskFull", "the disk is full. Nothing was lost; free space and run again.", 1)
        return _say(
            words, type(error).__name__, f"{error.strerror or 'input or output failed'}: {error.filename}", 1
        )
    except (
        Exception
    ) as error:  # a door: the fault is named by an id, never by its message, which may hold words
        fault = log_fault(error)
        return _say(
            words, "Fault", f"something failed that should not ({type(error).__name__}, fault {fault}).", 1
        )


def _stopped(words: Sequence[str]) -> str:
    if words[:2] == ["intake", "preview"] or "--dry-run" in words:
        return "stopped. Nothing was stored, and none of the files asked for was written."
    return "stopped. What was committed is kept; run the same command to go on."


def _settle_process() -> None:
    """What this process asks of the libraries under it, before any is imported; what the caller set stays.

    Waiting threads sleep instead of spinning: beside other work on the same cores a training step took a sixth of the
    time, alone it costs a twentieth (measured on two cores). Their progress bars and notices would tear ours.
    """
    for stream in (sys.stdout, sys.stderr):  # what a terminal cannot show is written out, not a fault
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("TQDM_DISABLE", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"(torch|transformers|peft)\.")


def _say(words: Sequence[str], kind: str, message: str, code: int) -> int:
    if "--json" in words:
        print(json.dumps({"error": {"kind": kind, "message": message}}, ensure_ascii=False))
    print(f"witting: {message}", file=sys.stderr)
    return code
