"""`judge_page`: look at a consent screen, fill the evidence, judge it, and keep the proof.

Covers: the verb, the report it returns, the folder it writes (pictures, `evidence.json`, `page.json`). The verdict is
that of `evidence.judge` on the filled record, by the worse viewport. Not covered: choosing the words of the door.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from witting.errors import UnreadablePage, UsageError
from witting.rights.capture import read_evidence
from witting.rights.evidence import Failure, Judgement, judge, load_profile, worst
from witting.rights.page.chromium import open_browser, read_target
from witting.rights.page.facts import Facts
from witting.rights.page.look import Sighting, look
from witting.rights.page.patterns import CANNOT, SEEN, Finding, find_patterns, load_patterns
from witting.rights.page.record import SHOWN, fill, sha256_of
from witting.rights.page.visit import VIEWPORTS, Setting
from witting.rights.page.words import load_words

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PAGE_SECONDS = 30.0  # one load
LOOK_SECONDS = 150.0  # one viewport, all its visits
PAGE_SECONDS_MAX = 600.0
LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
FORMAT = "witting.page/1"


@dataclass(frozen=True)
class PageReport:
    """What was seen, what it is worth, and the pictures of it."""

    page: str
    looked_at: datetime
    browser: str
    views: tuple[Facts, ...]
    evidence: dict[str, Any]  # Any: JSON values
    judgement: Judgement
    patterns: tuple[Finding, ...]

    @property
    def failed_on_page(self) -> list[Failure]:
        return [failure for failure in self.judgement.failed if self._shows(failure)]

    @property
    def not_on_page(self) -> list[Failure]:
        """Rules that fail because a page cannot show their evidence; a record given along could."""
        return [failure for failure in self.judgement.failed if not self._shows(failure)]

    def _shows(self, failure: Failure) -> bool:
        return failure.field.split(".")[0] in SHOWN

    @property
    def pictures(self) -> dict[str, bytes]:
        return {name: picture for facts in self.views for name, picture in facts.seen.pictures.items()}

    def as_json(self) -> dict[str, Any]:
        said = self.judgement.as_json()
        shown = [{**f, "on_page": f["field"].split(".")[0] in SHOWN} for f in said["failed"]]
        return {
            **said,
            "failed": shown,
            "format": FORMAT,
            "page": self.page,
            "looked_at": self.looked_at.isoformat(),
            "browser": self.browser,
            "notice_sha256": self.evidence["notice"]["sha256"],
            "patterns": [finding.as_json() for finding in self.patterns],
            "patterns_source": {name: load_patterns()[name] for name in ("source", "reviewed")},
            "viewports": {facts.seen.viewport: facts.as_json() for facts in self.views},
            "evidence": self.evidence,
        }


def judge_page(
    page: str,
    *,
    profile: str,
    now: datetime,
    known: Mapping[str, Any] | None = None,  # Any: an evidence record, checked by capture.py
    language: str | None = None,
    viewports: Sequence[str] = ("desktop", "phone"),
    page_seconds: float = PAGE_SECONDS,
    executable: Path | None = None,
    browser: Browser | None = None,
    out: Path | None = None,
) -> PageReport:
    """Open `page` (a URL or a file) and judge what it shows.

    On a live site the clicks are real: it is told yes, no and a withdrawal, each from a fresh profile. `browser` is one
    that stands open already. Raises UsageError, InvalidEvent (a field of `known`), UnreadablePage, MissingExtra.
    """
    load_profile(profile)
    read_evidence(known or {})
    target = read_target(page)
    _check(language, viewports, page_seconds, out)
    lexicon = load_words()
    with open_browser(browser, executable, offline=target.is_file) as chromium:
        views = []
        for viewport in viewports:
            setting = Setting(
                browser=chromium, target=target, lexicon=lexicon, viewport=viewport, language=language,
                page_seconds=page_seconds, deadline=time.monotonic() + max(LOOK_SECONDS, 2 * page_seconds),
            )  # fmt: skip
            views.append(Facts(_look(setting, pictures=out is not None), lexicon, language))
        version = f"Chromium {chromium.version}"
    report = _report(target.name, tuple(views), known or {}, profile=profile, now=now, version=version)
    if out is not None:
        write(report, out)
    return report


def _look(setting: Setting, *, pictures: bool) -> Sighting:
    """`look`; where the driver itself gives up, because the browser died, that is said of the page."""
    from playwright.sync_api import Error

    try:
        return look(setting, pictures=pictures)
    except Error as error:
        raise UnreadablePage(
            f"the browser gave up on the page {setting.target.name} ({type(error).__name__}). Open it in a browser by hand."
        ) from error


def _check(language: str | None, viewports: Sequence[str], page_seconds: float, out: Path | None) -> None:
    if language is not None and not LANGUAGE_TAG.fullmatch(language):
        raise UsageError("--language is a BCP 47 tag, such as de or pt-BR.")
    if unknown := set(viewports) - set(VIEWPORTS) or (not viewports and {""}):
        raise UsageError(f"there is no viewport {sorted(unknown)[0]!r}; choose among {', '.join(VIEWPORTS)}.")
    if not 1 <= page_seconds <= PAGE_SECONDS_MAX:
        raise UsageError(f"--page-seconds is from 1 to {PAGE_SECONDS_MAX:.0f}.")
    if out is not None and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} is there already and not an empty folder; proof is never overwritten.")


def _report(
    name: str,
    views: tuple[Facts, ...],
    known: Mapping[str, Any],
    *,
    profile: str,
    now: datetime,
    version: str,
) -> PageReport:
    judged = []
    for facts in views:
        evidence = fill(facts, known, now=now)
        judged.append((judge(evidence, profile=profile, now=now), evidence))
    judgement = worst([verdict for verdict, _ in judged])
    evidence = next(record for verdict, record in judged if verdict is judgement)
    recorded = (known.get("notice") or {}).get("sha256")
    patterns = find_patterns(views, recorded_sha256=recorded, shown_sha256=sha256_of(views[0].notice_text))
    return PageReport(name, now, version, views, evidence, judgement, tuple(patterns))


def write(report: PageReport, out: Path) -> None:
    """Pictures, the filled record, and the report with the SHA-256 of each."""
    out.mkdir(parents=True, exist_ok=True)
    record = json.dumps(report.evidence, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"
    files = {**report.pictures, "evidence.json": record}
    for name, content in files.items():
        (out / name).write_bytes(content)
    listed = [
        {"name": name, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        for name, content in sorted(files.items())
    ]
    whole = json.dumps({**report.as_json(), "files": listed}, ensure_ascii=False, indent=1, sort_keys=True)
    (out / "page.json").write_text(whole + "\n", "utf-8")


def page_of(report: PageReport) -> str:
    """The report for people: verdict, what the page fails, patterns with their proof, what a page cannot show."""
    judgement = report.judgement
    lines = [
        f"{judgement.verdict} (profile {judgement.profile}; {judgement.score} of 100 for how it is asked, beside the hard rules)",
        "",
        *_figures(report),
        "",
        "What the page fails:"
        if report.failed_on_page
        else "The page fails none of the rules that a page can show.",
        *(f"  {f.rule} [{f.field}]: {f.remedy} ({f.source})" for f in report.failed_on_page),
    ]
    seen = [finding for finding in report.patterns if finding.status == SEEN]
    blind = [finding for finding in report.patterns if finding.status == CANNOT]
    lines += [
        "",
        f"Deceptive patterns seen: {len(seen)} of {len(report.patterns)} ({load_patterns()['source']})",
    ]
    for finding in seen:
        lines.append(f"  {finding.pattern} ({finding.category})")
        lines += [f"    {proof.element}: {_figure_words(proof.figures)}" for proof in finding.proofs]
    if blind:
        lines += ["Could not be seen:", *(f"  {finding.pattern}: {finding.why}" for finding in blind)]
    if report.not_on_page:
        fields = ", ".join(dict.fromkeys(f.field for f in report.not_on_page))
        lines += ["", f"A page cannot show these; give a record along that does: {fields}"]
    return "\n".join(lines)


def _figures(report: PageReport) -> list[str]:
    lines = []
    for facts in report.views:
        steps = ", ".join(
            f"{name} {taken if taken is not None else 'not found'}" for name, taken in facts.steps.items()
        )
        grade = f", grade {facts.grade}" if facts.grade is not None else ""
        lines.append(
            f"{facts.seen.viewport}: steps to {steps}; defaults {facts.default_state}; notice in {facts.notice_language}, "
            f"{facts.words} words{grade}"
        )
    return lines


def _figure_words(figures: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name} {' > '.join(value) if isinstance(value, list) and value and isinstance(value[0], str) else value}"
        for name, value in figures.items()
    )
