from __future__ import annotations

import multiprocessing
import pickle
import random
import secrets
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from witting.errors import KeyStoreError, SubjectErased
from witting.store import keys as keys_module
from witting.store.keys import MASTER, NONCE_BYTES, SIGNING, SUBJECTS, KeyStore


def ids(count: int, seed: int = 0) -> list[str]:
    return [random.Random(f"{seed}/{n}").randbytes(16).hex() for n in range(count)]


def wrapped_and_raw(keys: KeyStore, subject_id: str) -> tuple[bytes, bytes]:
    """The key's bytes as they lie on disk, and as they are in memory while in use."""
    with closing(sqlite3.connect(keys.folder / SUBJECTS)) as connection:
        (wrapped,) = connection.execute(
            "SELECT wrapped FROM subject_keys WHERE subject_id = ?", [subject_id]
        ).fetchone()
    wrapping = AESGCM(keys._derive("subject-keys"))
    return wrapped, wrapping.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], subject_id.encode())


def files_with(folder: Path, *needles: bytes) -> list[str]:
    spelled = [spelling for needle in needles for spelling in (needle, needle.hex().encode())]
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path.name for path in files if any(spelling in path.read_bytes() for spelling in spelled)]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> KeyStore:
    keys = KeyStore.create(tmp_path_factory.mktemp("shared") / "keys")
    keys.add_subjects(["a", "b", "gone"])
    keys.destroy("gone")
    return keys


TEXTS = st.none() | st.text(st.characters(codec=None), max_size=40)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.text(max_size=8), TEXTS), max_size=20))
def test_what_was_sealed_opens_to_the_very_same_text(shared: KeyStore, rows: list[tuple]) -> None:
    subject_ids, row_ids, texts = ([row[n] for row in rows] for n in range(3))
    sealed = shared.seal(subject_ids, row_ids, texts)
    assert shared.open(subject_ids, row_ids, sealed) == texts
    assert [s is None for s in sealed] == [t is None for t in texts]
    assert all(
        len(s) == 28 + len(t.encode("utf-8", "surrogatepass"))
        for s, t in zip(sealed, texts, strict=True)
        if s
    )


@given(st.data())
def test_a_changed_byte_a_wrong_row_or_a_wrong_person_never_opens(
    shared: KeyStore, data: st.DataObject
) -> None:
    (sealed,) = shared.seal(["a"], ["row-7"], ["the words"])
    assert sealed is not None
    place = data.draw(st.integers(0, len(sealed) - 1))
    changed = sealed[:place] + bytes([sealed[place] ^ data.draw(st.integers(1, 255))]) + sealed[place + 1 :]
    shorter = sealed[: data.draw(st.integers(0, len(sealed) - 1))]
    for subject, row, value in [
        ("a", "row-7", changed),
        ("a", "row-7", shorter),
        ("a", "r", sealed),
        ("b", "row-7", sealed),
    ]:
        with pytest.raises(KeyStoreError) as raised:
            shared.open([subject], [row], [value])
        assert row in str(raised.value)
        assert "words" not in str(raised.value)


def test_the_same_text_is_sealed_differently_each_time(shared: KeyStore) -> None:
    assert len(set(shared.seal(["a"] * 50, ["row"] * 50, ["yes"] * 50))) == 50


def test_bulk_calls_longer_than_a_round_keep_their_order(
    shared: KeyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys_module, "ROWS_PER_ROUND", 7)
    subject_ids = random.Random(1).choices("ab", k=100)
    row_ids = [f"row-{n}" for n in range(100)]
    texts = [None if n % 9 == 0 else f"text {n}" for n in range(100)]
    assert shared.open(subject_ids, row_ids, shared.seal(subject_ids, row_ids, texts)) == texts


def test_more_people_than_the_cache_holds_are_served_all_the_same(
    keys: KeyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys_module, "CACHED_KEYS_MAX", 5)
    people = ids(3_000)
    keys.add_subjects(people)
    sealed = keys.seal(people, people, people)
    assert keys.open(people, people, sealed) == people
    assert len(keys._cache) == 5


def test_sequences_of_different_lengths_are_refused(shared: KeyStore) -> None:
    with pytest.raises(ValueError, match="different lengths"):
        shared.seal(["a"], ["1", "2"], ["x", "y"])
    with pytest.raises(ValueError, match="different lengths"):
        shared.open(["a"], ["1"], [])


def test_nobody_elses_key_is_used_for_an_unknown_person(shared: KeyStore) -> None:
    with pytest.raises(KeyStoreError, match="add_subjects comes first"):
        shared.seal(["nobody"], ["row"], ["text"])
    with pytest.raises(KeyStoreError, match="add_subjects comes first"):
        shared.open(["nobody"], ["row"], [b"x" * 40])


def test_quarantined_records_open_only_under_their_own_id(shared: KeyStore) -> None:
    records = [b"{broken", b"", b"\xff\xfe"]
    sealed = shared.seal_quarantined(["q1", "q2", "q3"], records)
    assert shared.open_quarantined(["q1", "q2", "q3"], sealed) == records
    with pytest.raises(KeyStoreError, match="q2"):
        shared.open_quarantined(["q2"], sealed[:1])


# -- destroying -------------------------------------------------------------------------------------------------------


def test_after_destroying_one_of_300_keys_no_byte_of_it_is_left_in_any_file(keys: KeyStore) -> None:
    people = ids(300)
    keys.add_subjects(people)
    sealed = keys.seal(people, people, ["canary"] * 300)
    wrapped, raw = wrapped_and_raw(keys, people[123])
    assert files_with(keys.folder, wrapped) == [SUBJECTS]
    assert files_with(keys.folder, raw) == []
    keys.destroy(people[123])
    assert files_with(keys.folder, wrapped, raw) == []
    assert not keys.has(people[123])
    assert keys.open(people, people, sealed) == ["canary" if n != 123 else None for n in range(300)]


def test_no_destroyed_key_survives_a_long_life_of_joining_and_leaving(keys: KeyStore) -> None:
    rng = random.Random(7)
    living: list[str] = []
    destroyed: list[bytes] = []
    for number in range(40):
        joined = ids(rng.randrange(1, 200), seed=number + 1)
        keys.add_subjects(joined)
        living += joined
        leaver = living.pop(rng.randrange(len(living)))
        destroyed += wrapped_and_raw(keys, leaver)
        keys.destroy(leaver)
    assert files_with(keys.folder, *destroyed) == []
    assert keys.open(living, living, keys.seal(living, living, living)) == living


def test_a_copy_of_a_destroyed_key_lying_in_the_folder_is_reported(keys: KeyStore) -> None:
    keys.add_subjects(["a"])
    shutil.copy(keys.folder / SUBJECTS, keys.folder / "subjects.db.old")
    with pytest.raises(KeyStoreError, match=r"subjects\.db\.old.*delete that copy"):
        keys.destroy("a")
    assert not keys.has("a")


def test_a_destroyed_key_is_remembered_and_never_made_again(keys: KeyStore) -> None:
    keys.add_subjects(["a", "b"])
    keys.destroy("a")
    keys.destroy("a")
    with pytest.raises(SubjectErased, match="subject a"):
        keys.add_subjects(["c", "a"])
    assert (keys.has("a"), keys.has("b"), keys.has("c")) == (False, True, False)
    with pytest.raises(SubjectErased, match="subject a"):
        keys.seal(["b", "a"], ["1", "2"], ["x", "y"])
    with pytest.raises(SubjectErased, match="subject a"):
        keys.surrogate_key("a")


def test_a_person_who_never_had_a_key_can_be_refused_for_good_too(keys: KeyStore) -> None:
    keys.destroy("never seen")
    with pytest.raises(SubjectErased):
        keys.add_subjects(["never seen"])


def test_adding_again_keeps_the_key(keys: KeyStore) -> None:
    keys.add_subjects(["a", "a"])
    sealed = keys.seal(["a"], ["row"], ["text"])
    keys.add_subjects(["a", "b"])
    assert keys.open(["a"], ["row"], sealed) == ["text"]


@pytest.mark.parametrize("subject_id", ["", "x" * 65])
def test_a_subject_id_outside_its_limits_is_refused(keys: KeyStore, subject_id: str) -> None:
    with pytest.raises(KeyStoreError, match="1 to 64 characters"):
        keys.add_subjects([subject_id])


def test_a_key_destroyed_through_one_store_is_gone_from_the_cache_of_another(keys: KeyStore) -> None:
    keys.add_subjects(["a"])
    other = KeyStore(keys.folder)
    sealed = other.seal(["a"], ["row"], ["text"])
    assert other.open(["a"], ["row"], sealed) == ["text"]
    keys.destroy("a")
    assert other.open(["a"], ["row"], sealed) == [None]
    with pytest.raises(SubjectErased):
        other.seal(["a"], ["row"], ["text"])


# -- other processes --------------------------------------------------------------------------------------------------


def _open_all(keys: KeyStore, sealed: list[bytes | None]) -> list[str | None]:
    return keys.open(["a"] * len(sealed), ["row"] * len(sealed), sealed)


@pytest.mark.parametrize("method", ["fork", "forkserver"])
def test_a_store_handed_to_a_worker_process_opens_there(shared: KeyStore, method: str) -> None:
    sealed = shared.seal(["a"] * 3, ["row"] * 3, ["x", None, "z"])
    pickled = pickle.dumps(shared)
    assert shared._master not in pickled
    with multiprocessing.get_context(method).Pool(1) as pool:
        opened = pool.apply(pickle.loads(pickled).open, (["a"] * 3, ["row"] * 3, sealed))
    assert opened == ["x", None, "z"]


def test_a_store_in_use_survives_a_fork(shared: KeyStore) -> None:
    sealed = shared.seal(["a"], ["row"], ["x"])
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()
    child = context.Process(target=lambda: answers.put(_open_all(shared, sealed)))
    child.start()
    assert answers.get() == ["x"]
    child.join()
    assert child.exitcode == 0
    assert _open_all(shared, sealed) == ["x"]


# -- keyed names ------------------------------------------------------------------------------------------------------


@given(st.lists(st.text(max_size=5), max_size=4), st.lists(st.text(max_size=5), max_size=4))
def test_row_ids_are_equal_exactly_when_all_parts_are(
    shared: KeyStore, one: list[str], two: list[str]
) -> None:
    assert (shared.row_id(*one) == shared.row_id(*two)) == (one == two)
    assert len(shared.row_id(*one)) == 32


def test_keyed_names_are_stable_within_a_workspace_and_differ_between_two(
    shared: KeyStore, keys: KeyStore
) -> None:
    again = KeyStore(shared.folder)
    for name in (
        lambda k: k.row_id("a", "b"),
        lambda k: k.handle_mac("whatsapp:x"),
        lambda k: k.secret("guard"),
        lambda k: [k.shard(i, 4_096) for i in ids(20)],
    ):
        assert name(again) == name(shared)
        assert name(keys) != name(shared)


def test_one_name_typed_on_two_systems_is_one_handle(shared: KeyStore) -> None:
    assert shared.handle_mac("whatsapp:Zo\u00eb") == shared.handle_mac("whatsapp:Zoe\u0308")
    assert shared.handle_mac("whatsapp:Zoë") != shared.handle_mac("whatsapp:Zoe")
    assert len(shared.handle_mac("whatsapp:Zoë")) == 64


def test_people_spread_over_all_shards(shared: KeyStore) -> None:
    shards = [shared.shard(i, 16) for i in ids(1_600)]
    assert set(shards) == set(range(16))
    assert max(shards.count(n) for n in range(16)) < 160
    assert shared.shard("anybody", 1) == 0
    with pytest.raises(ValueError, match="at least 1"):
        shared.shard("anybody", 0)


def test_derived_keys_have_32_bytes_and_differ_by_use_and_person(shared: KeyStore) -> None:
    derived = [
        shared.secret("guard"),
        shared.secret("canary"),
        shared.surrogate_key("a"),
        shared.surrogate_key("b"),
    ]
    assert len(set(derived)) == 4
    assert {len(key) for key in derived} == {32}
    assert shared.surrogate_key("a") == KeyStore(shared.folder).surrogate_key("a")


def test_the_signing_key_is_the_same_each_time_it_is_opened(shared: KeyStore) -> None:
    signature = shared.signer().sign(b"checkpoint")
    KeyStore(shared.folder).signer().public_key().verify(signature, b"checkpoint")


# -- the folder -------------------------------------------------------------------------------------------------------


def test_a_new_folder_and_its_files_are_private(keys: KeyStore) -> None:
    modes = {path.name: path.stat().st_mode & 0o777 for path in keys.folder.iterdir()}
    journal = keys.folder / f"{SUBJECTS}-journal"  # emptied at each commit: a deleted one could come back
    assert modes == {MASTER: 0o600, SIGNING: 0o600, SUBJECTS: 0o600, journal.name: 0o600}
    assert journal.stat().st_size == 0
    assert keys.folder.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in keys.folder.parent.iterdir()] == ["keys"]


def test_keys_are_made_once(keys: KeyStore) -> None:
    master = (keys.folder / MASTER).read_bytes()
    with pytest.raises(KeyStoreError, match="not empty"):
        KeyStore.create(keys.folder)
    assert (keys.folder / MASTER).read_bytes() == master


@pytest.mark.parametrize(
    ("name", "mode", "command"),
    [("", 0o750, "chmod 700"), (MASTER, 0o640, "chmod 600"), (SUBJECTS, 0o604, "chmod 600")],
)
def test_a_mode_that_lets_others_read_is_refused_with_the_command_to_run(
    keys: KeyStore, name: str, mode: int, command: str
) -> None:
    path = keys.folder / name
    path.chmod(mode)
    with pytest.raises(KeyStoreError, match=f"{command} {path}"):
        KeyStore(keys.folder)
    path.chmod(0o700 if path.is_dir() else 0o600)
    KeyStore(keys.folder)


@pytest.mark.parametrize("name", [MASTER, SIGNING, SUBJECTS])
def test_a_missing_file_is_named_and_never_made_anew(keys: KeyStore, name: str) -> None:
    (keys.folder / name).unlink()
    with pytest.raises(KeyStoreError, match=f"{name} is missing.*backup"):
        KeyStore(keys.folder)
    assert not (keys.folder / name).exists()


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeyStoreError, match="witting init"):
        KeyStore(tmp_path / "keys")


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: b"",
        lambda text: text[:-2],
        lambda text: text[:64],
        lambda text: bytes([text[0] ^ 1]) + text[1:],
        lambda text: b"\xff" + text[1:],
        lambda text: text * 2,
    ],
)
def test_a_damaged_master_key_is_named_without_its_digits(
    keys: KeyStore, damage: Callable[[bytes], bytes]
) -> None:
    path = keys.folder / MASTER
    text = path.read_bytes()
    path.write_bytes(damage(text))
    with pytest.raises(KeyStoreError, match=r"master\.key is damaged") as raised:
        KeyStore(keys.folder)
    assert text[1:33].decode() not in str(raised.value)


@pytest.mark.parametrize(
    "content",
    [b"", b"-----BEGIN PRIVATE KEY-----\n", secrets.token_bytes(100)],
    ids=["empty", "cut short", "noise"],
)
def test_a_damaged_signing_key_is_named(keys: KeyStore, content: bytes) -> None:
    (keys.folder / SIGNING).write_bytes(content)
    with pytest.raises(KeyStoreError, match=r"signing\.pem is missing or damaged"):
        KeyStore(keys.folder).signer()


def test_a_damaged_file_of_subject_keys_is_named(keys: KeyStore) -> None:
    (keys.folder / SUBJECTS).write_bytes(b"not a database" * 100)
    with pytest.raises(KeyStoreError, match=r"subjects\.db is damaged"):
        KeyStore(keys.folder).has("a")


def test_subject_keys_of_another_workspace_do_not_open(keys: KeyStore, shared: KeyStore) -> None:
    shutil.copy(shared.folder / SUBJECTS, keys.folder / SUBJECTS)
    with pytest.raises(KeyStoreError, match="subject a does not open with this master key"):
        keys.seal(["a"], ["row"], ["text"])


def test_a_wrapped_key_moved_to_another_person_does_not_open(keys: KeyStore) -> None:
    keys.add_subjects(["a", "b"])
    wrapped, _ = wrapped_and_raw(keys, "a")
    with closing(sqlite3.connect(keys.folder / SUBJECTS)) as connection, connection:
        connection.execute("UPDATE subject_keys SET wrapped = ? WHERE subject_id = 'b'", [wrapped])
    with pytest.raises(KeyStoreError, match="subject b"):
        keys.seal(["b"], ["row"], ["text"])


def test_no_repr_shows_a_key(shared: KeyStore) -> None:
    shown = repr(shared) + repr(shared._keys(["a"]))
    assert not any(
        str(key) in shown or key.hex() in shown for key in (shared._master, shared.surrogate_key("a"))
    )
