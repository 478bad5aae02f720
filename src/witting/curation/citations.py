"""Marks of a product's own machinery in an answer: what a model must not learn to write.

Covers: ChatGPT's citations, private-use characters U+E200 to U+E204 with what they wrap (`U+E200 cite U+E202 turn0search1
U+E201`), left open ones too. What stands between U+E203 and U+E204 is the passage that is cited: the answer's own words,
which stay. Not covered: footnote numbers, links. Only answers are cleaned, on the way to examples: the stored words and the
turns of other roles stay as they are.
"""

from __future__ import annotations

import polars as pl

_WRAPPED = r"[ \t]*\x{E200}[^\x{E200}\x{E201}\n]{0,1000}\x{E201}"
_LEFT_OPEN = r"[ \t]*\x{E200}[A-Za-z_]*(?:\x{E202}[^\s\x{E200}-\x{E204}]*)*"
_STRAY = r"[\x{E200}-\x{E204}]"


def cleaned_text() -> pl.Expr:
    """`text`, an answer's without citations."""
    text = pl.col("text")
    clean = text.str.replace_all(_WRAPPED, "").str.replace_all(_LEFT_OPEN, "").str.replace_all(_STRAY, "")
    return pl.when(pl.col("role") == "assistant").then(clean).otherwise(text)
