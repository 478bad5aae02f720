"""The whole house in one file: from sixty people's exports to an adapter, and one of them taken out again.

    python examples/walk.py [FOLDER]

Every verb below is a room; `witting run` and `witting erase` do the same with resuming and a lock.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from witting.ledger.verify import verify_file
from witting.walk import alone
from witting.walk.admit import admit
from witting.walk.audit import audit
from witting.walk.commit import commit
from witting.walk.curate import curate
from witting.walk.decide import decide
from witting.walk.erase import erase
from witting.walk.redact import redact
from witting.walk.release import release
from witting.walk.report import report
from witting.walk.retain import retain
from witting.walk.train import train
from witting.workspace import Workspace

QUICKSTART = Path(__file__).parent / "quickstart"


def main(root: Path) -> None:
    """Walk a fresh copy of the quickstart in `root`."""
    for name in ("inbox", "rights.jsonl", "witting.toml"):
        source = QUICKSTART / name
        shutil.copytree(source, root / name) if source.is_dir() else shutil.copy(source, root / name)
    workspace = Workspace.create(root)
    with alone(workspace, tell=lambda what, done, total: None, now=datetime.now(UTC)) as step:
        step.results["intake"] = admit(step)  # exports in; words sealed under each person's key
        step.results["rights"] = decide(step)  # who agreed, under which law, as of then and now
        step.results["retention"] = retain(step)  # what no door opens to is deleted in time
        step.results["redaction"] = redact(step)  # only permitted words are opened, and replaced
        step.results["curation"] = curate(step)  # examples, each of one person
        step.results["corpus"] = commit(step)  # an immutable version, with canaries among it
        step.results["training"] = train(step)  # one adapter a shard, and their merge
        step.results["audit"] = audit(step)  # would it repeat what somebody told it?
        step.results["release"] = release(step)  # the gate
        step.results["reports"] = report(step)
        print([(row["stage"], row["read"], row["kept"]) for row in step.funnel()])
        print("gate open:", step.results["release"]["open"], "for", step.results["release"]["audience"])

        person = workspace.vault.find("open_webui:hannah")
        done = erase(step, "open_webui:hannah", person)  # the way back: key, rows, one shard, certificate
    checks = verify_file(Path(done["path"]), verifier_key=None, old_checkpoint=None)
    print("certificate holds:", all(check.ok for check in checks))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp()))
