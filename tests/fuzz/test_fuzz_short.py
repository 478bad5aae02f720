"""Each family of readers fuzzed for a few seconds, by the same inputs every time. Longer, and others: `make fuzz`."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

HERE = Path(__file__).parent
INTAKE = HERE.parents[1] / "src" / "witting" / "intake"
FAMILIES = sorted(path.parent.name for path in INTAKE.glob("*/sources.toml"))
RUNS = 150
AT_ONCE = 2
# A process begins with the peak memory of the one it was made from, and libFuzzer takes that for its own: a small shell between.
SMALL_PARENT = ("sh", "-c", '"$@"; exit $?', "sh")
SECONDS_MAX = 120


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> dict[str, subprocess.CompletedProcess[str]]:
    folder = tmp_path_factory.mktemp("fuzz")

    def run(family: str) -> subprocess.CompletedProcess[str]:
        words = [
            *SMALL_PARENT,
            sys.executable,
            str(HERE / "fuzz_readers.py"),
            family,
            "--runs",
            str(RUNS),
            "--folder",
            str(folder),
        ]
        return subprocess.run(words, capture_output=True, text=True, timeout=SECONDS_MAX, check=False)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(FAMILIES, pool.map(run, FAMILIES), strict=True))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_short_fuzz_of_each_family_finds_nothing(
    ended: dict[str, subprocess.CompletedProcess[str]], family: str
) -> None:
    done = ended[family]
    assert done.returncode == 0, done.stderr[-3000:]
    assert f"stat::number_of_executed_units: {RUNS}" in done.stderr
