"""Trains the tagger and writes its weights, with the curves its thresholds were read from.

    python train/tagger.py PII_FOLDER --chats CHATS_FOLDER --out src/witting/redaction/tagger/weights.npz

Covers: a float model with the shape of `tagger/model.py`, fitted by Adam, rounded to 8 bits, thresholds chosen on
what was kept aside. Needs torch and Faker; nothing of either is needed to use the weights. Minutes on two cores.
Not covered: proof of quality: what is kept aside comes from the same collections. bench/tagger.py measures.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
import unicodedata
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent))

import corpora
from corpora import Sentence
from witting.redaction.normalise import BARRIERS, View, fold, placeholders, plain, view
from witting.redaction.tagger import decode
from witting.redaction.tagger import features as f
from witting.redaction.tagger.features import Words
from witting.redaction.tagger.model import LEVELS, REACH, Model, found, read, score

WIDTH, HIDDEN = 48, 64
EMBEDDED_MAX, ACTIVE_MAX = 4.0, 6.0  # where values are cut, so that 8 bits are enough
IGNORED = -100
LABEL = {name: n for n, name in enumerate(decode.LABELS)}


@dataclass
class Stream:
    """Words of all sentences in one row, REACH gaps between them."""

    rows: np.ndarray  # (words, TABLES)
    labels: np.ndarray  # IGNORED at gaps
    real: np.ndarray  # 0 at gaps
    weight: np.ndarray


def classes() -> np.ndarray:
    """What each code point is, by this Python's Unicode."""
    found = np.zeros(f.CLASSED, np.uint8)
    for code in range(f.CLASSED):
        char, category = chr(code), unicodedata.category(chr(code))
        if char in "\n\r\u2028\u2029":
            found[code] = f.LINE
        elif char in BARRIERS:
            found[code] = f.REPLACED
        elif category[0] in "ZC":
            found[code] = f.SPACE
        elif category in ("Lu", "Lt"):
            found[code] = f.UPPER
        elif category[0] in "LM":
            found[code] = f.LOWER
        else:
            found[code] = f.DIGIT if category[0] == "N" else f.SIGN
    found[f.CLASSED - 1] = f.SIGN
    return found


def word_lists() -> tuple[np.ndarray, np.ndarray]:
    """Ascending hashes and the lists each is in."""
    bits: dict[int, int] = {}
    for word, bit in corpora.listed_words().items():
        for one in {plain(fold(word))}:
            hashed = f.word_hash(one)
            bits[hashed] = bits.get(hashed, 0) | bit
    listed = np.array(sorted(bits), np.uint32)
    return listed, np.array([bits[int(one)] for one in listed], np.uint8)


def encoded(one: Sentence, lists: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Rows and labels of a sentence, cut as the tagger will cut it."""
    seen = view(one.text, placeholders(one.text))
    if not seen.plain.strip():
        return np.empty((0, len(f.TABLES)), np.int64), np.empty(0, np.int64)
    cut = f.words(seen.folded, seen.plain, **lists)
    labels = np.zeros(len(cut.starts), np.int64)
    starts = np.array([seen.original(int(s), int(e))[0] for s, e in zip(cut.starts, cut.ends, strict=True)])
    for begin, end, kind in one.spans:
        inside = np.flatnonzero((starts >= begin) & (starts < end))
        if len(inside):
            labels[inside] = LABEL[f"I-{kind}"]
            labels[inside[0]] = LABEL[f"B-{kind}"]
    return cut.rows, labels


def stream(sentences: list[Sentence], lists: dict[str, np.ndarray], rng: random.Random) -> Stream:
    gap = np.zeros((REACH, len(f.TABLES)), np.int64)
    rows, labels, real, weight = [], [], [], []
    for one in rng.sample(sentences, len(sentences)):
        r, y = encoded(one, lists)
        heavy = {"carriers": 1.0, "pl-pii-bench": 1.0, "xlime": 0.5}.get(one.source, 1.0)
        rows += [r, gap]
        labels += [y, np.full(REACH, IGNORED)]
        real += [np.ones(len(y), np.float32), np.zeros(REACH, np.float32)]
        weight += [np.full(len(y) + REACH, heavy, np.float32)]
    return Stream(*(np.concatenate(part) for part in (rows, labels, real, weight)))


class Net(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.tables = torch.nn.ParameterList(
            [torch.nn.Parameter(torch.randn(rows, WIDTH) * 0.1) for rows in f.ROWS]
        )
        self.wide = torch.nn.Linear(5 * WIDTH, HIDDEN)
        self.near = torch.nn.Linear(3 * HIDDEN, HIDDEN)
        self.out = torch.nn.Linear(2 * HIDDEN, len(decode.LABELS))

    def forward(self, rows: torch.Tensor, real: torch.Tensor, *, noise: bool) -> torch.Tensor:
        """(words, TABLES) to (words, LABELS)."""
        parts = [torch.nn.functional.embedding(rows[:, n], table) for n, table in enumerate(self.tables)]
        if noise:
            for n, share in ((0, 0.2), (1, 0.1), (2, 0.1), (3, 0.1), (5, 0.15)):
                parts[n] = parts[n] * (torch.rand(len(rows), 1) > share)
        x = torch.clamp(sum(parts), -EMBEDDED_MAX, EMBEDDED_MAX) * real[:, None]
        if noise:
            x = torch.nn.functional.dropout(x, 0.1)
        wide = torch.clamp(self.wide(_beside(x, 2)), 0, ACTIVE_MAX) * real[:, None]
        near = torch.clamp(self.near(_beside(wide, 1)), 0, ACTIVE_MAX)
        both = torch.cat([wide, near], 1)
        return self.out(torch.nn.functional.dropout(both, 0.2) if noise else both)


def _beside(x: torch.Tensor, reach: int) -> torch.Tensor:
    padded = torch.nn.functional.pad(x, (0, 0, reach, reach))
    return torch.cat([padded[n : n + len(x)] for n in range(2 * reach + 1)], 1)


def fit(
    train: list[Sentence], lists: dict[str, np.ndarray], *, epochs: int, seed: int, block: int = 4096
) -> Net:
    torch.manual_seed(seed)
    rng = random.Random(seed)
    net = Net()
    optimiser = torch.optim.Adam(net.parameters(), lr=3e-3, betas=(0.9, 0.99))
    schedule = None
    for epoch in range(epochs):
        began = time.time()
        data = stream([corpora.changed(one, rng, lowered=0.35) for one in train], lists, rng)
        rows, labels = torch.from_numpy(data.rows), torch.from_numpy(data.labels)
        real, weight = torch.from_numpy(data.real), torch.from_numpy(data.weight)
        starts = list(range(0, len(rows), block))
        schedule = schedule or torch.optim.lr_scheduler.OneCycleLR(
            optimiser, 6e-3, total_steps=(len(starts) + 50) * epochs, pct_start=0.1
        )
        rng.shuffle(starts)
        net.train()
        total = 0.0
        for at in starts:
            part = slice(at, at + block)
            scores = net(rows[part], real[part], noise=True)
            losses = torch.nn.functional.cross_entropy(
                scores, labels[part], ignore_index=IGNORED, reduction="none"
            )
            loss = (losses * weight[part]).sum() / real[part].sum().clamp(min=1)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += float(loss.detach())
        print(
            f"epoch {epoch}: {len(rows):,} words, loss {total / len(starts):.4f}, {time.time() - began:.0f} s",
            flush=True,
        )
    return net


def rounded(net: Net, lists: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The weights file: whole numbers, and the scales that bring sums back to 8 bits."""
    with torch.no_grad():
        tables = [table.clamp(-EMBEDDED_MAX, EMBEDDED_MAX).numpy() for table in net.tables]
        step = max(float(np.quantile(np.abs(table), 0.9999)) for table in tables) / LEVELS
        held = {f"table_{name}": _whole(t / step) for name, t in zip(f.TABLES, tables, strict=True)}
        sum_scale = np.float32(step * LEVELS / EMBEDDED_MAX)
        held |= {"sum_scale": sum_scale, **lists}
        unit = EMBEDDED_MAX / LEVELS  # what one level of the input is worth
        for name, layer in (("wide", net.wide), ("near", net.near), ("out", net.out)):
            weight = layer.weight.numpy().T
            shared = name == "out"
            scale = np.abs(weight).max(axis=None if shared else 0) / LEVELS
            held[name] = _whole(weight / scale)
            worth = (scale * unit).astype(np.float32)
            bias = np.rint(layer.bias.numpy() / worth)
            held[f"{name}_bias"] = np.clip(bias, -(2**22), 2**22).astype(np.float32)
            if shared:
                held["nats"] = np.float32(worth)
            else:
                held[f"{name}_scale"] = (worth * LEVELS / ACTIVE_MAX).astype(np.float32)
            unit = ACTIVE_MAX / LEVELS
    return held


def _whole(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), -LEVELS, LEVELS).astype(np.int8)


def loaded(held: dict[str, np.ndarray], path: Path) -> Model:
    np.savez_compressed(path, **held)
    return read(path)


Scored = tuple[Sentence, View, tuple[Words, np.ndarray] | None]


def curve(
    model: Model, kind: str, sentences: list[Scored], quiet: list[Scored], *, capital: bool
) -> list[dict[str, float]]:
    """Recall, precision (overlap) and share of characters taken from texts that name nobody, by offset in nats, of what
    begins with a capital letter or not."""
    points = []
    chars = sum(len(one.text) for one, _, _ in quiet)
    for nats in np.arange(-3.0, 1.01, 0.5):
        tried = replace(model, offsets=offsets({(kind, capital): float(nats)}, model.nats))

        def spans(held: Scored, tried: Model = tried) -> list[tuple[int, int]]:
            one, seen, scored = held
            got = found(seen, *scored, tried) if scored else []
            placed = [seen.original(x.start, x.end) for x in got if x.kind == kind]
            return [(a, b) for a, b in placed if one.text[a].isupper() == capital]

        hit = wrong = gold = 0
        for held in sentences:
            one = held[0]
            said = [(s, e) for s, e, k in one.spans if k == kind]
            got = spans(held)
            here = [(s, e) for s, e in said if one.text[s].isupper() == capital]
            hit, gold = hit + sum(any(s < b and a < e for a, b in got) for s, e in here), gold + len(here)
            wrong += sum(not any(s < b and a < e for s, e in said) for a, b in got)
        taken = sum(b - a for held in quiet for a, b in spans(held))
        precision = hit / max(hit + wrong, 1)
        points.append(
            {
                "nats": float(nats),
                "recall": hit / max(gold, 1),
                "precision": precision,
                "taken": taken / max(chars, 1),
            }
        )
    return points


def offsets(nats: dict[tuple[str, bool], float], unit: float) -> np.ndarray:
    """(2, LABELS) from the offset of each kind, without and with a capital letter."""
    given = np.zeros((2, len(decode.LABELS)), np.int64)
    for (kind, capital), value in nats.items():
        for place in "BI":
            given[int(capital), LABEL[f"{place}-{kind}"]] = round(value / unit)
    return given


def chosen(points: list[dict[str, float]], *, taken_max: float, precision_min: float) -> float:
    """The offset with the best F1, of those that leave quiet texts alone and are mostly right."""
    allowed = [p for p in points if p["taken"] <= taken_max and p["precision"] >= precision_min] or points[:1]
    return max(
        allowed, key=lambda p: 2 * p["recall"] * p["precision"] / max(p["recall"] + p["precision"], 1e-9)
    )["nats"]


TAKEN_MAX = {"PERSON": 0.0007, "LOCATION": 0.0004, "ORG": 0.0002, "ADDRESS": 0.0002}
PRECISION_MIN = {"PERSON": 0.8, "LOCATION": 0.75, "ORG": 0.7, "ADDRESS": 0.8}


def calibrated(held: dict[str, np.ndarray], kept: list[Sentence], path: Path) -> None:
    """Chooses the thresholds and writes the weights with their curves."""
    held["offsets"] = np.zeros((2, len(decode.LABELS)), np.int64)
    model = loaded(held, path)
    rng = random.Random(5)
    some = rng.sample([one for one in kept if one.source != "chat" and "<" not in one.text], 2500)
    some = [corpora.changed(one, rng, lowered=0.35) for one in some]
    named = [(one, view(one.text), score(view(one.text), model)) for one in some if "<" not in one.text]
    still = [one for one in kept if one.source in ("chat", "carriers-none")]
    still = rng.sample(still, min(2500, len(still)))
    still += [corpora.changed(one, rng, lowered=0.35) for one in still[:1000]]
    quiet = [(one, view(one.text), score(view(one.text), model)) for one in still]
    picked: dict[tuple[str, bool], float] = {}
    told: dict[str, Any] = {}  # Any: JSON
    for kind in decode.KINDS:
        for capital in (False, True):
            points = curve(model, kind, named, quiet, capital=capital)
            best = chosen(points, taken_max=TAKEN_MAX[kind], precision_min=PRECISION_MIN[kind])
            picked[kind, capital] = best
            name = f"{kind} {'with' if capital else 'without'} a capital letter"
            told[name] = {"chosen": best, "points": points}
            for p in points:
                mark = "*" if p["nats"] == best else " "
                print(
                    f"{mark} {name} {p['nats']:+.1f} recall {p['recall']:.3f} precision {p['precision']:.3f} taken {p['taken']:.3%}"
                )
    held["offsets"] = offsets(picked, model.nats)
    held["curves"] = np.frombuffer(json.dumps(told).encode(), np.uint8)
    np.savez_compressed(path, **held)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--chats", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--each", type=int, default=900, help="sentences of our own a language")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--thresholds-of", type=Path, help="choose the thresholds of these weights again; no training"
    )
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    everything = corpora.sentences(asked.folder, asked.chats, seed=1, each=asked.each)
    kept = [one for one in everything if one.aside]
    if asked.thresholds_of:
        with np.load(asked.thresholds_of) as stored:
            calibrated({name: stored[name] for name in stored.files}, kept, asked.out)
        return
    listed, bits = word_lists()
    lists = {"classes": classes(), "listed": listed, "lists": bits}
    print(
        f"{len(everything):,} sentences, {len(kept):,} kept aside, {len(listed):,} listed words", flush=True
    )
    net = fit([one for one in everything if not one.aside], lists, epochs=asked.epochs, seed=1)
    calibrated(rounded(net, lists), kept, asked.out)


if __name__ == "__main__":
    main()
