"""The ledger's three tables, and the triggers that make them append-only.

Covers: SQLAlchemy Core definitions for SQLite and PostgreSQL, and DDL that refuses every change but the next append.
Not covered: creating them (`store/migrations/`), writing them (`log.py`).

| table | holds | may be lost? | an attacker who can write it |
|---|---|---|---|
| ledger_entries | the exact bytes of every entry | never | is found by `Ledger.verify` and by any kept checkpoint |
| ledger_nodes | hashes of complete subtrees | yes: computed from the entries | is found by `Ledger.verify` |
| ledger_checkpoints | every signed note | keep a copy outside | cannot sign; is found by `Ledger.verify` |

Triggers stop mistakes and honest programs. Whoever owns the database file can drop them: against that person only the
tree and a checkpoint kept elsewhere help.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, MetaData, Table, Text

from witting.errors import UsageError

metadata = MetaData()

ledger_entries = Table(
    "ledger_entries",
    metadata,
    Column("index", BigInteger, primary_key=True, autoincrement=False),  # from 0, without gaps
    Column("kind", Text, nullable=False, index=True),
    Column("at", Text, nullable=False),  # as in the bytes: UTC, six decimals, Z
    Column("body", LargeBinary, nullable=False),  # RFC 8785 JSON of {"index", "kind", "at", "body"}, verbatim
    Column("leaf_hash", LargeBinary, nullable=False),  # SHA-256(0x00 || body)
)

# Level 0 is ledger_entries.leaf_hash; here are the complete subtrees of height 1 and more.
ledger_nodes = Table(
    "ledger_nodes",
    metadata,
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("index", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

ledger_checkpoints = Table(
    "ledger_checkpoints",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("root", LargeBinary, nullable=False),
    Column("note", Text, nullable=False),
    Column(
        "at", Text, nullable=False
    ),  # when it was first signed; for operators: not in the note, read by nothing
)

APPEND_ONLY = ("ledger_entries", "ledger_nodes", "ledger_checkpoints")
REFUSED = "is append-only. Nothing in the ledger is changed or deleted; append a new entry that says what is true now."
GAP = "takes entries in order, without gaps. Append through witting.ledger.Ledger."
TWICE = "already holds this row, and a row is written once."


NEXT_INDEX = '(SELECT coalesce(max("index"), -1) + 1 FROM ledger_entries)'
NODE_EXISTS = 'EXISTS (SELECT 1 FROM ledger_nodes WHERE level = NEW.level AND "index" = NEW."index")'
CHECKPOINT_EXISTS = "EXISTS (SELECT 1 FROM ledger_checkpoints WHERE size = NEW.size)"


def append_only_triggers(dialect_name: str) -> list[str]:
    """DDL to run after `metadata.create_all`, a statement an item: no UPDATE, DELETE, TRUNCATE, no row twice, no gap."""
    match dialect_name:
        case "sqlite":
            return _sqlite_triggers()
        case "postgresql":
            return _postgresql_triggers()
    raise UsageError(f"the ledger runs on sqlite and postgresql, not on {dialect_name}.")


def _sqlite_triggers() -> list[str]:
    refusals = [
        f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} {REFUSED}'); END"
        for table in APPEND_ONLY
        for verb in ("UPDATE", "DELETE")
    ]
    # INSERT OR REPLACE deletes without asking the DELETE trigger, so a second row is refused before it is inserted.
    guards = [
        f"CREATE TRIGGER {table}_in_order BEFORE INSERT ON {table} WHEN {refused} "
        f"BEGIN SELECT RAISE(ABORT, '{table} {sentence}'); END"
        for table, refused, sentence in (
            ("ledger_entries", f'NEW."index" <> {NEXT_INDEX}', GAP),
            ("ledger_nodes", NODE_EXISTS, TWICE),
            ("ledger_checkpoints", CHECKPOINT_EXISTS, TWICE),
        )
    ]
    return [*refusals, *guards]


def _postgresql_triggers() -> list[str]:
    refuse = (
        "CREATE FUNCTION ledger_refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' {REFUSED}'; END $$"
    )
    in_order = (
        "CREATE FUNCTION ledger_in_order() RETURNS trigger LANGUAGE plpgsql AS "
        f'$$ BEGIN IF NEW."index" <> {NEXT_INDEX} '
        f"THEN RAISE EXCEPTION USING MESSAGE = 'ledger_entries {GAP}'; END IF; RETURN NEW; END $$"
    )
    changes = [
        f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change()"
        for table in APPEND_ONLY
    ]
    truncations = [
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change()"
        for table in APPEND_ONLY
    ]
    order = (
        "CREATE TRIGGER ledger_entries_in_order BEFORE INSERT ON ledger_entries "
        "FOR EACH ROW EXECUTE FUNCTION ledger_in_order()"
    )
    return [refuse, in_order, *changes, *truncations, order]
