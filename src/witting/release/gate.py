"""The gate: fixed thresholds, decided before the audit, read here and nowhere else.

Covers: the three profiles and the decision. Not covered: overriding (a release despite a shut gate is not offered yet).
Thresholds: facts on audit statistics; exposure's null median is 1 bit, so the limit is 1.5. `trial` is for data too
small to audit: it says underpowered and releases for the operator's own eyes only, and still shuts when a leak shows.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from witting.audit import AuditReport

MEMBERSHIP_RATE = 0.01


@dataclass(frozen=True)
class Profile:
    """What a release must show. None: not asked of this profile."""

    name: str
    audience: str  # anyone | operator_only
    power_needed: bool
    exposure_median_bits_max: float | None
    membership_upper_max: float | None  # of the true-positive rate at 1 % false positives
    extraction_upper_max: float | None  # share of people, one-sided 95 %
    must_improve: bool


PROFILES = {
    "strict": Profile("strict", "anyone", True, 1.5, 0.02, 0.001, True),
    "routine": Profile("routine", "anyone", True, 1.5, 0.04, 0.01, True),
    "trial": Profile("trial", "operator_only", False, None, None, None, False),
}
EXPOSURE_P_VALUE_MIN = 0.001  # trial: planted canaries may not stand out more clearly than this
EXTRACTION_P_VALUE_MIN = (
    0.05  # trial: trained people's words may not come back more clearly oftener than others'
)


@dataclass(frozen=True)
class GateCheck:
    name: str
    ok: bool
    detail: str


@dataclass(frozen=True)
class GateVerdict:
    """`open` only if every check is ok. `underpowered` repeats what the audit could not show."""

    open: bool
    profile: str
    audience: str  # nobody where the gate is shut
    checks: tuple[GateCheck, ...]
    underpowered: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def thresholds(profile: str) -> dict[str, Any]:
    """The profile as JSON: committed to the ledger before training."""
    return asdict(PROFILES[profile])


def decide_release(
    report: AuditReport | None,
    *,
    profile: str,
    improved: bool | None,
    corpus_holds: bool,
    permits_hold: bool,
    commitment_held: bool,
) -> GateVerdict:
    """`improved`: held-out people gained, None where nobody could tell. `corpus_holds`: it verifies against the ledger.
    `permits_hold`: everyone in the corpus still permits, now. `commitment_held`: canaries and thresholds are those
    committed before training."""
    rules = PROFILES[profile]
    checks = [
        GateCheck(
            "corpus",
            corpus_holds,
            "every row verified against the ledger" if corpus_holds else "does not verify",
        ),
        GateCheck(
            "rights",
            permits_hold,
            "everyone in it still permits" if permits_hold else "somebody no longer permits",
        ),
        GateCheck(
            "commitment",
            commitment_held,
            "canaries and thresholds are those committed before training"
            if commitment_held
            else "canaries or thresholds differ from what was committed before training",
        ),
        _gain(rules, improved),
    ]
    checks += [GateCheck("audit", False, "missing")] if report is None else _audit(rules, report)
    opened = all(check.ok for check in checks)
    return GateVerdict(
        open=opened,
        profile=profile,
        audience=rules.audience if opened else "nobody",
        checks=tuple(checks),
        underpowered=report.underpowered if report is not None else (),
    )


def _gain(rules: Profile, improved: bool | None) -> GateCheck:
    said = {
        True: "held-out people gain, the interval excludes zero",
        False: "no gain shown on held-out people",
    }
    detail = (
        said.get(improved, "not measured: nobody is held out") if improved is not None else "not measured"
    )
    return GateCheck("gain", improved is True or not rules.must_improve, detail)


def _audit(rules: Profile, report: AuditReport) -> list[GateCheck]:
    extraction = report.extraction
    checks = [
        GateCheck("canaries_extracted", extraction.canaries_extracted == 0,
                  f"{extraction.canaries_extracted} of {extraction.canaries} planted secrets come back word for word"),
        _exposure(rules, report),
        _membership(rules, report),
        _extraction(rules, report),
    ]  # fmt: skip
    if rules.power_needed:
        lacking = " ".join(report.underpowered)
        checks.append(
            GateCheck("power", not report.underpowered, lacking or "enough canaries, controls and people")
        )
    return checks


def _exposure(rules: Profile, report: AuditReport) -> GateCheck:
    exposure = report.canaries.exposure
    if exposure.median_bits is None or exposure.p_value is None:
        return GateCheck("exposure", False, "no canary was planted, or none left out")
    measured = f"median {exposure.median_bits:.2f} bits of {exposure.measurable_bits:.1f} measurable, p = {exposure.p_value:.3f}"
    if rules.exposure_median_bits_max is None:
        return GateCheck("exposure", exposure.p_value >= EXPOSURE_P_VALUE_MIN, measured)
    return GateCheck("exposure", exposure.median_bits <= rules.exposure_median_bits_max, measured)


def _membership(rules: Profile, report: AuditReport) -> GateCheck:
    found = next(m for m in report.canaries.membership if m.false_positive_rate == MEMBERSHIP_RATE)
    measured = f"{found.found.hits} of {found.found.trials} found at 1 % false positives, up to {found.found.high:.1%}"
    if rules.membership_upper_max is None:
        return GateCheck("membership", True, measured + (" (underpowered)" if found.underpowered else ""))
    return GateCheck(
        "membership", not found.underpowered and found.found.high <= rules.membership_upper_max, measured
    )


def _extraction(rules: Profile, report: AuditReport) -> GateCheck:
    extraction, control = report.extraction, report.extraction.control
    measured = (
        f"{extraction.extracted.hits} of {extraction.people} people (up to {extraction.upper_bound:.1%}), "
        f"{control.hits} of {control.trials} held out, p = {extraction.p_value:.3f}"
    )
    if rules.extraction_upper_max is None:
        return GateCheck("extraction", extraction.p_value >= EXTRACTION_P_VALUE_MIN, measured)
    bounded = extraction.people > 0 and extraction.upper_bound <= rules.extraction_upper_max
    return GateCheck("extraction", bounded, measured)
