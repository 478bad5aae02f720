"""Is this consent informed? A verdict on one evidence record, with every rule it failed, its source and the remedy.

Covers: hard gates, score, verdict, profiles (`gdpr`, `ccpa`, `dpdp`, `coppa`, `global_floor`) as data in
`packs/evidence/`. Not covered: reading the record (`capture.py`), the checks themselves (`gates.py`), what a verdict
opens (`timeline.py`), the check of the signature (`signature.py`; asked for only where a caller has made it).
`valid` may feed weights, `weak` evaluation only, `invalid` nothing. A verdict is evidence for a lawful consent,
never proof that one was lawful: no regulator approves a form, and the record is the controller's own account.

From: GDPR Art. 4(11), 6, 7; EDPB Guidelines 05/2020 (consent) and 03/2022 (deceptive patterns); 11 CCR 7004.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any

from witting.errors import PolicyError, UsageError
from witting.rights.capture import Evidence, read_evidence
from witting.rights.gates import CHECKS, Asked, Limits

PROFILES = ("gdpr", "ccpa", "dpdp", "coppa", "global_floor")
FLOOR = "global_floor"
RANK = {"invalid": 0, "weak": 1, "valid": 2}


@dataclass(frozen=True)
class Failure:
    """A rule that was not met: which, on what field, by which law, and what to do about it."""

    rule: str
    field: str
    source: str
    remedy: str


@dataclass(frozen=True)
class Judgement:
    verdict: str  # schema.CONSENT_VERDICTS
    score: int  # 0 to 100; says nothing where a hard gate failed
    failed: tuple[Failure, ...]
    profile: str
    pack: str  # profile@16 hex of the SHA-256 of the rules it was judged by

    def as_json(self) -> dict[str, Any]:
        """The shape of `witting rights judge --json`."""
        failed = [
            {"rule": f.rule, "field": f.field, "source": f.source, "remedy": f.remedy} for f in self.failed
        ]
        return {
            "verdict": self.verdict,
            "score": self.score,
            "failed": failed,
            "profile": self.profile,
            "pack": self.pack,
        }


@dataclass(frozen=True)
class EvidenceRule:
    failure: Failure
    hard: bool
    weight: int
    reviewed: bool
    strict: bool  # asked only where its answer can be checked


@dataclass(frozen=True)
class Profile:
    """The rules as one body of law reads them."""

    name: str
    title: str
    pack: str
    rules: tuple[EvidenceRule, ...]
    limits: Limits
    valid_from: int
    weak_from: int
    depth_cap_over: int
    depth_cap: int


def judge(
    evidence: Mapping[str, Any],  # Any: JSON values from outside, checked by capture.py
    *,
    profile: str,
    now: datetime,
    notices: Callable[[str], bool] | None = None,
    given_at: datetime | None = None,
    signed: bool | None = None,
) -> Judgement:
    """The verdict on `evidence` under `profile`. Raises InvalidEvent (a field), UsageError (a profile).

    `notices` says whether the notice store holds a text of that SHA-256. With `given_at` the record is judged as of
    that moment: that it ran out since is then no failure. `signed` says whether its signature verified (strict mode);
    None leaves that unasked.
    """
    return judge_record(
        read_evidence(evidence), profile=profile, now=now, notices=notices, given_at=given_at, signed=signed
    )


def judge_record(
    evidence: Evidence,
    *,
    profile: str,
    now: datetime,
    notices: Callable[[str], bool] | None = None,
    given_at: datetime | None = None,
    signed: bool | None = None,
) -> Judgement:
    """`judge`, on a record that was read before."""
    law = load_profile(profile)
    asked = Asked(
        evidence=evidence,
        limits=law.limits,
        now=now,
        given_at=given_at,
        place_may_be_unknown=profile == FLOOR,
        notices=notices,
        signed=signed,
    )
    rules = [rule for rule in law.rules if signed is not None or not rule.strict]
    failed = [rule for rule in rules if not CHECKS[rule.failure.rule](asked)]
    score = _score(law, failed, evidence.depth)
    return Judgement(
        verdict="invalid" if any(rule.hard for rule in failed) else _verdict(law, score),
        score=score,
        failed=tuple(rule.failure for rule in failed),
        profile=law.name,
        pack=law.pack,
    )


def worst(judgements: list[Judgement]) -> Judgement:
    """Where two laws apply, the consent is worth what the harder one says."""
    return min(judgements, key=lambda j: (RANK[j.verdict], j.score, j.profile))


def _score(law: Profile, failed: list[EvidenceRule], depth: int | None) -> int:
    score = 100 - sum(rule.weight for rule in failed)
    far = depth is not None and depth > law.depth_cap_over
    return min(score, law.depth_cap) if far else score


def _verdict(law: Profile, score: int) -> str:
    if score >= law.valid_from:
        return "valid"
    return "weak" if score >= law.weak_from else "invalid"


@cache
def load_profile(name: str) -> Profile:
    """Read from `packs/evidence/`. Raises UsageError for a name that is not one of PROFILES."""
    if name not in PROFILES:
        raise UsageError(f"The profile {name!r} is not known; choose one of {', '.join(PROFILES)}.")
    folder = files("witting.rights") / "packs" / "evidence"
    rules_bytes = (folder / "rules.toml").read_bytes()
    profile_bytes = (folder / f"{name}.toml").read_bytes()
    common, own = tomllib.loads(rules_bytes.decode()), tomllib.loads(profile_bytes.decode())
    rules = tuple(_rule(raw, own["sources"]) for raw in common["rule"])
    _hold_to_each_other(rules, own["sources"], name)
    digest = hashlib.sha256(rules_bytes + profile_bytes).hexdigest()
    return Profile(
        name=name,
        title=own["title"],
        pack=f"{name}@{digest[:16]}",
        rules=rules,
        limits=_limits({**common["limits"], **own["limits"]}),
        **common["verdict"],
    )


def _rule(raw: Mapping[str, Any], sources: Mapping[str, str]) -> EvidenceRule:
    failure = Failure(raw["id"], raw["field"], sources.get(raw["id"], raw["source"]), raw["remedy"])
    weight = raw["weight"] if raw["class"] == "scored" else 0
    return EvidenceRule(
        failure, raw["class"] != "scored", weight, raw["reviewed"], strict=raw["class"] == "strict"
    )


def _limits(raw: dict[str, Any]) -> Limits:
    sets: dict[str, Any] = {name: frozenset(raw[name]) for name in ("asked_alone", "notice_elements")}
    return Limits(**{**raw, **sets})


def _hold_to_each_other(rules: tuple[EvidenceRule, ...], sources: Mapping[str, str], name: str) -> None:
    named = [rule.failure.rule for rule in rules]
    if sorted(named) != sorted(CHECKS):
        raise PolicyError(f"evidence/rules.toml and gates.py differ on {sorted(set(named) ^ set(CHECKS))}.")
    if unknown := set(sources) - set(named):
        raise PolicyError(f"evidence/{name}.toml, sources: rules.toml has no rule {sorted(unknown)}.")
    if sum(rule.weight for rule in rules) != 100:
        raise PolicyError("evidence/rules.toml: the weights of the scored rules must add up to 100.")
