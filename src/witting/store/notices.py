"""The notice store: the exact text of every notice, by its SHA-256.

Covered: keeping a text, giving it back, saying whether it is held. Not covered: who was shown it (the ledger's `notice`
events), what it must say (`rights/notice`). A notice is public and holds nobody's data, so it is not sealed and no erasure
touches it: it must outlast the last consent that was given on it (GDPR Art. 7(1)).
"""

from __future__ import annotations

import hashlib
import re

from witting.errors import ObjectDamaged
from witting.store.objects import Objects

SHA256 = re.compile(r"[0-9a-f]{64}")


class Notices:
    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._seen: set[str] = set()  # read and found whole: a million consents name a handful of notices

    def keep(self, text: str) -> str:
        """Its SHA-256, of the UTF-8 bytes. Again is fine."""
        data = text.encode()
        digest = hashlib.sha256(data).hexdigest()
        self._objects.create(_key(digest), data)
        return digest

    def text(self, sha256: str) -> str | None:
        """None if there is none. Raises ObjectDamaged where the bytes are not those that were kept."""
        if not SHA256.fullmatch(sha256):
            return None
        try:
            data = self._objects.read(_key(sha256))
        except KeyError:
            return None
        if hashlib.sha256(data).hexdigest() != sha256:
            raise ObjectDamaged(
                f"the notice {sha256} is not the text that was kept. Restore it from a backup."
            )
        return data.decode()

    def holds(self, sha256: str) -> bool:
        """For `evidence.judge(..., notices=...)`."""
        digest = sha256.lower()
        if digest not in self._seen and self.text(digest) is not None:
            self._seen.add(digest)
        return digest in self._seen


def _key(sha256: str) -> str:
    return f"notices/{sha256}.txt"
