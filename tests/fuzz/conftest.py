"""Fuzzing needs atheris, which `make setup` installs where it exists: Linux on x86_64."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("atheris") else ["test_fuzz_short.py"]
