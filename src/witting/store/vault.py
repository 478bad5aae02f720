"""Who is who: handles from exports on one side, random subject ids everywhere else.

Covered: making subjects for handles, finding them again, refusing the erased, keeping consent evidence sealed.
Not covered: the words (sealed in parts, `intake/seal.py`), the keys (`keys.py`), deciding to erase (`erasure/`).

A handle lies here twice: as a keyed hash to find it by, and sealed under its person's key to show it to them. Once
the person is erased the sealed copy is deleted; the hash stays, because a later export that still holds the person
must be refused (admired in gdpr-officer 0.4). Without the key store nobody can test a guess against that hash.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence

import sqlalchemy as sa

from witting.errors import SubjectErased
from witting.store.database import begin_write, chunks, insert_missing
from witting.store.keys import KeyStore
from witting.store.tables import evidence, handles, subjects

_handles = handles  # where an argument has that name
SUBJECTS_PER_ROUND = 10_000  # made in one transaction


class Vault:
    def __init__(self, database: sa.Engine, keys: KeyStore) -> None:
        self._database = database
        self._keys = keys

    def subjects_for(self, handles: Sequence[str]) -> list[str]:
        """Each handle's subject id, made where there was none. Raises SubjectErased, making nobody, if one of them
        was erased: take those out first (`erased_handles`)."""
        macs = {handle: self._keys.handle_mac(handle) for handle in dict.fromkeys(handles)}
        with self._database.connect() as connection:
            known = _known(connection, list(macs.values()))
            erased = _erased(connection, list(known.values()))
        if erased:
            raise SubjectErased(
                f"{len(erased)} of these people were erased (first: subject {min(erased)}); their data is refused for "
                "good. Leave it out."
            )
        missing = [(mac, handle) for handle, mac in macs.items() if mac not in known]
        for start in range(0, len(missing), SUBJECTS_PER_ROUND):
            known |= self._make(dict(missing[start : start + SUBJECTS_PER_ROUND]))
        return [known[macs[handle]] for handle in handles]

    def find(self, handle: str) -> str | None:
        """The subject id, of an erased person too; None if nobody has this handle."""
        mac = self._keys.handle_mac(handle)
        with self._database.connect() as connection:
            return _known(connection, [mac]).get(mac)

    def whose(self, connection: sa.Connection, handles: Sequence[str]) -> tuple[dict[str, str], set[str]]:
        """In the caller's transaction: the subject id of each handle that leads to somebody living, and the handles that lead
        to somebody who was erased."""
        macs = {handle: self._keys.handle_mac(handle) for handle in dict.fromkeys(handles)}
        known = _known(connection, list(macs.values()))
        erased = _erased(connection, list(known.values()))
        found = {handle: known[mac] for handle, mac in macs.items() if mac in known}
        living = {handle: subject_id for handle, subject_id in found.items() if subject_id not in erased}
        return living, found.keys() - living.keys()

    def anew(self, handle: str) -> str:
        """A new subject for a handle that led to somebody who was erased: for a name, which somebody else may bear. One that
        leads to somebody living is left as it is. The subject id it leads to from now on."""
        mac = self._keys.handle_mac(handle)
        with begin_write(self._database, lock="vault") as connection:
            before = _known(connection, [mac]).get(mac)
            if before is not None and not _erased(connection, [before]):
                return before
            subject_id = secrets.token_hex(16)
            self._keys.add_subjects([subject_id])
            (sealed,) = self._keys.seal([subject_id], [_handle_label(subject_id)], [handle])
            row = {"handle_mac": mac, "subject_id": subject_id, "sealed_handle": sealed}
            insert_missing(connection, subjects, [{"subject_id": subject_id}])
            connection.execute(sa.delete(_handles).where(_handles.c.handle_mac == mac))
            insert_missing(connection, _handles, [row])
        return subject_id

    def alias(self, subject_id: str, handles: Sequence[str]) -> None:
        """Further handles lead to this person, too, unless they lead to somebody already. They are kept as keyed hashes
        only: nobody reads them back."""
        rows = [
            {"handle_mac": self._keys.handle_mac(handle), "subject_id": subject_id, "sealed_handle": None}
            for handle in handles
        ]
        with begin_write(self._database, lock="vault") as connection:
            insert_missing(connection, _handles, rows)

    def lead_to(self, connection: sa.Connection, before: str, subject_id: str) -> bool:
        """All handles of `before` lead to another person from now on, as further handles of theirs; in the caller's
        transaction. Whether there were any."""
        theirs = sa.update(_handles).where(_handles.c.subject_id == before)
        return connection.execute(theirs.values(subject_id=subject_id, sealed_handle=None)).rowcount > 0

    def handle_of(self, subject_id: str) -> str | None:
        """None once erased, and for an unknown id."""
        return self.handles_of([subject_id]).get(subject_id)

    def handles_of(self, subject_ids: Sequence[str]) -> dict[str, str]:
        """Subject id to handle, without the erased and unknown."""
        found: dict[str, bytes] = {}
        with self._database.connect() as connection:
            for ids in chunks(list(dict.fromkeys(subject_ids))):
                query = sa.select(handles.c.subject_id, handles.c.sealed_handle).where(
                    handles.c.subject_id.in_(ids), handles.c.sealed_handle.is_not(None)
                )
                found |= {row.subject_id: row.sealed_handle for row in connection.execute(query)}
        ids = list(found)
        opened = self._keys.open(ids, [_handle_label(i) for i in ids], list(found.values()))
        return {i: handle for i, handle in zip(ids, opened, strict=True) if handle is not None}

    def further_handles(self, subject_id: str) -> int:
        """How many handles lead to the person beside their own; what they are is not kept."""
        query = sa.select(sa.func.count()).select_from(handles)
        further = query.where(handles.c.subject_id == subject_id, handles.c.sealed_handle.is_(None))
        with self._database.connect() as connection:
            return int(connection.execute(further).scalar_one())

    def living_handles(self, prefix: str) -> Iterator[str]:
        """Those that begin so, of everybody who was not erased, opened in rounds of bounded size. Reads all of them: handles
        are sealed."""
        last = ""
        while True:
            query = sa.select(handles.c.subject_id).where(
                handles.c.subject_id > last, handles.c.sealed_handle.is_not(None)
            )
            with self._database.connect() as connection:
                ids = list(
                    connection.execute(
                        query.order_by(handles.c.subject_id).limit(SUBJECTS_PER_ROUND)
                    ).scalars()
                )
            yield from (handle for handle in self.handles_of(ids).values() if handle.startswith(prefix))
            if len(ids) < SUBJECTS_PER_ROUND:
                return
            last = ids[-1]

    def is_erased(self, subject_id: str) -> bool:
        with self._database.connect() as connection:
            return bool(_erased(connection, [subject_id]))

    def erased_handles(self, handles: Sequence[str]) -> set[str]:
        """Those of the handles whose person was erased."""
        macs = {handle: self._keys.handle_mac(handle) for handle in dict.fromkeys(handles)}
        with self._database.connect() as connection:
            known = _known(connection, list(macs.values()))
            erased = _erased(connection, list(known.values()))
        return {handle for handle, mac in macs.items() if known.get(mac) in erased}

    def mark_erased(self, subject_id: str) -> None:
        """Deletes the sealed handle and evidence; the hash of the handle stays, to refuse a late batch. Again is fine.
        The key is destroyed apart from this (`KeyStore.destroy`)."""
        of_subject = handles.c.subject_id == subject_id
        with begin_write(self._database, lock="vault") as connection:
            insert_missing(connection, subjects, [{"subject_id": subject_id}])
            unmarked = sa.update(subjects).where(
                subjects.c.subject_id == subject_id, subjects.c.erased_at.is_(None)
            )
            connection.execute(unmarked.values(erased_at=sa.func.now()))
            connection.execute(sa.update(handles).where(of_subject).values(sealed_handle=None))
            connection.execute(sa.delete(evidence).where(evidence.c.subject_id == subject_id))

    def keep_evidence(self, subject_id: str, commitment: str, evidence: bytes) -> None:
        """Keeps what a consent was given on, sealed under the person's key, by its commitment; again is fine."""
        self.keep_all_evidence([(subject_id, commitment, evidence)])

    def keep_all_evidence(self, kept: Sequence[tuple[str, str, bytes]]) -> None:
        """As `keep_evidence`, of many (subject id, commitment, evidence), in one transaction."""
        subject_ids = [subject_id for subject_id, _, _ in kept]
        labels = [_evidence_label(commitment) for _, commitment, _ in kept]
        sealed = self._keys.seal_bytes(subject_ids, labels, [value for _, _, value in kept])
        rows = [
            {"commitment": commitment, "subject_id": subject_id, "sealed": value}
            for (subject_id, commitment, _), value in zip(kept, sealed, strict=True)
        ]
        with begin_write(self._database, lock="vault") as connection:
            insert_missing(connection, evidence, rows)

    def evidence(self, subject_id: str, commitment: str) -> bytes | None:
        """None if there is none, or once the person was erased."""
        query = sa.select(evidence.c.sealed).where(
            evidence.c.commitment == commitment, evidence.c.subject_id == subject_id
        )
        with self._database.connect() as connection:
            sealed = connection.execute(query).scalar()
        if sealed is None:
            return None
        return self._keys.open_bytes([subject_id], [_evidence_label(commitment)], [sealed])[0]

    def move_evidence(self, connection: sa.Connection, before: str, after: str) -> None:
        """All evidence kept for one person is another's from now on, sealed under their key; in the caller's transaction."""
        query = sa.select(evidence.c.commitment, evidence.c.sealed).where(evidence.c.subject_id == before)
        rows = connection.execute(query).all()
        labels = [_evidence_label(row.commitment) for row in rows]
        opened = self._keys.open_bytes([before] * len(rows), labels, [row.sealed for row in rows])
        found = [
            (label, row.commitment, value) for label, row, value in zip(labels, rows, opened, strict=True)
        ]
        kept = [(label, commitment, value) for label, commitment, value in found if value is not None]
        names = [label for label, _, _ in kept]
        sealed = self._keys.seal_bytes([after] * len(kept), names, [value for _, _, value in kept])
        for (_, commitment, _), value in zip(kept, sealed, strict=True):
            row = sa.update(evidence).where(evidence.c.commitment == commitment)
            connection.execute(row.values(subject_id=after, sealed=value))

    def _make(self, missing: dict[str, str]) -> dict[str, str]:
        """Subjects for handles by MAC. Keys are made before the rows: a crash between leaves a key nobody uses."""
        with begin_write(self._database, lock="vault") as connection:
            known = _known(connection, list(missing))  # another process may have made some of them
            fresh = {mac: secrets.token_hex(16) for mac in missing if mac not in known}
            ids = list(fresh.values())
            self._keys.add_subjects(ids)
            sealed = self._keys.seal(ids, [_handle_label(i) for i in ids], [missing[mac] for mac in fresh])
            rows = [
                {"handle_mac": mac, "subject_id": subject_id, "sealed_handle": value}
                for (mac, subject_id), value in zip(fresh.items(), sealed, strict=True)
            ]
            insert_missing(connection, subjects, [{"subject_id": subject_id} for subject_id in ids])
            insert_missing(connection, handles, rows)
        return known | fresh


def _handle_label(subject_id: str) -> str:
    return f"handle:{subject_id}"


def _evidence_label(commitment: str) -> str:
    return f"evidence:{commitment}"


def _known(connection: sa.Connection, macs: Sequence[str]) -> dict[str, str]:
    """MAC to subject id, of those that have one."""
    known: dict[str, str] = {}
    for some in chunks(macs):
        query = sa.select(handles.c.handle_mac, handles.c.subject_id).where(handles.c.handle_mac.in_(some))
        known |= {row.handle_mac: row.subject_id for row in connection.execute(query)}
    return known


def _erased(connection: sa.Connection, subject_ids: Sequence[str]) -> set[str]:
    erased: set[str] = set()
    for some in chunks(subject_ids):
        query = sa.select(subjects.c.subject_id).where(
            subjects.c.subject_id.in_(some), subjects.c.erased_at.is_not(None)
        )
        erased |= set(connection.execute(query).scalars())
    return erased
