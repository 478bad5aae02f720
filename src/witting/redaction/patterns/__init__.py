"""Detectors that need no lexicon: identifiers, contacts, dates, addresses, secrets. One file a family.

Each takes a `View` and yields spans in the view's offsets; `scan` gates them, so none is asked in vain.
"""
