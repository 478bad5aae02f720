"""Meta's exports write UTF-8 bytes as if they were Latin-1 characters; this undoes it, for a whole file or not at all.

Covered: "cafÃ©" back to "café" in every string of a file, names and reactions too, if the whole file proves the fault.
Not covered: files that mix both (left as they are), other code pages.

The proof: no character above U+00FF anywhere, at least one that is not ASCII, and every such string is valid UTF-8
when taken as Latin-1 bytes. A clean "café" fails it: E9 alone is no UTF-8. What voids it: a clean file whose only
non-ASCII text happens to be such pairs ("Ã©" typed on purpose), which no reader can tell.
Why per file: repairing string by string damages clean files and crashes on mixed ones (Chatistics#65).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

DEPTH_MAX = 100


def is_mojibake(values: Iterable[Any]) -> bool:  # Any: JSON
    """Whether all strings in the JSON values together prove the fault."""
    proven = False
    for value in values:
        for text in _strings(value):
            if text.isascii():
                continue
            if repair(text) is None:
                return False
            proven = True
    return proven


def repair(text: str) -> str | None:
    """The text as it was meant; None where it is no UTF-8 in Latin-1 clothes."""
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return None


def repaired(value: Any) -> Any:  # Any: JSON
    """The value with every string repaired. Only for values of a file that `is_mojibake` proved."""
    return _mapped(value, lambda text: repair(text) or text)


def _mapped(value: Any, change: Callable[[str], str], depth: int = 0) -> Any:  # Any: JSON
    if isinstance(value, str):
        return change(value)
    if depth < DEPTH_MAX and isinstance(value, dict):
        return {change(key): _mapped(inner, change, depth + 1) for key, inner in value.items()}
    if depth < DEPTH_MAX and isinstance(value, list):
        return [_mapped(inner, change, depth + 1) for inner in value]
    return value


def _strings(value: Any) -> Iterator[str]:  # Any: JSON
    """Every string, keys too, without recursion."""
    stack = [value]
    while stack:
        match stack.pop():
            case str(text):
                yield text
            case dict(inner):
                stack.extend(inner.keys())
                stack.extend(inner.values())
            case list(inner):
                stack.extend(inner)
