"""Public pages out of web archives: their words, and what each site refuses; silence is never a yes."""

import gzip
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from witting.errors import InputError
from witting.intake.source import Export, Member, Skipped, Turn
from witting.intake.web import pages
from witting.intake.web.refusals import TRAINING

ALLOW = "User-agent: *\nDisallow: /private/\n"


def record(
    url: str,
    body: str,
    *,
    status: str = "200 OK",
    kind: str = "response",
    type: str = "text/html; charset=utf-8",
    **headers: str,
) -> bytes:
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    http = f"HTTP/1.1 {status}\r\nContent-Type: {type}\r\n{more}\r\n" if kind == "response" else ""
    block = http.encode() + body.encode()
    content = "application/http; msgtype=response" if kind == "response" else "text/plain"
    head = (f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Record-ID: <urn:uuid:0>\r\nWARC-Date: 2026-01-02T03:04:05Z\r\n"
            f"WARC-Target-URI: {url}\r\nContent-Type: {content}\r\nContent-Length: {len(block)}\r\n\r\n")  # fmt: skip
    return head.encode() + block + b"\r\n\r\n"


REFUSING = "User-agent: *\nDisallow: /\n"


def robots(text: str = ALLOW, status: str = "200 OK") -> bytes:
    return record("https://a.example/robots.txt", text, status=status, type="text/plain")


def page(body: str = "<p>Hello &amp; welcome</p><script>no()</script>", **headers: str) -> bytes:
    return record(
        "https://a.example/p", f"<html><head><title>T</title></head><body>{body}</body></html>", **headers
    )


def read(*parts: bytes) -> list[Turn | Skipped]:
    members = tuple(
        Member(f"{n}.warc", len(data), lambda data=data: io.BytesIO(data)) for n, data in enumerate(parts)
    )
    assert all(pages.SOURCE.claims(member, member.head()) for member in members)
    return list(pages.SOURCE.read(Export(members, {}, "")))


def test_a_page_is_a_public_turn_of_its_host_and_points_at_its_record() -> None:
    data = robots() + page() + record("https://a.example/i.png", "x", type="image/png")
    rules, turn, image = read(data)
    assert isinstance(turn, Turn)
    assert (turn.text, turn.speaker, turn.audience, turn.time, turn.barred) == (
        "Hello & welcome",
        "a.example",
        "public",
        "2026-01-02T03:04:05+00:00",
        (),
    )
    assert data[slice(*turn.bytes)] == page()
    assert [rules.reason, image.reason] == ["site_rules", "not_a_page"]


def test_wet_conversions_and_gzip_members_are_read() -> None:
    wet = b"".join(
        gzip.compress(part)
        for part in (robots(), record("https://a.example/w", "plain words\n", kind="conversion"))
    )
    turn = next(entry for entry in read(wet) if isinstance(entry, Turn))
    assert (turn.text, turn.barred) == ("plain words", ())


def test_rules_may_stand_in_another_file_and_silence_bars_training() -> None:
    assert [e.barred for e in read(page(), robots()) if isinstance(e, Turn)] == [()]
    assert [e.barred for e in read(page()) if isinstance(e, Turn)] == [TRAINING]


@pytest.mark.parametrize(
    ("parts", "refuses"),
    [
        ((robots("User-agent: GPTBot\nDisallow: /\n"), page()), True),
        ((robots("User-agent: Googlebot\nDisallow: /\n"), page()), False),
        ((robots("Content-Usage: train-ai=n\n"), page()), True),
        ((robots("Content-Usage: /other train-ai=n\n"), page()), False),
        ((robots(), page(Content_Usage="train-ai=n")), True),
        ((robots(), page(Content_Usage="train-ai=y, search=n")), False),
        ((robots(), page(TDM_Reservation="1")), True),
        ((robots(), page(TDM_Reservation="0")), False),
        ((robots(), page(X_Robots_Tag="noai, noimageai")), True),
        ((robots(), page("<meta name='tdm-reservation' content='1'><p>x</p>")), True),
        ((robots(), page("<meta name='robots' content='noindex, noai'><p>x</p>")), True),
        (
            (
                robots(),
                record(
                    "https://a.example/.well-known/tdmrep.json",
                    '[{"location": "/p*", "tdm-reservation": 1}]',
                    type="application/json",
                ),
                page(),
            ),
            True,
        ),
        (
            (
                robots(),
                record(
                    "https://a.example/.well-known/tdmrep.json",
                    '[{"location": "/q*", "tdm-reservation": 1}]',
                    type="application/json",
                ),
                page(),
            ),
            False,
        ),
        ((robots("", "404 Not Found"), page()), False),
        ((robots("", "503 Unavailable"), page()), True),
        ((robots("", "403 Forbidden"), page()), True),
        ((robots("", "301 Moved Permanently"), page()), True),  # says nothing, and nothing else was met
        ((robots(), robots("", "301 Moved Permanently"), page()), False),
        ((robots(REFUSING), robots("", "301 Moved Permanently"), page()), True),
        ((robots(REFUSING), robots("", "404 Not Found"), page()), True),
        ((robots(), robots(REFUSING), robots(), page()), True),
    ],
)
def test_the_most_restrictive_word_wins(parts: tuple[bytes, ...], refuses: bool) -> None:
    (turn,) = (entry for entry in read(b"".join(parts)) if isinstance(entry, Turn))
    assert turn.barred == (TRAINING if refuses else ())


def test_a_page_that_stands_twice_is_told_once() -> None:
    first, again, other = read(page(), page() + record("https://a.example/q", "<p>x</p>"))
    assert isinstance(first, Turn)
    assert (again.reason, again.member) == ("repeated", "1.warc")
    assert isinstance(other, Turn)


@pytest.mark.parametrize("url", ["http://[", "https://[v.]/", "//a.example:port/p"])
def test_an_address_that_is_none_harms_no_other_record(url: str) -> None:
    odd, turn = read(record(url, "<p>x</p>") + page())
    assert odd.bytes[1] == turn.bytes[0]
    assert (turn.speaker, turn.text) == ("a.example", "Hello & welcome")


@given(st.integers(0, 900), st.binary(max_size=6), st.integers(0, 60))
def test_damage_gives_sound_records_or_our_own_error(at: int, junk: bytes, cut: int) -> None:
    data = robots() + page()
    at %= len(data)
    broken = data[:at] + junk + data[at + cut :]
    member = Member("x", len(broken), lambda: io.BytesIO(broken))
    try:
        records = list(pages.SOURCE.read(Export((member,), {}, "")))
    except InputError:
        return
    assert all(0 <= entry.bytes[0] <= entry.bytes[1] <= len(broken) for entry in records)
