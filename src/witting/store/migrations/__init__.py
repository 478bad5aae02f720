"""How a database gets the tables of `store/tables.py` and of the ledger, step by step (alembic)."""
