"""Instagram's download: direct messages, in Messenger's formats under another root folder.

Covered: threads as JSON or pages in `your_instagram_activity/messages/<box>/<thread>/`, older roots, and thread files in a
folder named instagram. Everything else is said in `messenger.py`. Not covered here: comments (`wall.py`), talks with Meta
AI (`ai.py`).

The two products write the same files, so here the path decides: a thread file taken out of its folders reads as
Messenger's.
"""

from __future__ import annotations

import re
from functools import partial

from witting.intake.facts import family
from witting.intake.meta import messenger
from witting.intake.meta.exporter import COMPANIONS
from witting.intake.source import Member, Source

NAME = "instagram"

_PRODUCT = re.compile(
    r"(?<![^/])(your_(?:facebook|instagram)_activity|your_activity_across_facebook|(?:facebook|instagram)(?:-[^/]*)?)/"
)


def claims(member: Member, head: bytes) -> bool:
    folders = _PRODUCT.findall(member.path)
    return bool(folders) and "instagram" in folders[-1].partition("-")[0] and messenger.claims(member, head)


SOURCE = Source(
    name=NAME,
    facts=family("meta")[NAME],
    claims=claims,
    read=partial(messenger.read, source=NAME),
    exporter=messenger.exporter,
    companions=COMPANIONS,
)
