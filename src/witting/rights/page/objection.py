"""The form that objects, tried in Chromium as somebody unknown would: one field to be found by, nothing else, and send.

Covers: a password or nothing to fill in (an account is needed), further fields that must be filled, a reason among them, the
steps it takes, whether sending was taken, and words of a receipt in 14 languages. Not covered: mails that are sent, forms that ask on
several pages, whether the objection arrived (`walk/assess.py` asks the ledger). What was not seen is left out of the record, and what is
left out counts against the form.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from witting.errors import UnreadablePage
from witting.rights.page.chromium import open_browser, read_target
from witting.rights.page.screen import Control, Screen
from witting.rights.page.visit import Setting, Visit
from witting.rights.page.words import Lexicon, load_words, normal

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PAGE_SECONDS = 30.0
SENDS = ("refuse", "withdraw", "save", "accept", "proceed")  # what a button that sends an objection may mean
SENDING = re.compile(
    r"object|send|submit|widersp|absenden|senden|envoyer|opposer|enviar|oponer|invia|oppon|verzend|bezwaar|wyślij|sprzeciw|gönder|itiraz|"
    r"отправ|возраж|提交|反对|送信|異議|제출|반대|إرسال|اعتراض|भेजें|आपत्ति"
)
REASON = re.compile(
    r"reason|why|grund|warum|motif|raison|pourquoi|motiv|razón|por qué|razão|porqu|ragione|perché|reden|waarom|powód|dlaczego|neden|sebep|"
    r"причин|почему|原因|理由|为什么|이유|왜|سبب|لماذا|कारण|क्यों"
)
RECEIPT = re.compile(
    r"receipt|confirm|reference|received|recorded|bestätig|quittung|eingegangen|reçu|enregistr|confirmé|recibo|recibid|recebe|ricevut|conferma|"
    r"bevestig|ontvang|potwierdz|otrzymal|onay|aldık|подтвержд|получ|确认|收到|受け付け|受付|確認|접수|확인|تأكيد|استلم|पुष्टि|प्राप्त"
)


@dataclass(frozen=True)
class Tried:
    """What one try showed, as fields of the probe (docs/legitimate-interest.md), and what was seen."""

    page: str
    taken: bool  # the form took it
    steps: int
    account_required: bool
    extra_fields: tuple[str, ...]  # labels of what had to be filled beside the one field
    reason_required: bool
    receipt_shown: bool
    pictures: Mapping[str, bytes]  # PNG by name

    def as_probe(self, *, made_at: datetime) -> dict[str, Any]:
        """Only what was seen; the rest is for the ledger, or its owner, to say."""
        seen: dict[str, Any] = {
            "made_at": made_at.isoformat(),
            "page": self.page,
            "account_required": self.account_required,
            "steps": self.steps,
            "screenshots": [hashlib.sha256(picture).hexdigest() for picture in self.pictures.values()],
        }
        if not self.account_required:
            seen |= {"reason_required": self.reason_required, "extra_fields": list(self.extra_fields)}
        if self.taken:
            seen["receipt_sent"] = self.receipt_shown
        return seen


def try_objection(
    page: str,
    identifier: str,
    *,
    executable: Path | None = None,
    page_seconds: float = PAGE_SECONDS,
    browser: Browser | None = None,
) -> Tried:
    """Open the form, fill `identifier` into the field that finds a person, and send. On a live site this objects.

    `browser` is one that stands open already. Raises UsageError (no such page), UnreadablePage, MissingExtra.
    """
    target, lexicon = read_target(page), load_words()
    with open_browser(browser, executable, offline=target.is_file) as chromium:
        setting = Setting(
            browser=chromium, target=target, lexicon=lexicon, viewport="desktop", language=None,
            page_seconds=page_seconds, deadline=time.monotonic() + 4 * page_seconds,
        )  # fmt: skip
        with Visit(setting) as visit:
            visit.open()
            if visit.status is not None and visit.status >= HTTPStatus.BAD_REQUEST:
                raise UnreadablePage(
                    f"the page {target.name} answered {visit.status}. Give the address of the form."
                )
            return _try(visit, target.name, identifier, lexicon)


def _try(visit: Visit, page: str, identifier: str, lexicon: Lexicon) -> Tried:
    before, pictures = visit.screen(), {}
    _keep(pictures, "form.png", visit.picture())
    fields, sends = _fields(before), _sends(before, lexicon)
    if not fields or not sends or any(field.type == "password" for field in fields):
        return Tried(page, False, 0, True, (), False, False, pictures)
    finder = next((field for field in fields if field.type == "email"), fields[0])
    if not visit.click(finder) and visit.ask("point", finder.i) is None:
        raise UnreadablePage(
            f"the page {page} took its field away while it was filled in. Try the form by hand."
        )
    wants_mail = finder.type == "email" and "@" not in identifier
    visit.type(f"{identifier}@example.org" if wants_mail else identifier)  # RFC 2606 §3: nobody's
    visit.click(sends[0])
    after = visit.screen()
    _keep(pictures, "sent.png", visit.picture())
    taken = not {normal(field.name) for field in _fields(after)} >= {normal(field.name) for field in fields}
    others = [control for control in _answerable(before) if control.i != finder.i]
    extra = [control for control in others if control.required or not taken]
    return Tried(
        page=page,
        taken=taken,
        steps=2,
        account_required=False,
        extra_fields=tuple(control.name[:80] or control.type for control in extra),
        reason_required=any(c.tag == "textarea" or REASON.search(normal(c.name)) for c in extra),
        receipt_shown=taken and bool(RECEIPT.search(normal(_new_text(before.text, after.text)))),
        pictures=pictures,
    )


def _fields(screen: Screen) -> list[Control]:
    """What a person types into, but not the one-line search of a page's head."""
    return [c for c in screen.controls if c.role == "field" and not c.disabled and c.type != "search"]


def _answerable(screen: Screen) -> list[Control]:
    """Fields and boxes: whatever a form may insist on."""
    boxes = [c for c in screen.controls if c.is_toggle and not c.disabled]
    return [*_fields(screen), *boxes]


def _sends(screen: Screen, lexicon: Lexicon) -> list[Control]:
    buttons = [c for c in screen.controls if c.role == "button" and not c.disabled and c.perceived]
    likely = [c for c in buttons if SENDING.search(normal(c.name))]
    return likely or [c for c in buttons if c.type == "submit" or c.meaning in SENDS]


def _new_text(before: str, after: str) -> str:
    old = set(before.splitlines())
    return "\n".join(line for line in after.splitlines() if line not in old)


def _keep(pictures: dict[str, bytes], name: str, picture: bytes | None) -> None:
    if picture is not None:
        pictures[name] = picture
