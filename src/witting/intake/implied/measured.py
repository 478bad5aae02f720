"""How often each rule was right, as measured on the labelled turns; the figures lie beside the rules.

Covers: `measured.toml`, which `bench/implied_signals.py --write` writes and a test holds to what is computed.
Not covered: measuring (bench), deciding what a rule may be used for (curation).
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

RULE_OF = {
    "objected": "objected/1",
    "rephrased": "rephrased/1",
    "thanked": "thanked/1",
    "continued": "continued/1",
    "abandoned": "abandoned/1",
}
UNMEASURED = 0.25  # an estimate, for a rule about silence: no words can be labelled


@dataclass(frozen=True)
class Measured:
    """Of `said` times that a rule spoke on turns it was not made on, it was `right` so often."""

    right: int
    said: int

    @property
    def precision(self) -> float:
        return self.right / self.said if self.said else 0.0

    @property
    def precision_low(self) -> float:
        """The lower end of the exact two-sided 95 % interval of the precision (Clopper and Pearson 1934)."""
        from scipy.stats import binomtest

        if not self.said:
            return 0.0
        interval = binomtest(self.right, self.said).proportion_ci(confidence_level=0.95, method="exact")
        return float(interval.low)


@cache
def measured() -> dict[str, dict[str, Measured]]:
    """By rule, then by set: `held_out`, `real`."""
    text = (resources.files("witting.intake.implied") / "measured.toml").read_text("utf-8")
    return {
        rule: {name: Measured(**counts) for name, counts in sets.items()}
        for rule, sets in tomllib.loads(text).items()
    }


@cache
def confidence(rule: str) -> float:
    """Precision over all measured sets together."""
    sets = measured().get(rule, {}).values()
    together = Measured(sum(one.right for one in sets), sum(one.said for one in sets))
    return together.precision if together.said else UNMEASURED
