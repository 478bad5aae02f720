from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pytest
import sqlalchemy as sa

from witting.errors import SubjectErased
from witting.store.keys import NONCE_BYTES, SUBJECTS, KeyStore
from witting.store.objects import Objects
from witting.store.parts import read_part, write_part
from witting.store.tables import evidence as evidence_table
from witting.store.tables import handles as handles_table
from witting.store.vault import Vault

PEOPLE = ["whatsapp:Ana Souza", "whatsapp:Li Wei", "messenger:Ana Souza"]
MAKE = """
import sys
from pathlib import Path
from witting.store.database import open_database
from witting.store.keys import KeyStore
from witting.store.vault import Vault
url, root = sys.argv[1:]
vault = Vault(open_database(url, root=Path(root)), KeyStore(Path(root) / "keys"))
print("ready", flush=True)
sys.stdin.readline()
print(vault.subjects_for([f"whatsapp:{n}" for n in range(300)]))
"""


@pytest.fixture
def vault(database: sa.Engine, keys: KeyStore) -> Vault:
    return Vault(database, keys)


def test_each_handle_gets_a_random_subject_with_a_key_and_keeps_it(vault: Vault, keys: KeyStore) -> None:
    first = vault.subjects_for([*PEOPLE, PEOPLE[0]])
    assert len(set(first)) == 3
    assert first[0] == first[3]
    assert all(len(subject_id) == 32 and keys.has(subject_id) for subject_id in first)
    assert vault.subjects_for(PEOPLE[::-1]) == first[2::-1]
    assert vault.subjects_for([]) == []


def test_handles_and_subjects_are_found_from_each_other(vault: Vault) -> None:
    subject_ids = vault.subjects_for(PEOPLE)
    assert [vault.find(handle) for handle in PEOPLE] == subject_ids
    assert vault.find("whatsapp:Nobody") is None
    assert vault.handle_of(subject_ids[1]) == PEOPLE[1]
    assert vault.handle_of("0" * 32) is None
    assert vault.handles_of([*subject_ids, "0" * 32, subject_ids[0]]) == dict(
        zip(subject_ids, PEOPLE, strict=True)
    )


def test_thousands_of_people_are_made_and_found_in_bulk(vault: Vault) -> None:
    people = [f"whatsapp:{n}" for n in range(2_500)]
    subject_ids = vault.subjects_for(people)
    assert vault.subjects_for(people[::2]) == subject_ids[::2]
    assert vault.handles_of(subject_ids) == dict(zip(subject_ids, people, strict=True))
    assert vault.erased_handles(people) == set()


def test_two_processes_that_meet_the_same_people_agree_who_they_are(
    vault: Vault, database_url: str, tmp_path: Path
) -> None:
    pair = [
        subprocess.Popen(
            [sys.executable, "-c", MAKE, database_url, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in pair:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in pair:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    one, two = (process.communicate()[0] for process in pair)
    assert one == two
    assert len(one) > 300 * 32


def test_an_erased_person_stays_known_only_to_be_refused(
    vault: Vault, keys: KeyStore, database: sa.Engine
) -> None:
    ana, li, _ = vault.subjects_for(PEOPLE)
    vault.mark_erased(ana)
    vault.mark_erased(ana)
    keys.destroy(ana)
    assert (vault.is_erased(ana), vault.is_erased(li), vault.is_erased("0" * 32)) == (True, False, False)
    assert vault.find(PEOPLE[0]) == ana
    assert vault.handle_of(ana) is None
    assert vault.handles_of([ana, li]) == {li: PEOPLE[1]}
    assert vault.erased_handles([*PEOPLE, "whatsapp:Nobody"]) == {PEOPLE[0]}
    with database.connect() as connection:
        query = sa.select(handles_table.c.sealed_handle).where(handles_table.c.subject_id == ana)
        assert connection.execute(query).scalars().all() == [None]


def test_a_late_batch_of_an_erased_person_is_refused_and_makes_nobody(vault: Vault, keys: KeyStore) -> None:
    (ana,) = vault.subjects_for(PEOPLE[:1])
    vault.mark_erased(ana)
    with pytest.raises(SubjectErased, match=f"subject {ana}") as raised:
        vault.subjects_for(["whatsapp:Newcomer", PEOPLE[0]])
    assert "Ana" not in str(raised.value)
    assert vault.find("whatsapp:Newcomer") is None
    late = [
        handle for handle in ["whatsapp:Newcomer", PEOPLE[0]] if handle not in vault.erased_handles(PEOPLE)
    ]
    assert len(vault.subjects_for(late)) == 1


def test_a_handle_whose_key_is_destroyed_does_not_open_even_before_it_is_marked(
    vault: Vault, keys: KeyStore
) -> None:
    (ana,) = vault.subjects_for(PEOPLE[:1])
    keys.destroy(ana)
    assert vault.handle_of(ana) is None


def test_an_id_unknown_here_can_be_marked_erased(vault: Vault) -> None:
    vault.mark_erased("0" * 32)
    assert vault.is_erased("0" * 32)


def test_evidence_is_kept_sealed_and_goes_with_its_person(
    vault: Vault, keys: KeyStore, database: sa.Engine
) -> None:
    ana, li, _ = vault.subjects_for(PEOPLE)
    vault.keep_evidence(ana, "c1", b'{"action":"tap"}\xff')
    vault.keep_evidence(ana, "c1", b"a second time changes nothing")
    vault.keep_evidence(li, "c2", b"")
    assert vault.evidence(ana, "c1") == b'{"action":"tap"}\xff'
    assert vault.evidence(li, "c2") == b""
    assert vault.evidence(li, "c1") is None
    assert vault.evidence(ana, "c9") is None
    vault.mark_erased(ana)
    keys.destroy(ana)
    assert vault.evidence(ana, "c1") is None
    assert vault.evidence(li, "c2") == b""
    with database.connect() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(evidence_table)).scalar() == 1
    with pytest.raises(SubjectErased):
        vault.keep_evidence(ana, "c3", b"late")


def test_no_name_lies_in_the_clear_in_any_file(vault: Vault, tmp_path: Path) -> None:
    subject_ids = vault.subjects_for(PEOPLE)
    vault.keep_evidence(subject_ids[0], "c1", b"canary evidence")
    files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert any(subject_ids[0].encode() in data for data in files)
    assert not any(word in data for data in files for word in (b"Souza", b"Li Wei", b"canary"))


def test_erasing_one_of_300_people_leaves_their_key_and_words_in_no_file_and_no_backup(
    vault: Vault, keys: KeyStore, objects: Objects, tmp_path: Path
) -> None:
    people = [f"whatsapp:person {n}" for n in range(300)]
    subject_ids = vault.subjects_for(people)
    row_ids = [keys.row_id(handle) for handle in people]
    words = [f"the canary of number {n}" for n in range(300)]
    turns = pa.table({"row_id": row_ids, "text_sealed": keys.seal(subject_ids, row_ids, words)})
    part = write_part(objects, turns, folder="turns", shard=0)
    backup = tmp_path / "backup"
    backup.mkdir()
    shutil.copytree(tmp_path / "objects", backup / "objects")
    raw = raw_key(keys, subject_ids[7])

    keys.destroy(subject_ids[7])
    vault.mark_erased(subject_ids[7])

    sealed = read_part(Objects(str(backup / "objects")), part)["text_sealed"].to_pylist()
    decoded = [value for value in sealed if value]  # Parquet compresses; look inside as well
    everything = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()] + decoded
    assert any(subject_ids[7].encode() in data for data in everything)  # the search does see
    needles = [raw, raw.hex().encode(), b"the canary of", b"whatsapp:person"]
    assert not any(needle in data for data in everything for needle in needles)
    assert keys.open(subject_ids, row_ids, sealed) == [*words[:7], None, *words[8:]]
    with pytest.raises(SubjectErased):
        vault.subjects_for(people[7:8])


def raw_key(keys: KeyStore, subject_id: str) -> bytes:
    """The person's key as it is in memory while in use: never written anywhere."""
    with closing(sqlite3.connect(keys.folder / SUBJECTS)) as connection:
        query = "SELECT wrapped FROM subject_keys WHERE subject_id = ?"
        (wrapped,) = connection.execute(query, [subject_id]).fetchone()
    return keys._wrapping.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], subject_id.encode())
