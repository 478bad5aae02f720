"""A file that holds secrets: read only where nobody else can."""

from __future__ import annotations

import stat
from pathlib import Path

from witting.errors import ConfigError

FILE_BYTES_MAX = 1 << 20


def read_secret_file(path: Path) -> str:
    """Its text. Raises ConfigError where others may read it, where it cannot be read, and where it is no text."""
    try:
        state = path.stat()
        mode = stat.S_IMODE(state.st_mode)
        if mode & 0o077:
            raise ConfigError(
                f"{path} has mode {mode:o}, so other users can read it. Run `chmod 600 {path}`."
            )
        if state.st_size > FILE_BYTES_MAX:
            raise ConfigError(f"{path} is larger than {FILE_BYTES_MAX:,} bytes; it should hold a few lines.")
        return path.read_text("utf-8")
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not text in UTF-8.") from error
