"""Writes docs/formats/tables.md from src/witting/schema.py: python docs/tables.py [--check]

Covers: every Arrow schema and struct (columns, types, the comment beside each), and every closed list of values.
Not covered: database tables. Types come from the imported module, words from its source: neither is typed in here.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from witting import schema

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "formats" / "tables.md"
SOURCE = ROOT / "src" / "witting" / "schema.py"

EVERYWHERE = {  # columns that mean the same in every table, where no comment says more
    "row_id": "the turn",
    "conversation_id": "the conversation it is part of",
    "subject_id": "whose data it is",
    "evidence_end": "one after the last",
    "shard": "keyed hash of the subject modulo `corpus.shards`",
    "edited": "changed by its author after it was sent",
    "byte_start": "first byte in the file or archive member",
    "byte_end": "one after the last byte",
    "occurred_at": "when it was said",
    "quarantine_id": "the record, by its bytes",
    "artifact": "SHA-256 of the file or archive",
    "reason": "why, from a closed list",
    "admitted_at": "when the vault took it",
    "purpose": "PURPOSES",
    "signal_id": "the signal",
    "stage": "name of the stage that judged",
    "version": "of the stage",
    "position": "order within the conversation",
    "parent_id": "the turn it answers",
    "speaker_id": "who speaks",
    "role": "ROLES",
    "surface": "source name",
    "audience": "AUDIENCES",
    "place": "ISO 3166-1 or -2; null = unknown",
    "on_active_path": "false for a branch that the person left",
    "content": "the words, redacted",
    "learn": "the loss sees this message",
    "rejected": "preference only",
}

HEAD = """\
# Tables

Every table that passes between the rooms, from `src/witting/schema.py`. Written by `docs/tables.py`; a test holds this
page to the code. Parts on disk have exactly these columns.

{intro}
"""
COLUMN = re.compile(r'^\s*\("(?P<name>\w+)",.*?\),?\s*(?:#\s*(?P<said>.*))?$')
CONTINUED = re.compile(r"^\s+#\s+(?P<said>.*)$")
NAMED_VALUE = re.compile(r'^\s+"(?P<name>\w+)",\s*#\s*(?P<said>.*)$')


def page() -> str:
    """The whole page."""
    intro = (schema.__doc__ or "").split("\n\n", 2)[2].strip()
    blocks = [HEAD.format(intro=intro), *tables(), "## Closed lists\n", *lists()]
    return "\n".join(blocks).rstrip() + "\n"


def tables() -> Iterator[str]:
    """A section a schema, in the order of the source."""
    lines = SOURCE.read_text("utf-8").splitlines()
    for name, value in vars(schema).items():
        if isinstance(value, pa.Schema):
            start = next(n for n, line in enumerate(lines) if line.startswith(f"{name} = "))
            said = meanings(lines, start)
            rows = [row(field, said.get(field.name, "")) for field in value]
            yield section(name, before(lines, start), rows)
        elif isinstance(value, pa.StructType):
            rows = [row(value.field(n), "") for n in range(value.num_fields)]
            yield section(name, "A message within an example.", rows)


def section(name: str, about: str, rows: list[str]) -> str:
    return "\n".join(
        [f"## {name}\n", f"{about}\n", "| column | type | meaning |", "|---|---|---|", *rows, ""]
    )


def row(field: pa.Field, said: str) -> str:
    said = said or EVERYWHERE.get(field.name, "")
    return f"| `{field.name}` | {type_words(field.type)} | {said.replace('|', chr(92) + '|')} |"


def type_words(kind: pa.DataType) -> str:
    """`MESSAGE` by its name, every other type as Arrow spells it."""
    if kind == pa.list_(schema.MESSAGE):
        return "list of MESSAGE"
    return f"list of {kind.value_type}" if isinstance(kind, pa.ListType) else str(kind)


def before(lines: list[str], start: int) -> str:
    """The comment that stands right above a definition."""
    first = start
    while lines[first - 1].startswith("# "):
        first -= 1
    return " ".join(line.removeprefix("# ") for line in lines[first:start])


def meanings(lines: list[str], start: int) -> dict[str, str]:
    """What is said beside each column, and on the comment lines after it."""
    said: dict[str, str] = {}
    name = ""
    for line in lines[start + 1 :]:
        if line.startswith(")") or line == "":
            break
        if column := COLUMN.match(line):
            name = column["name"]
            said[name] = column["said"] or ""
        elif name and (more := CONTINUED.match(line)):
            said[name] += " " + more["said"]
    return said


def lists() -> Iterator[str]:
    """A line a list of values; values that carry a comment get a line each."""
    lines = SOURCE.read_text("utf-8").splitlines()
    for name, value in vars(schema).items():
        if not (name.isupper() and isinstance(value, tuple)):
            continue
        start = next(n for n, line in enumerate(lines) if line.startswith(f"{name} = "))
        said = {
            found["name"]: found["said"]
            for line in until_blank(lines, start)
            if (found := NAMED_VALUE.match(line))
        }
        yield f"**{name}**: " + ", ".join(f"`{one}`" for one in value) + ".\n"
        yield from (f"- `{one}`: {words}." for one, words in said.items())
        if said:
            yield ""


def until_blank(lines: list[str], start: int) -> Iterator[str]:
    for line in lines[start + 1 :]:
        if line.startswith(")") or (line and not line[0].isspace()):
            return
        yield line


def main(words: list[str]) -> int:
    written = page()
    if "--check" in words:
        return 0 if PAGE.read_text("utf-8") == written else 1
    PAGE.write_text(written, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
