"""Coverage-guided damage to the readers, one family at a time: python tests/fuzz/fuzz_readers.py [FAMILY] [--seconds N]

Covered: every family's `claims`, `read` and `exporter` on single files in memory, beside the undamaged rest of their
example; no exception but our own, every record sound (`record_laws.py`). Not covered: Parquet (unpacked by code that gives
no coverage; `test_every_reader_damaged.py` damages it), archives, the counts of `admit`, other machines than Linux on x86_64.

Half of all mutations are atheris' own, half are those of `damage.py`. Corpus, crashes and dictionary lie in build/fuzz/FAMILY;
a crash is a file there and is run again by naming it: python tests/fuzz/fuzz_readers.py FAMILY --again FILE

The idea: libFuzzer (Serebryany 2016) as atheris brings it to Python.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from random import Random

import atheris

TESTS = Path(__file__).parents[1]
sys.path.insert(0, str(TESTS))
with atheris.instrument_imports(include=["witting.intake"]):
    from intake.damage import damaged
    from intake.record_laws import assert_sound
    from witting.errors import InputError
    from witting.intake.detect import SOURCES, STANDALONE, with_mappings
    from witting.intake.source import Export, Member, Source

EXAMPLES = TESTS / "intake" / "examples"
BUILD = TESTS.parent / "build" / "fuzz"
FAMILIES = tuple(
    sorted(path.parent.name for path in (TESTS.parent / "src/witting/intake").glob("*/sources.toml"))
)
FILE_BYTES_MAX = 16_384
SECONDS_A_FILE_MAX = 10
MEGABYTES_MAX = 3_000
WORD = re.compile(rb"[A-Za-z_.$@-]{3,24}")


@dataclass(frozen=True)
class Seed:
    """One file of an example, to be damaged where it lies. The first byte of an input is its number."""

    source: Source
    path: str
    data: bytes
    beside: tuple[Member, ...]


def member(path: str, data: bytes) -> Member:
    return Member(path, len(data), lambda: io.BytesIO(data))


def seeds_of(family: str) -> list[Seed]:
    """The example files of a family's sources, those by a column mapping among them."""
    (mapped,) = with_mappings([EXAMPLES / "table" / "map.toml"])[:1]
    module = f"witting.intake.{family}."
    named = {s.name: s for s in SOURCES if _module(s).startswith(module)} | (
        {"table": mapped} if family == "tables" else {}
    )
    found = []
    for name, source in sorted(named.items()):
        files = {
            path.relative_to(EXAMPLES / name).as_posix(): path.read_bytes()
            for path in sorted((EXAMPLES / name).rglob("*"))
            if path.is_file() and path.suffix not in (".parquet", ".zip", ".toml")
        }
        for path, data in files.items():
            beside = () if name in STANDALONE else tuple(member(p, files[p]) for p in files if p != path)
            found.append(Seed(source, path, data, beside))
    assert found, f"no example for {family}"
    return found


def _module(source: Source) -> str:
    """Where a reader is written; a partial's function counts."""
    claims = getattr(source.claims, "func", source.claims)
    return str(claims.__module__)


def read_damaged(seed: Seed, data: bytes) -> None:
    """Raises AssertionError where a law is broken, and whatever a reader must not raise."""
    one = member(seed.path, data)
    seed.source.claims(one, one.head())
    members = tuple(sorted((one, *seed.beside), key=lambda each: each.path))
    export = Export(members, {each.path: each for each in members}, "0")
    try:
        records = list(seed.source.read(export))
    except InputError:
        records = []
    with contextlib.suppress(InputError):
        seed.source.exporter(export)
    # gzip bytes count in the plain bytes, whose number only a second reading would tell
    size = None if data.startswith(b"\x1f\x8b") else len(data)
    sizes = {each.path: each.size_bytes * 200 + (8 << 20) for each in members}
    assert_sound(records, sizes | ({} if size is None else {one.path: size}), admitted=False)


def fuzz(family: str, budget: list[str], folder: Path, again: Path | None) -> None:
    """Does not return: libFuzzer ends the process, with 0 where nothing was found."""
    seeds = seeds_of(family)
    for name in ("corpus", "seeds"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds):
        (folder / "seeds" / f"{number}").write_bytes(bytes([number]) + seed.data)
    words = sorted({word for seed in seeds for word in WORD.findall(seed.data)})
    (folder / "dictionary").write_text("".join(f'"{word.decode()}"\n' for word in words))

    def target(data: bytes) -> None:
        if data:
            read_damaged(seeds[data[0] % len(seeds)], data[1:])

    def mutator(data: bytes, size_max: int, number: int) -> bytes:
        rng = Random(number)
        if not data or rng.randrange(2):
            return atheris.Mutate(data, size_max)
        seed = seeds[data[0] % len(seeds)]
        others = [other.data for other in seeds if other.source is seed.source]
        return (data[:1] + damaged(Path(seed.path).name, data[1:], others, rng))[:size_max]

    options = [
        *budget, f"-timeout={SECONDS_A_FILE_MAX}", f"-rss_limit_mb={MEGABYTES_MAX}", f"-max_len={FILE_BYTES_MAX}",
        f"-dict={folder / 'dictionary'}", f"-artifact_prefix={folder}/", "-print_final_stats=1", "-verbosity=1",
    ]  # fmt: skip
    inputs = [str(again)] if again else [str(folder / "corpus"), str(folder / "seeds")]
    atheris.Setup([sys.argv[0], *options, *inputs], target, custom_mutator=mutator)
    atheris.Fuzz()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "family", nargs="?", choices=FAMILIES, help="all of them, one after the other, if left out"
    )
    parser.add_argument("--seconds", type=int, default=60, help="for each family")
    parser.add_argument("--again", type=Path, help="run one input instead, such as a crash")
    parser.add_argument("--runs", type=int, help="so many instead of seconds, always the same ones")
    parser.add_argument(
        "--folder", type=Path, default=BUILD, help="where the corpus and what is found are kept"
    )
    said = parser.parse_args()
    if said.family:
        budget = [f"-runs={said.runs}", "-seed=1"] if said.runs else [f"-max_total_time={said.seconds}"]
        fuzz(said.family, budget, said.folder / said.family, said.again)
    failed = []
    for family in FAMILIES:
        print(f"== {family}", flush=True)
        done = subprocess.run([sys.executable, __file__, family, "--seconds", str(said.seconds)], check=False)
        failed += [family] if done.returncode else []
    sys.exit(f"found something in {', '.join(failed)}: see build/fuzz" if failed else 0)


if __name__ == "__main__":
    main()
