"""What a site says about the use of its pages for AI: robots.txt, TDM reservation, AIPREF, robots tags.

Covered: rules in robots.txt for crawlers that gather training data; `Content-Usage` there and as a header (IETF AIPREF
vocabulary: a use set to `n`); the TDM Reservation Protocol as header, meta element and `/.well-known/tdmrep.json`;
`noai` in `X-Robots-Tag` and meta robots. Not covered: licences in prose, terms of use.

The most restrictive wins. Silence is never a yes: a host whose robots.txt is not in the files given has said nothing
that could be known, so training is barred there. All of it only ever bars; what it opens, nothing here decides.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from witting.errors import UsageError
from witting.intake.html_text import Element
from witting.intake.json_stream import as_dict
from witting.intake.web.aipref import refuses_training

TRAINING = ("fine_tune_own_model", "train_general_model", "share_dataset", "publish_dataset")
AGENTS = (
    "GPTBot", "ClaudeBot", "anthropic-ai", "Google-Extended", "Applebot-Extended", "meta-externalagent", "CCBot",
    "Bytespider", "cohere-training-data-crawler", "AI2Bot", "Amazonbot", "PerplexityBot",
)  # fmt: skip
_USAGE_LINE = re.compile(r"^\s*content-usage\s*:\s*(?:(/\S*)\s+)?(.+)$", re.IGNORECASE | re.MULTILINE)


@dataclass
class Site:
    """What is known of one host."""

    robots: set[str] = field(default_factory=set)  # each robots.txt that was met; a site without one said ""
    tdm: list[tuple[str, bool]] = field(default_factory=list)  # location prefix, reserved


def barred(url: str, site: Site | None, headers: Mapping[str, str], page: Element | None) -> tuple[str, ...]:
    """The purposes that may not be served with this page. `headers` have lower-case names."""
    return TRAINING if _refuses(url, site, headers, page) else ()


def _refuses(url: str, site: Site | None, headers: Mapping[str, str], page: Element | None) -> bool:
    if site is None or not site.robots:
        return True  # unknown
    path = urlsplit(url).path or "/"
    if any(path.startswith(prefix) and reserved for prefix, reserved in site.tdm):
        return True
    if _usage_refuses(headers.get("content-usage", "")) or headers.get("tdm-reservation", "").strip() == "1":
        return True
    if "noai" in headers.get("x-robots-tag", "").lower():
        return True
    usages = [usage for robots in site.robots for usage in _USAGE_LINE.findall(robots)]
    if any(path.startswith(prefix or "/") and _usage_refuses(said) for prefix, said in usages):
        return True
    return any(_robots_refuse(url, robots) for robots in site.robots) or (
        page is not None and any(map(_meta_refuses, _metas(page)))
    )


def _usage_refuses(said: str) -> bool:
    """What cannot be read is a no. A line of robots.txt may end in a comment."""
    return refuses_training(said.partition("#")[0].lower()) is not False


def _robots_refuse(url: str, robots: str) -> bool:
    try:
        from protego import Protego
    except ImportError as error:
        raise UsageError("web archives need an extra: pip install 'witting[web]'.") from error
    rules = Protego.parse(robots)
    return not all(rules.can_fetch(url, agent) for agent in AGENTS)


def _metas(page: Element) -> Iterable[Element]:
    return page.find(lambda element: element.tag == "meta")


def _meta_refuses(meta: Element) -> bool:
    name, content = (meta.attributes.get(key, "").lower() for key in ("name", "content"))
    return (name == "tdm-reservation" and content.strip() == "1") or ("robots" in name and "noai" in content)


def read_tdmrep(data: bytes) -> list[tuple[str, bool]]:
    """Location prefixes of `tdmrep.json` and whether they are reserved; a file that is no JSON reserves everything."""
    try:
        listed = json.loads(data)
    except (ValueError, RecursionError):
        return [("/", True)]
    entries = map(as_dict, listed if isinstance(listed, list) else ())
    return [
        (str(entry.get("location", "/")).rstrip("*$") or "/", entry.get("tdm-reservation") != 0)
        for entry in entries
    ]
