"""A page that asks: one HTML file a language, everything in it, nothing loaded.

Covers: the markup from the written notice, and a policy that forbids the page every connection and every script and
style but its own, by hash. Not covered: telling a server. The page keeps the answer in the browser and raises the event
`notice-answer` on its window, with what the evidence record needs.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files

from jinja2 import Environment, StrictUndefined, Template

from witting.rights.notice.facts import Facts
from witting.rights.notice.texts import Texts
from witting.rights.notice.write import Written


def page_of(facts: Facts, texts: Texts, written: Written) -> str:
    style, script = _read("page.css"), _read("page.js")
    policy = f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; base-uri 'none'; form-action 'none'"
    return _template().render(
        texts=texts, written=written, facts=facts, style=style, script=script, policy=policy,
        joint="" if texts.language == "ja" else " ",
    )  # fmt: skip


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@cache
def _template() -> Template:
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.from_string(_read("page.html"))


@cache
def _read(name: str) -> str:
    return (files("witting.rights.notice") / name).read_text("utf-8")
