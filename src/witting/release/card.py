"""The card of a release: what it was trained on, what it is worth, what leaked, for whom. Computed, never typed in.

Covers: Markdown beside the sealed release, every number from its body. Not covered: regulators' forms (`reports`).
It names the controller and the base, nobody else: people are counts here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

RELEASED = {"anyone": "released for anyone", "operator_only": "released for the operator's own eyes only"}


def write(body: Mapping[str, Any]) -> str:
    """The card of a release statement's body (docs/formats/release.md)."""
    sections = (_head(body), _learned(body), _gain(body), _leak(body), _gate(body))
    return "\n".join(line for section in sections for line in section) + "\n"


def _head(body: Mapping[str, Any]) -> list[str]:
    verdict = RELEASED[body["audience"]] if body["open"] else "refused"
    return [
        f"# Adapter {body['run'][:12]}: {verdict}",
        "",
        f"Controller: {_line(body['controller'])}. Base: {_line(body['base']['name'])} "
        f"(SHA-256 `{body['base']['sha256']}`).",
        f"Corpus `{body['corpus']}`. Merged adapter SHA-256 `{body['merged_sha256']}`.",
        "",
    ]


def _learned(body: Mapping[str, Any]) -> list[str]:
    counts = body["counts"]
    return [
        "## What it learned from",
        "",
        f"{counts['examples']} examples of {counts['people']} people, each with a door open for this purpose when it was "
        f"decided: {counts['by_split'].get('train', 0)} to train on, {counts['by_split'].get('heldout', 0)} of people held "
        f"out. {counts['canaries']} planted secrets beside them, of nobody.",
        f"Policy packs: {', '.join(f'{name} `{digest[:12]}`' for name, digest in sorted(body['packs'].items()))}.",
        "",
    ]


def _gain(body: Mapping[str, Any]) -> list[str]:
    said = body["evaluation"]
    if said["difference"] is None or said["interval"] is None:
        return ["## What it is worth", "", f"Not measured. {said['note']}".rstrip(), ""]
    low, high = said["interval"]
    return [
        "## What it is worth",
        "",
        f"On {said['people']} people it was not trained on: {said['base_loss_nats']:.3f} nats a token before, "
        f"{said['adapted_loss_nats']:.3f} after; difference {said['difference']:+.3f} (95 % {low:+.3f} to {high:+.3f}).",
        "",
    ]


def _leak(body: Mapping[str, Any]) -> list[str]:
    extraction, exposure = body["report"]["extraction"], body["report"]["canaries"]["exposure"]
    median = "not measured" if exposure["median_bits"] is None else f"{exposure['median_bits']:.2f} bits"
    lines = [
        "## What the audit found",
        "",
        f"- Words of {extraction['extracted']['hits']} of {extraction['people']} people came back word for word "
        f"(up to {extraction['upper_bound']:.1%} of people, 95 %); of people not trained on, "
        f"{extraction['control']['hits']} of {extraction['control']['trials']}.",
        f"- Planted secrets that came back: {extraction['canaries_extracted']} of {extraction['canaries']}.",
        f"- Exposure of planted canaries: median {median} of {exposure['measurable_bits']:.1f} measurable.",
        "",
    ]
    if body["underpowered"]:
        lines += ["What this audit could not show:", "", *[f"- {said}" for said in body["underpowered"]], ""]
    return lines


def _gate(body: Mapping[str, Any]) -> list[str]:
    rows = [
        f"| {c['name']} | {'passed' if c['ok'] else 'failed'} | {_line(c['detail'])} |"
        for c in body["checks"]
    ]
    return [
        f"## The gate (profile {body['profile']})",
        "",
        "| check | result | measured |",
        "|---|---|---|",
        *rows,
    ]


def _line(text: str) -> str:
    """As one line that ends no cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")
