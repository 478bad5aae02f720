"""People by what they say of themselves: an e-mail address, a phone number, a name, where nobody knows their account.

Covers: one form for each, so that the same address is the same handle however it was typed: `email:ana@example.org`,
`phone:+5511912345678`, `name:ana souza`. Not covered: whose account it is; the operator says that (`walk/requests.py`).
A name is nobody's alone: it never leads to an account.
From: RFC 5321 section 2.4 (the part before the @ may tell capitals apart; nobody's provider does), E.164.
"""

from __future__ import annotations

import unicodedata

EMAIL, PHONE, NAME = CLAIMS = ("email", "phone", "name")
CLAIM_CHARS_MAX = 320
DIGITS_MIN, DIGITS_MAX = 6, 15


def claim_handle(kind: str, value: object) -> str | None:
    """The handle of what somebody claims; None where it is no address, number or name."""
    if not isinstance(value, str) or len(value) > CLAIM_CHARS_MAX or not value.isprintable():
        return None
    text = " ".join(unicodedata.normalize("NFKC", value).casefold().split())
    found = {EMAIL: _email, PHONE: _phone, NAME: _name}[kind](text)
    return None if found is None else f"{kind}:{found}"


def is_claim(handle: str) -> bool:
    """Whether a handle is what somebody claims, and no account of a source."""
    return handle.partition(":")[0] in CLAIMS


def is_name(handle: str) -> bool:
    """Whether it claims a name, which is nobody's alone."""
    return handle.partition(":")[0] == NAME


def canonical(handle: str) -> str | None:
    """A claim written as a handle, in its one form; None where it is none."""
    kind, _, value = handle.partition(":")
    return claim_handle(kind, value) if kind in CLAIMS else None


def _email(text: str) -> str | None:
    local, at, domain = text.rpartition("@")
    return text if at and local and "." in domain.strip(".") and " " not in text else None


def _phone(text: str) -> str | None:
    import phonenumbers  # its tables are large, and most handles are no numbers

    try:
        number = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException:
        return None
    found = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return found if DIGITS_MIN <= len(found) - 1 <= DIGITS_MAX else None


def _name(text: str) -> str | None:
    return text if any(char.isalpha() for char in text) else None
