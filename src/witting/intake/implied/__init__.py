"""What people imply in their words about the answer before: objected, rephrased, thanked, continued, abandoned.

Covers: rules over words in fourteen languages, kept as data (`languages/`), each with its measured precision
(`measured.toml`) and with where in a turn the words lie. Not covered: who is right; irony; romanised scripts; meaning beyond
shared words. Ideas: categories of naturally occurring feedback (arXiv 2407.10944); that the person may be wrong or polite
(2507.23158), so a finding is a signal, and becomes a label only behind curation's guards.

Words are read only where they may be: in a dry run that its person asked for, and in curation, from redacted turns that
are permitted. Keys of a language file: `words.before` may stand before an opening, `words.asking` begins a sentence that
asks, `words.common` any ask may hold; `opening` is matched where a turn begins, `sentence` in its first sentences that ask
nothing, `never` voids a match in its sentence, `markers` say that a question is asked again.
"""

from witting.intake.implied.conversation import Finding, Said, find, implied, with_implied
from witting.intake.implied.exchange import Reading, read_exchange
from witting.intake.implied.measured import RULE_OF, Measured, measured

__all__ = [
    "RULE_OF",
    "Finding",
    "Measured",
    "Reading",
    "Said",
    "find",
    "implied",
    "measured",
    "read_exchange",
    "with_implied",
]
