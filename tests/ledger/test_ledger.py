"""The ledger through its doors, on every database: appending, proofs at any size, checkpoints, named damage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from witting.errors import LedgerDamaged, LedgerError, ProofInvalid
from witting.ledger import Entry, Ledger, merkle
from witting.ledger.checkpoint import open_checkpoint
from witting.ledger.log import APPEND_ENTRIES_MAX, READ_ENTRIES
from witting.ledger.proof import parse_proof
from witting.ledger.tables import APPEND_ONLY

Tamper = Callable[[str], None]


def fill(ledger: Ledger, count: int, *, now: datetime) -> None:
    ledger.append_many([("rights.consent", {"number": number}) for number in range(count)], now=now)


def leaves(ledger: Ledger) -> list[bytes]:
    return [merkle.leaf_hash(entry.bytes) for entry in ledger.entries()]


def test_an_empty_ledger_has_a_root_a_checkpoint_and_verifies(ledger: Ledger, now: datetime) -> None:
    assert (ledger.size(), ledger.root()) == (0, merkle.EMPTY_ROOT)
    assert open_checkpoint(ledger.checkpoint(now=now), ledger.verifier_key).size == 0
    ledger.verify()


def test_what_was_appended_is_read_back_in_order(ledger: Ledger, now: datetime) -> None:
    assert ledger.append("rights.consent", {"subject": "a1"}, now=now) == 0
    later = [("rights.refusal", {"subject": "b2"}), ("corpus.committed", {"rows": 3})]
    assert ledger.append_many(later, now=now + timedelta(seconds=1)) == [1, 2]
    assert ledger.append_many([], now=now) == []
    assert [(e.index, e.kind, dict(e.body), e.at) for e in ledger.entries()] == [
        (0, "rights.consent", {"subject": "a1"}, now),
        (1, "rights.refusal", {"subject": "b2"}, now + timedelta(seconds=1)),
        (2, "corpus.committed", {"rows": 3}, now + timedelta(seconds=1)),
    ]
    assert ledger.entry(1) == next(ledger.entries(1))


def test_entries_are_found_by_kind_and_by_family(ledger: Ledger, now: datetime) -> None:
    kinds = ["rights.consent", "run.trained", "rights.refusal", "rightsx"]
    ledger.append_many([(kind, {}) for kind in kinds], now=now)
    assert [entry.index for entry in ledger.entries(kind="rights.consent")] == [0]
    assert [entry.index for entry in ledger.entries(kind="rights.")] == [0, 2]
    assert [entry.index for entry in ledger.entries(1, kind="rights.")] == [2]


def test_reading_goes_over_the_edge_of_a_batch(ledger: Ledger, now: datetime) -> None:
    fill(ledger, READ_ENTRIES + 5, now=now)
    assert [entry.index for entry in ledger.entries()] == list(range(READ_ENTRIES + 5))
    ledger.verify()


def test_an_entry_that_is_not_there_is_said_to_be_missing(ledger: Ledger, now: datetime) -> None:
    fill(ledger, 2, now=now)
    with pytest.raises(LedgerError, match="no ledger entry 2; the ledger has 2"):
        ledger.entry(2)


def test_a_batch_with_one_bad_entry_writes_nothing(ledger: Ledger, now: datetime) -> None:
    with pytest.raises(LedgerError):
        ledger.append_many([("a", {}), ("b", {"x": float("inf")})], now=now)
    assert ledger.size() == 0


def test_a_batch_beyond_the_limit_is_refused(ledger: Ledger, now: datetime) -> None:
    with pytest.raises(LedgerError, match="Append in batches"):
        ledger.append_many([("a", {})] * (APPEND_ENTRIES_MAX + 1), now=now)


def test_roots_and_proofs_of_every_past_size_are_those_of_the_pure_tree(
    ledger: Ledger, now: datetime
) -> None:
    for count in (1, 2, 4, 6, 8):
        fill(ledger, count, now=now)
    hashes, size = leaves(ledger), ledger.size()
    for past in range(size + 1):
        assert ledger.root(past) == merkle.root(hashes[:past])
        assert ledger.consistency_proof(past, size) == merkle.consistency_proof(hashes, past)
        for index in range(past):
            assert ledger.inclusion_proof(index, past) == merkle.inclusion_proof(hashes[:past], index)


def test_proofs_beyond_the_ledger_are_refused(ledger: Ledger, now: datetime) -> None:
    fill(ledger, 3, now=now)
    for ask in (
        lambda: ledger.root(4),
        lambda: ledger.inclusion_proof(0, 4),
        lambda: ledger.inclusion_proof(3, 3),
        lambda: ledger.consistency_proof(2, 4),
        lambda: ledger.consistency_proof(3, 2),
    ):
        with pytest.raises(LedgerError):
            ask()


def test_the_same_size_gives_the_same_checkpoint(ledger: Ledger, now: datetime) -> None:
    fill(ledger, 3, now=now)
    first = ledger.checkpoint(now=now)
    assert ledger.checkpoint(now=now + timedelta(days=1)) == first
    fill(ledger, 1, now=now)
    second = ledger.checkpoint(now=now)
    assert ledger.checkpoints(newest=5) == [second, first]
    assert open_checkpoint(second, ledger.verifier_key).root == ledger.root()


def test_a_tlog_proof_leads_from_the_entry_to_the_signed_root(ledger: Ledger, now: datetime) -> None:
    fill(ledger, 6, now=now)
    proof = parse_proof(ledger.tlog_proof(4, now=now))
    signed = open_checkpoint(proof.checkpoint, ledger.verifier_key)
    leaf = merkle.leaf_hash(ledger.entry(4).bytes)
    merkle.verify_inclusion(leaf, index=4, size=signed.size, proof=proof.hashes, root=signed.root)


# -- the hook ---------------------------------------------------------------------------------------------------------


def test_the_fold_sees_what_a_replay_sees(
    database: sa.Engine, signer: Ed25519PrivateKey, now: datetime
) -> None:
    seen: list[Entry] = []
    ledger = Ledger(database, signer, origin="a.example", fold=lambda _, entries: seen.extend(entries))
    ledger.append_many([("a", {"pair": (1, 2.0)}), ("b", {"x": 1.5})], now=now)
    assert seen == list(ledger.entries())


def test_a_fold_that_fails_leaves_no_entry(
    database: sa.Engine, signer: Ed25519PrivateKey, now: datetime
) -> None:
    def fold(connection: sa.Connection, entries: Sequence[Entry]) -> None:
        raise LedgerError("the projection cannot hold this")

    with pytest.raises(LedgerError, match="cannot hold"):
        Ledger(database, signer, origin="a.example", fold=fold).append("a", {}, now=now)
    assert Ledger(database, signer, origin="a.example").size() == 0


def test_what_the_fold_writes_commits_with_the_entry(
    database: sa.Engine, signer: Ed25519PrivateKey, now: datetime
) -> None:
    with database.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE seen (number INTEGER)")

    def fold(connection: sa.Connection, entries: Sequence[Entry]) -> None:
        connection.exec_driver_sql(f"INSERT INTO seen VALUES ({len(entries)})")

    Ledger(database, signer, origin="a.example", fold=fold).append_many([("a", {})] * 3, now=now)
    with database.connect() as connection:
        assert connection.exec_driver_sql("SELECT number FROM seen").scalars().all() == [3]


# -- append-only ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize("verb", ["UPDATE {} SET {} = {}", "DELETE FROM {}"])
def test_the_database_refuses_change_with_a_sentence(
    database: sa.Engine, ledger: Ledger, now: datetime, table: str, verb: str
) -> None:
    fill(ledger, 4, now=now)
    ledger.checkpoint(now=now)
    column = {"ledger_entries": "kind", "ledger_nodes": "level", "ledger_checkpoints": "note"}[table]
    with pytest.raises(sa.exc.DBAPIError, match=f"{table} is append-only"), database.begin() as connection:
        connection.exec_driver_sql(verb.format(table, column, column))
    ledger.verify()


def test_replacing_a_row_on_sqlite_is_refused_too(
    sqlite_database: sa.Engine, signer: Ed25519PrivateKey, now: datetime
) -> None:
    ledger = Ledger(sqlite_database, signer, origin="a.example")
    fill(ledger, 4, now=now)
    ledger.checkpoint(now=now)
    for table in APPEND_ONLY:
        statement = f"INSERT OR REPLACE INTO {table} SELECT * FROM {table} LIMIT 1"
        with (
            pytest.raises(sa.exc.DBAPIError, match=r"already holds|in order"),
            sqlite_database.begin() as connection,
        ):
            connection.exec_driver_sql(statement)


def test_an_entry_out_of_order_is_refused(database: sa.Engine, ledger: Ledger, now: datetime) -> None:
    fill(ledger, 2, now=now)
    columns = '"index", kind, at, body, leaf_hash'
    statement = (
        f"INSERT INTO ledger_entries ({columns}) SELECT 7, kind, at, body, leaf_hash FROM ledger_entries"
    )
    with pytest.raises(sa.exc.DBAPIError, match="without gaps"), database.begin() as connection:
        connection.exec_driver_sql(statement)


def test_emptying_a_table_on_postgresql_is_refused_too(
    database: sa.Engine, ledger: Ledger, now: datetime
) -> None:
    fill(ledger, 2, now=now)
    verb = "TRUNCATE" if database.dialect.name == "postgresql" else "DELETE FROM"
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), database.begin() as connection:
        connection.exec_driver_sql(f"{verb} ledger_entries")
    assert ledger.size() == 2


# -- damage -----------------------------------------------------------------------------------------------------------

DAMAGE = {
    "payload": ("UPDATE ledger_entries SET body = (SELECT body FROM ledger_entries WHERE \"index\" = 4) WHERE \"index\" = 3", "entry 3"),
    "leaf hash": ("UPDATE ledger_entries SET leaf_hash = body WHERE \"index\" = 5", "entry 5"),
    "kind": ("UPDATE ledger_entries SET kind = 'rights.refusal' WHERE \"index\" = 2", "entry 2"),
    "time": ("UPDATE ledger_entries SET at = '2020-01-01T00:00:00.000000Z' WHERE \"index\" = 2", "entry 2"),
    "hole": ("DELETE FROM ledger_entries WHERE \"index\" = 6", "entry 6 is missing"),
    "node": ("UPDATE ledger_nodes SET hash = (SELECT leaf_hash FROM ledger_entries WHERE \"index\" = 0) WHERE level = 1 AND \"index\" = 2", r"node \(1, 2\) over the entries 4 to 5"),
    "missing node": ("DELETE FROM ledger_nodes WHERE level = 2 AND \"index\" = 0", r"node \(2, 0\)"),
    "node over nothing": ("INSERT INTO ledger_nodes SELECT level, 9, hash FROM ledger_nodes WHERE level = 2 AND \"index\" = 1", r"node \(2, 9\)"),
    "cut tail": ("DELETE FROM ledger_entries WHERE \"index\" >= 8", "stands over entries that do not exist"),
    "checkpoint root": ("UPDATE ledger_checkpoints SET root = (SELECT leaf_hash FROM ledger_entries WHERE \"index\" = 0)", "another size or root"),
    "checkpoint note": ("UPDATE ledger_checkpoints SET note = replace(note, '10', '11')", "checkpoint over 10"),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_named(ledger: Ledger, now: datetime, tamper: Tamper, name: str) -> None:
    fill(ledger, 10, now=now)
    ledger.checkpoint(now=now)
    ledger.verify()
    statement, said = DAMAGE[name]
    tamper(statement)
    with pytest.raises(LedgerDamaged, match=said):
        ledger.verify()


def test_a_changed_entry_is_not_read(ledger: Ledger, now: datetime, tamper: Tamper) -> None:
    fill(ledger, 5, now=now)
    tamper(DAMAGE["payload"][0])
    with pytest.raises(LedgerDamaged, match="entry 3"):
        ledger.entry(3)
    with pytest.raises(LedgerDamaged, match="entry 3"):
        list(ledger.entries())
    assert ledger.entry(2).body == {"number": 2}


def test_text_where_bytes_were_is_damage_and_not_a_crash(
    sqlite_database: sa.Engine, signer: Ed25519PrivateKey, now: datetime
) -> None:
    ledger = Ledger(sqlite_database, signer, origin="a.example")
    fill(ledger, 2, now=now)
    with sqlite_database.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER ledger_entries_no_update")
        connection.exec_driver_sql("UPDATE ledger_entries SET body = 'words' WHERE \"index\" = 1")
    with pytest.raises(LedgerDamaged, match="entry 1"):
        ledger.verify()


def rewind(tamper: Tamper, size: int) -> None:
    """What is left when an older database file, also of the tree and checkpoints, takes the place of the newer."""
    tamper(f"DELETE FROM ledger_checkpoints WHERE size > {size}")
    tamper(f'DELETE FROM ledger_entries WHERE "index" >= {size}')
    for level in range(1, 6):
        tamper(f'DELETE FROM ledger_nodes WHERE level = {level} AND "index" >= {size >> level}')


def test_a_rollback_shows_only_against_a_kept_checkpoint(
    ledger: Ledger, now: datetime, tamper: Tamper
) -> None:
    fill(ledger, 6, now=now)
    early = ledger.checkpoint(now=now)
    fill(ledger, 4, now=now)
    kept = ledger.checkpoint(now=now)
    ledger.compare(kept)
    rewind(tamper, 6)
    ledger.verify()  # by itself the shorter ledger is whole
    ledger.compare(early)
    with pytest.raises(
        LedgerDamaged, match="rollback: a checkpoint over 10 entries was signed, the ledger now has 6"
    ):
        ledger.compare(kept)


def test_another_history_shows_against_a_kept_checkpoint(
    ledger: Ledger, now: datetime, tamper: Tamper
) -> None:
    fill(ledger, 10, now=now)
    kept = ledger.checkpoint(now=now)
    rewind(tamper, 6)
    ledger.append_many([("rights.refusal", {"number": number}) for number in range(9)], now=now)
    ledger.verify()
    with pytest.raises(LedgerDamaged, match="fork: the first 10 entries"):
        ledger.compare(kept)


def test_a_ledger_cut_below_its_last_checkpoint_signs_nothing_more(
    ledger: Ledger, now: datetime, tamper: Tamper
) -> None:
    fill(ledger, 10, now=now)
    ledger.checkpoint(now=now)
    tamper('DELETE FROM ledger_entries WHERE "index" >= 8')
    with pytest.raises(LedgerDamaged, match="rollback"):
        ledger.checkpoint(now=now)


def test_a_checkpoint_of_another_ledger_is_not_compared(
    database: sa.Engine, ledger: Ledger, signer: Ed25519PrivateKey, now: datetime
) -> None:
    fill(ledger, 2, now=now)
    foreign = Ledger(database, Ed25519PrivateKey.generate(), origin="other.example")
    with pytest.raises(ProofInvalid, match="not signed by"):
        foreign.compare(ledger.checkpoint(now=now))
