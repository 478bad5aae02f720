"""The corpus: an immutable version of what a model may learn from, with everything that made it.

Covers: committing, listing, reading, explaining, comparing, proving and exporting versions; replacing one shard for
an erasure. Not covered: what is in it (curation), tokens (training).
Parquet parts by shard under a manifest of our own, without column statistics: table formats that are made to
remember leak what was erased (docs/corpus.md). Old versions stay listed and verify as complete except for erasures.
"""

from witting.corpus.commit import commit, count_parts, publish, replace_part, write_examples
from witting.corpus.diff import Diff, RowDiff, diff, diff_rows
from witting.corpus.export import export
from witting.corpus.lineage import Explanation, Use, examples_of, explain, explain_example
from witting.corpus.manifest import LedgerMark, Manifest, Removed, StageRecord, from_bytes, from_json
from witting.corpus.read import current, load, read, versions
from witting.corpus.verify import Check, verify

__all__ = [
    "Check",
    "Diff",
    "Explanation",
    "LedgerMark",
    "Manifest",
    "Removed",
    "RowDiff",
    "StageRecord",
    "Use",
    "commit",
    "count_parts",
    "current",
    "diff",
    "diff_rows",
    "examples_of",
    "explain",
    "explain_example",
    "export",
    "from_bytes",
    "from_json",
    "load",
    "publish",
    "read",
    "replace_part",
    "verify",
    "versions",
    "write_examples",
]
