"""Where everything but the ledger is kept: database, objects, keys, vault, and the ledger's projections.

Covered: one file a store, each saying what may be lost and who may read it.

| file | keeps | may be lost? |
|---|---|---|
| `database.py`, `tables.py` | pointers, vault rows, artifacts, runs | never |
| `objects.py`, `parts.py` | sealed words and redacted rows, as hashed Parquet parts; snapshots of them | never, but by erasure |
| `keys.py` | every key; apart from the data | never, but a person's key when they asked |
| `vault.py` | handle and subject | only when the person asked |
| `projections.py` | rights events to read in bulk | any time: replayed from the ledger |
| `records.py` | files read, runs | never |

Not covered: the ledger (`witting.ledger`), opening them together (`workspace.py`). Idea: every store states its
promise (the README of Sunlight, F. Valsorda). Import from the files: this package itself imports nothing.
"""
