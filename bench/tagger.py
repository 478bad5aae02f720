"""How well and how fast the tagger finds people, by language, on what training kept aside; beside Presidio where it is.

    python bench/tagger.py PII_FOLDER --chats CHATS_FOLDER [--weights FILE] [--presidio PYTHON]

Strict: same kind and bounds; overlap: same kind and a common character, one to one. What is kept aside comes from the same
collections as the training (other templates, other people): no evidence for other texts. `unlisted` empties the lists of
names first. Needs Faker, for the sentences of our own. `--presidio`: an interpreter with presidio-analyzer and a small English model.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "train"))

from corpora import Sentence, sentences
from witting.redaction import scan
from witting.redaction.normalise import view
from witting.redaction.tagger.model import Model, find, model, read

Found = tuple[int, int, str]
EACH_MAX = 300  # sentences of a source and language
PRESIDIO = """
import json, sys
from presidio_analyzer import AnalyzerEngine
from presidio_analyzer.nlp_engine import NlpEngineProvider
settings = {"nlp_engine_name": "spacy", "models": [{"lang_code": "en", "model_name": "en_core_web_sm"}]}
engine = AnalyzerEngine(nlp_engine=NlpEngineProvider(nlp_configuration=settings).create_engine())
import time
texts = json.load(sys.stdin)
engine.analyze(texts[0], language="en")
began = time.process_time()
found = [[[r.start, r.end, r.entity_type] for r in engine.analyze(t, language="en")] for t in texts]
json.dump({"seconds": time.process_time() - began, "found": found}, sys.stdout)
"""


def counts(gold: Sequence[Sentence], found: Sequence[Sequence[Found]], kind: str) -> dict[str, float]:
    strict = overlap = said = got = 0
    for one, spans in zip(gold, found, strict=True):
        wanted = [(s, e) for s, e, k in one.spans if k == kind]
        here = [(s, e) for s, e, k in spans if k == kind]
        said, got = said + len(wanted), got + len(here)
        strict += len(set(wanted) & set(here))
        free = list(here)
        for s, e in wanted:
            met = next((x for x in free if s < x[1] and x[0] < e), None)
            if met:
                free.remove(met)
                overlap += 1
    return {
        "said": said,
        "strict": 2 * strict / max(said + got, 1),
        "overlap": 2 * overlap / max(said + got, 1),
        "recall": overlap / max(said, 1),
        "precision": overlap / max(got, 1),
    }


def by_tagger(texts: Sequence[str], tagger: Model) -> list[list[Found]]:
    found = []
    for text in texts:
        seen = view(text)
        found.append([(*seen.original(s.start, s.end), s.kind) for s in find(seen, tagger=tagger)])
    return found


def by_scan(texts: Sequence[str]) -> list[list[Found]]:
    return [[(s.start, s.end, s.family) for s in scan(text)[0]] for text in texts]


def by_presidio(texts: Sequence[str], python: str) -> tuple[list[list[Found]], float]:
    done = subprocess.run(
        [python, "-c", PRESIDIO],
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "/usr/bin"},
    )
    told = json.loads(done.stdout)
    return [[(s, e, k) for s, e, k in spans] for spans in told["found"]], told["seconds"]


def timed(work: Callable[[Sequence[str]], object], texts: Sequence[str]) -> float:
    """Thousand characters a second of processor time."""
    work(texts[:20])
    began = time.process_time()
    work(texts)
    return sum(map(len, texts)) / (time.process_time() - began) / 1000


def groups(kept: Sequence[Sentence]) -> dict[tuple[str, str], list[Sentence]]:
    held: dict[tuple[str, str], list[Sentence]] = {}
    for one in kept:
        if any(kind != "ADDRESS" for _, _, kind in one.spans) or not one.source.startswith(
            ("chat", "carriers")
        ):
            held.setdefault((one.source, one.language), []).append(one)
    return {key: some[:EACH_MAX] for key, some in sorted(held.items())}


def row(name: str, kind: str, measured: dict[str, float]) -> None:
    shown = "  ".join(f"{key} {value:.3f}" for key, value in measured.items() if key != "said")
    print(f"{name:34} {kind:9} {measured['said']:5}  {shown}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--chats", type=Path)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--presidio")
    parser.add_argument("--without-scan", action="store_true")
    asked = parser.parse_args()
    tagger = read(asked.weights) if asked.weights else model()
    kept = [one for one in sentences(asked.folder, asked.chats, seed=1, each=1500) if one.aside]
    random.Random(2).shuffle(kept)
    unlisted = replace(tagger, lists=np.zeros_like(tagger.lists))
    held = groups(kept)
    for (source, language), some in held.items():
        texts = [one.text for one in some]
        lowered = [one for one in some if len(one.text.lower()) == len(one.text)]
        for kind in ("PERSON", "LOCATION", "ORG"):
            if any(k == kind for one in some for _, _, k in one.spans):
                row(f"{source} {language} tagger", kind, counts(some, by_tagger(texts, tagger), kind))
        row(f"{source} {language} unlisted", "PERSON", counts(some, by_tagger(texts, unlisted), "PERSON"))
        low = by_tagger([one.text.lower() for one in lowered], tagger)
        row(f"{source} {language} lower case", "PERSON", counts(lowered, low, "PERSON"))
        if not asked.without_scan:
            row(f"{source} {language} scan", "PERSON", counts(some, by_scan(texts), "PERSON"))
        if asked.presidio and language == "en":
            theirs, seconds = by_presidio(texts, asked.presidio)
            for kind in ("PERSON", "LOCATION"):
                row(f"{source} {language} presidio", kind, counts(some, theirs, kind))
            print(f"presidio: {sum(map(len, texts)) / seconds / 1000:.1f} k characters a second")
    quiet = [one.text for one in kept if one.source == "chat"][:2000]
    if quiet:
        for kind in ("PERSON", "LOCATION", "ORG", "ADDRESS"):
            taken = sum(e - s for spans in by_tagger(quiet, tagger) for s, e, k in spans if k == kind)
            print(f"chat that names nobody: {kind} {taken / sum(map(len, quiet)):.3%} of characters taken")
    texts = [one.text for some in held.values() for one in some]
    long = ["\n".join(texts)[:200_000]]
    print(
        f"tagger alone: {timed(lambda t: by_tagger(t, tagger), texts):.0f} k characters a second by message"
    )
    print(
        f"tagger alone: {timed(lambda t: by_tagger(t, tagger), long):.0f} k characters a second in one text"
    )
    if not asked.without_scan:
        print(f"scan: {timed(by_scan, texts):.0f} k characters a second by message (texts full of names)")
        print(f"scan: {timed(by_scan, quiet or texts):.0f} k characters a second by message (chat)")


if __name__ == "__main__":
    main()
