"""A workspace: one folder that holds config, database, objects, keys and ledger. The only place where they meet.

Covers: making one, opening one, holding it for one walk at a time. Not covered: what is done with it (`walk/`).
Everything is opened on first use, so that a command that only reads the config opens no database.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from witting.config import CONFIG_NAME, Settings, read_settings
from witting.errors import ConfigError, KeyStoreError, StoreError, UsageError

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from witting.engine.local import LocalEngine
    from witting.ledger import Ledger
    from witting.rights.policy import Packs
    from witting.store.keys import KeyStore
    from witting.store.notices import Notices
    from witting.store.objects import Objects
    from witting.store.parts import Snapshots
    from witting.store.projections import Projections
    from witting.store.spool import Spool
    from witting.store.vault import Vault

FOLDERS = ("inbox", "reports", "audits", "releases", "certificates", "receipts", "checkpoints")
KEY_NAME = "ledger.vkey"
STARTING_CONFIG = """\
# What this workspace does. Every setting is optional; docs/configuration.md has them all.
controller = "(who answers for this processing)"

[intake]
sources = ["inbox"]         # files dropped here are sealed into the vault, then deleted

[rights]
# log = "rights.jsonl"      # consents, refusals, withdrawals, places, ages: docs/formats/rights-events.md
purpose = "fine_tune_own_model"

[gate]
profile = "routine"         # strict, routine or trial
"""


class Workspace:
    """Opens what lies under `root`, each part once, when it is first asked for."""

    def __init__(self, root: Path, settings: Settings, *, begins: bool = False) -> None:
        """`begins`: it is made just now, so that there may be no database yet."""
        self.root = root
        self.settings = settings
        self._begins = begins

    @classmethod
    def create(cls, root: Path) -> Workspace:
        """A new workspace, or the missing parts of one: a config, keys and an empty ledger. Nothing is overwritten."""
        from witting.store.keys import KeyStore

        root.mkdir(parents=True, exist_ok=True)
        config = root / CONFIG_NAME
        if not config.exists():
            config.write_text(STARTING_CONFIG, "utf-8")
        settings, begins = read_settings(root), not (root / "keys").exists()
        for name in FOLDERS:
            (root / name).mkdir(exist_ok=True)
        if not (root / "keys").exists():
            if (root / "witting.db").exists():
                raise KeyStoreError(
                    f"{root / 'keys'} is missing beside a database that was made with it; new keys open nothing there. "
                    "Restore it from its backup, or make a workspace elsewhere."
                )
            KeyStore.create(root / "keys")
        workspace = cls(root, settings, begins=begins)
        key = root / "checkpoints" / KEY_NAME  # to hand out: whoever has it can check what this ledger signs
        key.write_text(f"{workspace.ledger.verifier_key}\n", "utf-8")
        return workspace

    @classmethod
    def open(cls, root: Path) -> Workspace:
        """The workspace at `root`. Raises NotAWorkspace, ConfigError."""
        settings = read_settings(root)
        _check_tiles(root, settings)
        return cls(root, settings)

    @cached_property
    def database(self) -> Engine:
        from witting.store.database import is_missing, open_database

        known = self.path("checkpoints", KEY_NAME).is_file() and not self._begins
        if known and is_missing(self.settings.database, root=self.root):
            raise StoreError(
                f"the database of {self.root} is missing or empty, and this workspace has had a ledger. Restore it from its "
                "backup. To begin another ledger, make a workspace elsewhere."
            )
        return open_database(self.settings.database, root=self.root)

    @cached_property
    def objects(self) -> Objects:
        from witting.store.objects import Objects

        url = self.settings.objects
        return Objects(url if "://" in url else str(self.root / url))

    @cached_property
    def notices(self) -> Notices:
        from witting.store.notices import Notices

        return Notices(self.objects)

    @cached_property
    def keys(self) -> KeyStore:
        from witting.store.keys import KeyStore

        return KeyStore(self.root / "keys")

    @cached_property
    def vault(self) -> Vault:
        from witting.store.vault import Vault

        return Vault(self.database, self.keys)

    @cached_property
    def spool(self) -> Spool:
        from witting.store.spool import Spool

        return Spool(self.database, self.keys, self.vault)

    @cached_property
    def projections(self) -> Projections:
        from witting.store.projections import Projections

        return Projections(self.database)

    @cached_property
    def ledger(self) -> Ledger:
        from witting.ledger import Ledger

        signer = self.keys.signer()
        name = hashlib.sha256(signer.public_key().public_bytes_raw()).hexdigest()[:16]
        ledger = Ledger(
            self.database,
            signer,
            origin=f"witting.ledger/{name}",
            fold=self.projections.fold,
            publish=self._publish,
        )
        self.projections.catch_up(ledger)  # a rebuild that was killed goes on here; else one cheap question
        return ledger

    def _publish(self, ledger: Ledger, note: str) -> None:
        """Each signed checkpoint as tiles, where the config names a folder for them."""
        from witting.ledger.tiles import publish

        settings = self.settings.ledger
        if settings.tiles is not None:
            publish(ledger, note, folder=self.path(settings.tiles), entries=settings.tiles_entries)

    @cached_property
    def snapshots(self) -> Snapshots:
        from witting.store.parts import Snapshots

        return Snapshots(self.database, self.objects)

    @cached_property
    def packs(self) -> Packs:
        from witting.rights.policy import load_packs

        return load_packs([self.root / name for name in self.settings.rights.packs])

    def engine(self) -> LocalEngine:
        """A fresh engine; use it in a `with`."""
        from witting.engine.local import LocalEngine

        return LocalEngine(self.objects, workers=self.settings.workers)

    def path(self, *names: str) -> Path:
        """A path inside the workspace."""
        return self.root.joinpath(*names)

    def write(self, *names: str, text: str) -> Path:
        """A file inside the workspace, written beside, made durable, then named: a reader, or whoever goes on after a
        crash, sees the old file or the new one, whole; so it is when several write it at once."""
        path = self.path(*names)
        beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
        with beside.open("w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(path)
        return path

    def sources(self) -> Sequence[Path]:
        """The files and folders that intake reads, in a fixed order; a folder gives what lies directly in it."""
        found: list[Path] = []
        for name in self.settings.intake.sources:
            place = self.root / name
            found += (
                sorted(p for p in place.iterdir() if not p.name.startswith("."))
                if place.is_dir()
                else [place]
            )
        return found

    @contextmanager
    def held(self) -> Iterator[None]:
        """Only one process at a time changes a workspace. Raises UsageError when another one does."""
        lock = self.root / ".lock"
        with lock.open("a") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UsageError(
                    f"another process is working on {self.root}. Wait until it has ended, then run this again."
                ) from None
            stream.truncate(0)
            stream.write(str(os.getpid()))
            stream.flush()
            yield


def _check_tiles(root: Path, settings: Settings) -> None:
    """Before anything is sealed that could not be published, and before a web server hands out what is no tile."""
    named = settings.ledger.tiles
    if named is None:
        return
    from witting.ledger.tiles import refuse_other_folder

    folder, home = (root / named).resolve(), root.resolve()
    own = [home / name for name in ("keys", *FOLDERS, *settings.intake.sources)]
    own += [] if "://" in settings.objects else [home / settings.objects]
    if home.is_relative_to(folder) or any(folder.is_relative_to(place.resolve()) for place in own):
        raise ConfigError(
            f"{root / CONFIG_NAME}: ledger.tiles names {named!r}, where the workspace keeps its own; what lies there would be "
            "handed out. Name a folder for the tiles alone."
        )
    try:
        refuse_other_folder(root / named)
    except UsageError as error:
        raise ConfigError(f"{root / CONFIG_NAME}: ledger.tiles: {error}") from None
