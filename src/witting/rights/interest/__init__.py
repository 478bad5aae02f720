"""Legitimate interest as a record: three steps that were weighed and signed for, and what each safeguard was proven by.

Covers: the record (`record.py`), the probe of the form that objects (`probe.py`), what a proof is and which safeguards
there are (`proof.py`), and the trial decision looked at a second time (`trial.py`). Not covered: gathering the proofs that
lie in later rooms, and the ledger entry (`walk/assess.py`); the door itself (`rights/doors.py`).

A claim opens nothing: a safeguard counts only with an artefact behind it, and only until the artefact is stale.
From: GDPR Art. 6(1)(f), 13, 21, 35; EDPB Opinion 28/2024 and Guidelines 1/2024; what the DPC (21 May 2025), the ANPD (30 August
2024), the ICO and OLG Köln 15 UKl 2/25 asked of those who went ahead.
"""

from __future__ import annotations
