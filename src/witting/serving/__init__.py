"""Serving: talk with a released adapter, behind a guard that does not let training text through word for word.

Covered: the guard's index and the guard on `transformers` generation, a chat turn. Not covered yet: the proxy, feedback
back to intake. The guard lessens accidents; it is no privacy guarantee, and a filter of this kind can itself be probed
(Debenedetti et al. 2023), so it never says that it stepped in.
"""

from witting.serving.chat import Reply, reply
from witting.serving.guard import Guard
from witting.serving.index import GuardIndex, build_index

__all__ = ["Guard", "GuardIndex", "Reply", "build_index", "reply"]
