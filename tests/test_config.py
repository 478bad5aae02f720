"""The config file: what is wrong is named, with what was allowed; every setting has its place in the docs."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from witting.config import CONFIG_BYTES_MAX, CONFIG_NAME, SEED_MAX, Settings, read_settings
from witting.errors import ConfigError, NotAWorkspace

PAGE = Path(__file__).parents[1] / "docs" / "configuration.md"


def read(root: Path, text: str | bytes) -> Settings:
    (root / CONFIG_NAME).write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_settings(root)


def refused(root: Path, text: str | bytes) -> str:
    with pytest.raises(ConfigError) as caught:
        read(root, text)
    assert caught.value.exit_code == 2
    assert CONFIG_NAME in str(caught.value)
    return str(caught.value)


def every_setting() -> dict[str, object]:
    """Dotted name to default."""
    found: dict[str, object] = {}
    for name, field in Settings.model_fields.items():
        if isinstance(field.default, BaseModel):
            found |= {f"{name}.{inner}": f.default for inner, f in type(field.default).model_fields.items()}
        else:
            found[name] = field.default
    return found


def test_an_empty_file_gives_the_defaults_and_they_are_valid(tmp_path: Path) -> None:
    assert read(tmp_path, "") == Settings()
    assert Settings.model_validate(Settings().model_dump()) == Settings()


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    settings = read(
        tmp_path, 'seed = 7\n[training]\nsteps = 3\nmerge_scale = 2\n[intake]\nsources = ["a", "b"]'
    )
    assert (settings.seed, settings.training.steps, settings.training.merge_scale) == (7, 3, 2.0)
    assert settings.intake.sources == ("a", "b")
    assert settings.training.rank == Settings().training.rank


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[trainning]\nsteps = 3", "the field trainning is not known; did you mean training?"),
        ("[training]\nstep = 3", "the field training.step is not known; did you mean steps?"),
        ("enigne = 'local'", "the field enigne is not known; did you mean engine?"),
        ("[gate]\nzzzz = 1", "the field gate.zzzz is not known; fields there: profile."),
    ],
)
def test_a_typo_names_the_nearest_field(tmp_path: Path, text: str, said: str) -> None:
    assert said in refused(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "[gate]\nprofile = 'loose'",
            "gate.profile: Input should be 'strict', 'routine' or 'trial'; it is 'loose'",
        ),
        ("[rights]\npurpose = 'ads'", "rights.purpose"),
        ("engine = 'ray'", "engine: Input should be 'local'"),
        ("[training]\nsteps = true", "training.steps: Input should be a valid integer; it is True"),
        ("[training]\nsteps = '4'", "training.steps"),
        ("[training]\nsteps = 4.5", "training.steps"),
        (
            "[intake]\nconsume_inbox = 'no'",
            "intake.consume_inbox: Input should be a valid boolean; it is 'no'",
        ),
        ("[intake]\ntime_zone = 'Mars/Base'", "intake.time_zone: an IANA time zone is needed"),
        ("[intake]\ntime_zone = '../etc/passwd'", "intake.time_zone"),
        ("[intake]\nsources = 'inbox'", "intake.sources: a list is needed"),
        ("training = 3", "training: a table is needed; it is 3"),
        ("controller = ''", "controller"),
    ],
)
def test_a_wrong_value_is_named_with_what_was_allowed(tmp_path: Path, text: str, said: str) -> None:
    assert said in refused(tmp_path, text)


@pytest.mark.parametrize(
    ("name", "allowed", "forbidden"),
    [
        ("workers", (1, 256), (0, 257)),
        ("seed", (0, SEED_MAX), (-1, SEED_MAX + 1)),
        ("intake.part_rows", (1, 1_000_000), (0, 1_000_001)),
        ("intake.retention_days", (1, 36_500), (0, 36_501)),
        ("curation.heldout_percent", (0, 50), (-1, 51)),
        ("corpus.shards", (1, 4096), (0, 4097)),
        ("training.learning_rate", (1e-9, 0.5), (0.0, 1.0, "nan", "inf")),
        ("training.merge_scale", (0.1, 1_000), (0.0, "inf", "nan")),
        ("training.sequence_tokens", (16, 8192), (15, 8193)),
        ("audit.canaries", (4, 100_000), (3, 100_001)),
        ("audit.repeats", (2, 1_000), (1, 1_001)),
        ("guard.words", (4, 64), (3, 65)),
    ],
)
def test_every_number_has_its_limits(tmp_path: Path, name: str, allowed: tuple, forbidden: tuple) -> None:
    table, _, field = name.rpartition(".")
    head = f"[{table}]\n" if table else ""
    for value in allowed:
        read(tmp_path, f"{head}{field} = {value}")
    for value in forbidden:
        assert name in refused(tmp_path, f"{head}{field} = {value}")


def test_several_mistakes_are_all_named(tmp_path: Path) -> None:
    said = refused(tmp_path, "seed = -1\n[training]\nsteps = 0\nranks = 1")
    assert all(name in said for name in ("seed", "training.steps", "training.ranks"))


def test_a_database_url_and_its_password_are_never_repeated(tmp_path: Path) -> None:
    said = refused(tmp_path, 'database = ["postgresql://me:hunter2@host/db"]')
    assert "database" in said
    assert "hunter2" not in said


def test_a_missing_a_huge_and_a_broken_file_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotAWorkspace, match="witting init"):
        read_settings(tmp_path)
    assert "larger than" in refused(tmp_path, b"#" * (CONFIG_BYTES_MAX + 1))
    assert "not TOML" in refused(tmp_path, "seed = ")
    assert "not TOML" in refused(tmp_path, b"controller = '\xff\xfe'")


@given(text=st.text(max_size=80))
def test_any_text_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    root = tmp_path_factory.getbasetemp() / "any"
    root.mkdir(exist_ok=True)
    with contextlib.suppress(ConfigError):
        assert isinstance(read(root, text.encode("utf-8", "surrogatepass")), Settings)


@pytest.mark.parametrize("name", every_setting())
def test_every_setting_has_a_row_in_the_docs_with_its_default(name: str) -> None:
    rows = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith(f"| `{name}` |")]
    assert len(rows) == 1, f"docs/configuration.md has {len(rows)} rows for {name}"
    assert f"| `{written(every_setting()[name])}` |" in rows[0]


def test_the_docs_name_no_setting_that_does_not_exist() -> None:
    rows = [line.split("`")[1] for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| `")]
    assert sorted(rows) == sorted(every_setting())


def written(value: object) -> str:
    """A value as TOML has it; an absent one as a dash."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(written(one) for one in value)}]"
    return f'"{value}"' if isinstance(value, str) else str(value)
