"""Release: a gate that reads thresholds from its profile and the audit, and opens or stays shut.

Covered: profiles, the decision, what a release binds by hash, its card. Not covered: measuring (audit, training).
A gate fails closed: anything missing shuts it.
"""

from witting.release.gate import PROFILES, GateCheck, GateVerdict, decide_release

__all__ = ["PROFILES", "GateCheck", "GateVerdict", "decide_release"]
