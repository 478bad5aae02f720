"""Reports: what happened to people's words, computed from ledger and results, never typed in.

The verb is `view`: JSON of a walk and ledger facts in, a value out; `render` draws it as one self-contained page.

Covers: the report of a walk (`run.py`), its page in light and dark, on paper and on a telephone. Not covered: disclosure
and assessment forms for regulators, receipts for people (later depth). No name, handle or message is ever in a report.
Ideas: datasheets for datasets (Gebru et al. 2018), model cards (Mitchell et al. 2019), GDPR Art. 5(2) accountability.
"""

from __future__ import annotations

from witting.reports.facts import Facts, FileFacts, LedgerFacts, PackFacts
from witting.reports.page import PAGE_BYTES_MAX, render
from witting.reports.run import view
from witting.reports.view import View

__all__ = ["PAGE_BYTES_MAX", "Facts", "FileFacts", "LedgerFacts", "PackFacts", "View", "render", "view"]
