"""Who computes: stages over bounded parts, here or on a cluster, with the same result."""

from witting.engine.stage import ROW, Key, Row, Scope, Stage, Transform, apply, digest, materialise

__all__ = ["ROW", "Key", "Row", "Scope", "Stage", "Transform", "apply", "digest", "materialise"]
