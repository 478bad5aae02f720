"""A fault of ours, told at a door by an id and by where it happened, never by its message, which may hold words."""

from __future__ import annotations

import secrets
import sys


def log_fault(error: BaseException) -> str:
    """Writes file, line and function of each frame to standard error, without values. Returns the fault's id."""
    fault = secrets.token_hex(4)
    frame = error.__traceback__
    while frame is not None:
        code = frame.tb_frame.f_code
        print(f"  fault {fault}: {code.co_filename}:{frame.tb_lineno} {code.co_name}", file=sys.stderr)
        frame = frame.tb_next
    return fault
