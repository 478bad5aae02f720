"""The documentation is true: every command, option, link, column and pin that it names exists, and none is left out."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pyarrow as pa
import pytest
from cyclopts import App

from conftest import REPOSITORY
from witting import schema
from witting.doors.cli import COMMANDS, GROUPS, build_app

DOCS = REPOSITORY / "docs"
FRONT = [REPOSITORY / name for name in ("README.md", "CHANGELOG.md", "SECURITY.md", "CONTRIBUTING.md")]
PAGES = [*FRONT, *sorted(DOCS.rglob("*.md"))]
INTAKE = [
    name for name in build_app()["intake"] if not name.startswith("-")
]  # a command with verbs of its own
LEAVES = [
    *[(name,) for name, target, _ in COMMANDS if target is not None],
    *[("intake", verb) for verb in INTAKE],
    *[(group, verb) for group, verbs in GROUPS.items() for verb, _, _ in verbs],
]
COMMON = ("--workspace", "--json", "--quiet")
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
MACHINE = re.compile(
    r"(?<![\w.~])/(?:work|tmp|root|home)/\w|\bartifactory\b|\bnexus\b|\bpypi\.org\b|https?://(?:10|127|192\.168)\.",
    re.IGNORECASE,
)
COMPLIANT = re.compile(r"\bcompliant\b", re.IGNORECASE)
DISCLAIMED = re.compile(r"\bnever\b|\bnot\b|\bno\b|\"compliant\"|“compliant”", re.IGNORECASE)


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text("utf-8"))


def anchors(page: Path) -> set[str]:
    """The anchors GitHub gives a page's headings."""
    heads = re.findall(r"^#+ +(.+?)\s*$", FENCE.sub("", page.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def relative_links(page: Path) -> Iterator[str]:
    for plain, picture in LINK.findall(prose(page)):
        target = plain or picture
        if "://" not in target and not target.startswith("mailto:"):
            yield target


def sections(page: Path) -> dict[str, str]:
    """Heading to the text until the next heading, fences included."""
    parts = re.split(r"^#+ +(.+?)\s*$", page.read_text("utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def options(words: tuple[str, ...]) -> list[str]:
    """The long names of a command's own options, from the command itself."""
    app: App = build_app()
    for word in words:
        app = app[word]
    names = [name for argument in app.assemble_argument_collection() for name in argument.names]
    return [
        name
        for name in names
        if name.startswith("--") and not name.startswith("--no-") and name not in COMMON
    ]


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"docs_{name}", DOCS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("words", LEAVES, ids=" ".join)
def test_every_command_has_a_heading_and_its_options_are_named_under_it(words: tuple[str, ...]) -> None:
    said = sections(DOCS / "commands.md")
    heading = f"witting {' '.join(words)}"
    assert heading in said
    assert [option for option in options(words) if option not in said[heading]] == []


@pytest.mark.parametrize("group", GROUPS)
def test_every_group_has_a_heading(group: str) -> None:
    assert f"witting {group}" in sections(DOCS / "commands.md")


def test_the_commands_page_names_no_command_that_does_not_exist() -> None:
    known = {f"witting {' '.join(words)}" for words in [*LEAVES, *[(group,) for group in GROUPS]]}
    headed = {heading for heading in sections(DOCS / "commands.md") if heading.startswith("witting ")}
    assert headed == known


def test_the_commands_page_names_what_every_command_takes() -> None:
    said = sections(DOCS / "commands.md")["What every command has in common"]
    assert [option for option in COMMON if f"`{option}" not in said] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(REPOSITORY).as_posix())
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    broken = []
    for target in relative_links(page):
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        if not there.exists() or (anchor and there.suffix == ".md" and anchor not in anchors(there)):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(REPOSITORY).as_posix())
def test_no_page_names_a_place_on_one_machine_or_a_registry(page: Path) -> None:
    assert MACHINE.findall(page.read_text("utf-8")) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(REPOSITORY).as_posix())
def test_no_page_claims_that_anything_is_compliant(page: Path) -> None:
    sentences = re.split(r"(?<=[.:;])\s|\n\n", page.read_text("utf-8"))
    assert [s for s in sentences if COMPLIANT.search(s) and not DISCLAIMED.search(s)] == []


def test_every_page_is_on_the_map() -> None:
    linked = {(DOCS / target.partition("#")[0]).resolve() for target in relative_links(DOCS / "index.md")}
    pages = {page for page in DOCS.rglob("*.md") if page.name != "index.md"}
    assert sorted(page.relative_to(DOCS).as_posix() for page in pages - linked) == []


def test_the_tables_page_is_what_its_script_writes() -> None:
    tables = script("tables")
    assert tables.PAGE.read_text("utf-8") == tables.page()  # otherwise: python docs/tables.py


def test_the_cases_page_is_what_its_script_writes() -> None:
    cases = script("cases")
    assert cases.PAGE.read_text("utf-8") == cases.page()  # otherwise: python docs/cases.py


def test_the_packs_page_is_what_its_script_writes() -> None:
    packs = script("packs")
    assert packs.PAGE.read_text("utf-8") == packs.page()  # otherwise: python docs/packs.py


def test_the_sources_page_is_what_its_script_writes() -> None:
    sources = script("sources")
    assert sources.PAGE.read_text("utf-8") == sources.page()  # otherwise: python docs/sources.py


def test_every_column_of_every_schema_is_documented_with_a_meaning() -> None:
    said = sections(DOCS / "formats" / "tables.md")
    columns = [
        (name, field.name)
        for name, value in vars(schema).items()
        if isinstance(value, pa.Schema)
        for field in value
    ]
    assert len(columns) > 80  # the look was a look
    row = r"^\| `{}` \| [^|]+ \| (?!\s*\|)"
    assert [c for c in columns if not re.search(row.format(c[1]), said[c[0]], re.MULTILINE)] == []


def test_the_licences_page_has_every_pin_with_the_licence_its_metadata_states() -> None:
    licences = script("licences")
    page = licences.PAGE.read_text("utf-8")
    assert page.startswith(licences.HEAD)
    assert [
        pin for pin in licences.pins() if f"| {pin.name} | {pin.version} | {pin.direct} |" not in page
    ] == []
    installed = list(licences.rows())  # a machine may hold fewer packages than there are pins
    assert [pin for pin, stated in installed if licences.line(pin, stated) not in page] == []


def test_every_requirement_is_pinned() -> None:
    licences = script("licences")
    pinned = {licences.plain(pin.name) for pin in licences.pins()}
    assert sorted(set(licences.requested()) - pinned) == []


def test_every_copyleft_package_is_named_where_a_reader_looks_first() -> None:
    licences = script("licences")
    bold = re.findall(r"^\| (\S+) \|.*\*\*.*\*\* \|$", licences.PAGE.read_text("utf-8"), re.MULTILINE)
    look = sections(licences.PAGE)["What deserves a look"]
    assert bold
    assert [name for name in bold if f"`{name}`" not in look] == []


@pytest.mark.parametrize("page", FRONT, ids=lambda page: page.name)
def test_every_make_target_and_command_in_the_front_pages_exists(page: Path) -> None:
    text = page.read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text("utf-8"), re.MULTILINE))
    made = set(re.findall(r"(?:^|`)make ([a-z-]+)", text, re.MULTILINE))
    assert sorted(made - targets) == []
    known = {name for name, _, _ in COMMANDS}
    assert sorted(set(re.findall(r"(?:^|`)witting ([a-z]+)", text, re.MULTILINE)) - known) == []
    for group, verb in re.findall(r"(?:^|`)witting ([a-z]+) ([a-z]+)", text, re.MULTILINE):
        assert group not in GROUPS or verb in {name for name, _, _ in GROUPS[group]}


def test_the_readme_names_the_two_commands() -> None:
    text = (REPOSITORY / "README.md").read_text("utf-8")
    assert "make demo" in text
    assert "make test" in text


def test_the_readme_fits_on_a_screen_or_two() -> None:
    assert len((REPOSITORY / "README.md").read_text("utf-8").splitlines()) <= 120


def test_the_picture_of_the_report_is_small() -> None:
    picture = DOCS / "report.png"
    assert picture.stat().st_size < 300_000
    assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_the_offline_verifier_is_called_as_the_readme_says() -> None:
    verifier = REPOSITORY / "verify" / "witting_verify.py"
    done = subprocess.run([sys.executable, verifier, "--help"], capture_output=True, text=True, check=True)
    used = set(
        re.findall(r"witting_verify\.py[^\n`]*?(--[a-z]+)", (REPOSITORY / "README.md").read_text("utf-8"))
    )
    assert [option for option in used if option not in done.stdout] == []
    assert json.dumps(sorted(used))  # options are words, not a pattern gone wrong
