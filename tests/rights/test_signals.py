"""A signal can only ever shut: formats as they are sent, what they refuse, and the laws over all of them."""

import copy
import json
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from witting.errors import InvalidEvent
from witting.rights.decide import TURN_FACTS, decide
from witting.rights.event import make_event
from witting.rights.evidence import PROFILES, RANK, judge
from witting.rights.policy import load_packs
from witting.rights.signals import read_signal
from witting.rights.signals.atproto import read_atproto
from witting.rights.signals.gpp import ALPHABET, LAYOUTS, NO, read_gpp
from witting.schema import EVENT, PURPOSES

PACKS = load_packs()
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ALL = set(PURPOSES)
WEIGHTS = {"fine_tune_own_model", "train_general_model"}
SALE = {"share_dataset", "publish_dataset", "personalise_ads"}
TRAINING = WEIGHTS | {"share_dataset", "publish_dataset"}


def preferences(scope: dict | None = None, **allow: bool) -> dict:
    said = {name: {"allow": yes, "updatedAt": "2026-04-04T12:00:00.000Z"} for name, yes in allow.items()}
    return {
        "$type": "community.lexicon.preference.ai",
        "updatedAt": "2026-04-04T12:00:00.000Z",
        "scope": scope or {"$type": "#globalScope"},
        "preferences": said,
    }


def intents(**allow: bool | None) -> dict:
    said = {name: {} if yes is None else {"allow": yes} for name, yes in allow.items()}
    return {"$type": "org.user-intents.declaration", "updatedAt": "2025-02-20T21:37:20.362Z", **said}


US = {"$type": "#entityScope", "entity": "did:plc:example"}
OTHER = {"$type": "#entityScope", "entity": "did:plc:somebody-else"}
READ = [
    # kind, value, what it refuses, could all of it be read
    ("gpc", "1", SALE, True),
    ("Sec-GPC", "1", SALE, True),
    ("globalPrivacyControl", True, SALE, True),
    ("Sec-GPC", "0", set(), True),
    ("gpc", False, set(), True),
    ("gpc", None, set(), True),
    ("gpc", "perhaps", SALE, False),
    ("DNT", "1", {"personalise_ads"}, True),
    ("platform_opt_out", True, ALL, True),
    ("something new", "on", set(), True),  # a yes opens nothing, so it says nothing
    ("something new", "?", ALL, False),
    (None, "no", ALL, False),
    ("aipref", "train-ai=n", TRAINING, True),
    ("Content-Usage", "train-ai=n", TRAINING, True),
    ("aipref", "train-ai=y", set(), True),
    ("aipref", "search=n", set(), True),
    ("aipref", "train-ai=y, search=n", set(), True),
    ("aipref", "train-ai;allow=y=n", ALL, False),
    ("aipref", "train-ai;why=licence, search=y", set(), True),
    ("aipref", "train-ai=y, train-ai, search=n, search=\"n\"", set(), True),  # draft-08: neither y nor n
    ("aipref", "train-ai=y, train-ai=n", TRAINING, True),  # the last counts
    ("aipref", "new-use=n", set(), True),  # unknown labels are ignored
    ("aipref", "genai=n", TRAINING, True),  # an earlier draft
    ("aipref", "TRAIN-AI=n", ALL, False),  # no Dictionary: upper case
    ("aipref", "train-ai=n\u00e9", ALL, False),
    ("atproto", preferences(training=False), TRAINING, True),
    ("atproto", json.dumps(preferences(training=False)), TRAINING, True),
    ("community.lexicon.preference.ai", preferences(training=False, inference=True), TRAINING, True),
    ("atproto", preferences(training=True), set(), True),
    ("atproto", preferences(), set(), True),
    ("atproto", preferences(inference=False), {"evaluate_model"}, True),
    ("atproto", preferences(syntheticContent=False, embedding=False), WEIGHTS, True),
    ("atproto", intents(syntheticContentGeneration=False), TRAINING, True),
    ("atproto", intents(bulkDataset=False, publicAccessArchive=True), {"share_dataset", "publish_dataset"}, True),
    ("org.user-intents.declaration", intents(protocolBridging=None), set(), True),
    ("atproto", [preferences(training=True), preferences(US, training=False)], TRAINING, True),
    ("atproto", {"records": [{"uri": "at://x", "value": preferences(training=False)}]}, TRAINING, True),
    ("atproto", {"$type": "app.bsky.feed.post"}, ALL, False),
    ("atproto", "{", ALL, False),
    ("gpp", preferences(training=True), ALL, False),  # a record is no string
]  # fmt: skip


@pytest.mark.parametrize(("kind", "value", "refused", "read"), READ)
def test_a_signal_refuses_what_it_says_and_nothing_else(kind, value, refused, read):
    said = read_signal(kind, value)
    assert (said.refuses, said.read) == (refused, read)


def test_a_scope_that_is_somebody_elses_does_not_count_and_one_that_might_be_ours_does():
    denied = preferences(OTHER, training=False)
    assert read_atproto(denied, us=["did:plc:example"]).refuses == set()
    assert read_atproto(denied).refuses == TRAINING
    posts = {"$type": "community.lexicon.preference.ai#collectionScope", "collection": "app.bsky.feed.post"}
    assert (
        read_atproto(preferences(posts, training=False), collections=["app.bsky.graph.list"]).refuses == set()
    )
    assert (
        read_atproto(preferences(posts, training=False), collections=["app.bsky.feed.post"]).refuses
        == TRAINING
    )


def test_a_yes_for_us_does_not_lift_a_no_for_everybody():
    both = [preferences(training=False), preferences(US, training=True)]
    assert read_atproto(both, us=["did:plc:example"]).refuses == TRAINING


# Strings of the specification, and those that consent platforms send for "reject all" and "allow all".
STRINGS = [
    ("DBABBg~BUUAAACA.YA", SALE, True),  # California: opted out of sale and sharing, GPC
    ("DBABBg~BUoAAAJA.QA", set(), True),  # California: neither
    ("DBABLA~BVQVAAAAAgA.QA", SALE, True),  # US national: all three opted out
    ("DBABLA~BVQqAAAAAgA.QA", set(), True),
    ("DBABLA~BVQqAAAAAgA.YA", SALE, True),  # the browser's GPC alone
    ("DBABM~CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA", SALE, False),  # TCF: not read
    ("DBACNY~CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA~1YNN", SALE, False),
    ("DBABzw~1YYN", None, None),  # a header that promises other sections
    ("DBAA", SALE, False),  # no section
    ("CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA", ALL, False),  # a TC string is no GPP string
    ("DBABLA", ALL, False),  # a section that is promised and not there
    ("DBABLA~BVQV", ALL, False),  # cut short
    ("DBABLA~BVQ!AAAAAgA.QA", ALL, False),
    ("", ALL, False),
]


@pytest.mark.parametrize(("text", "refused", "read"), STRINGS)
def test_a_string_of_the_global_privacy_platform_is_read_as_far_as_it_says_no(text, refused, read):
    said = read_gpp(text)
    if refused is None:
        assert not said.read
    else:
        assert (said.refuses, said.read) == (refused, read)


def test_a_fibonacci_coded_header_of_a_group_is_read():
    # header example 3 of the specification: sections 5 to 6; the Canadian one is not read, US Privacy opts out of sale
    assert read_gpp("DBABjw~CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA~1YYN").refuses >= {"share_dataset"}
    assert read_gpp("DBABjw~CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA~1YXN").refuses == ALL


def encode(bits: str) -> str:
    bits += "0" * (-len(bits) % 6)
    return "".join(ALPHABET[int(bits[at : at + 6], 2)] for at in range(0, len(bits), 6))


def fibonacci(number: int) -> str:
    numbers = [1, 2]
    while numbers[-1] <= number:
        numbers.append(numbers[-1] + numbers[-2])
    word = ""
    for one in reversed([n for n in numbers if n <= number]):
        word = ("1" if one <= number else "0") + word
        number -= one if one <= number else 0
    return word + "1"


# What the reference encoder of the IAB writes (iabgpp-es, August 2026): every field left alone, and every field set.
ENCODED = [
    (7, "CAAAAAAAAABA.QA", "CVVVkkkkkpFY.YA"),
    (7, "BAAAAAAAAQA.QA", "BAAAVVVVUQA.QA"),
    (8, "BAAAAABA.QA", "BVWSSSVY.YA"),
    (9, "BAAAABA", "BVWSSVY"),
    (10, "BAAAAEA.QA", "BVWSSVg.YA"),
    (11, "BAAAAAQA", "BVVkklWA"),
    (12, "BAAAAAEA.QA", "BVWSSZFg.YA"),
    (13, "BAAAAABA", "BVWSSZlY"),
    (14, "BAAAAABA.QA", "BVWSSZFY.YA"),
    (15, "BAAAAAABAA.QA", "BVWSSRpFYA.YA"),
    (16, "BAAAAAQA.QA", "BVWSSVWA.YA"),
    (17, "BAAAAAABAA.QA", "BVWSSSSVYA.YA"),
    (18, "BAAAAAQA.QA", "BVVkklWA.YA"),
    (19, "BAAAAAQA.QA", "BVWSSVWA.YA"),
    (20, "BAAAAABA.QA", "BVWSSZFY.YA"),
    (21, "BAAAAAAAQA.QA", "BVWSSRklWA.YA"),
    (22, "BAAAAAQA.QA", "BVWSSVWA.YA"),
    (23, "BAAAAAQA.QA", "BVWSSVWA.YA"),
]


@pytest.mark.parametrize(("number", "nothing", "everything"), ENCODED)
def test_what_the_reference_encoder_writes_is_read_field_for_field(number, nothing, everything):
    header = encode(f"000011000001{1:012b}0{fibonacci(number)}")
    silent, said = read_gpp(f"{header}~{nothing}"), read_gpp(f"{header}~{everything}")
    assert (silent.refuses, silent.special, silent.read) == (set(), False, True)
    assert (said.refuses, said.special, said.child, said.read) == (ALL, True, True, True)


@pytest.mark.parametrize("number", [24, 25, 26, 27])
def test_sections_whose_form_is_not_settled_hold_no_permission(number):
    header = encode(f"000011000001{1:012b}0{fibonacci(number)}")
    said = read_gpp(f"{header}~BVVV.kkk")
    assert (said.refuses, said.read) == (SALE, False)


@st.composite
def section(draw):
    """A section as an encoder writes it: id, version, the values of its fields, GPC or none."""
    key = draw(st.sampled_from(sorted(LAYOUTS)))
    values = draw(st.lists(st.integers(0, 2), min_size=len(LAYOUTS[key]), max_size=len(LAYOUTS[key])))
    return key, values, draw(st.sampled_from([None, False, True]))


def written(sections) -> str:
    header, last = "000011000001" + f"{len(sections):012b}", 0
    bodies = []
    for (number, version), values, gpc in sections:
        header += "0" + fibonacci(number - last)
        last = number
        body = encode(f"{version:06b}" + "".join(f"{value:02b}" for value in values))
        bodies.append(body if gpc is None else f"{body}.{encode('01' + '01'[gpc])}")
    return "~".join([encode(header), *bodies])


SECTIONS = st.lists(section(), min_size=1, max_size=3, unique_by=lambda one: one[0][0]).map(
    lambda found: sorted(found, key=lambda one: one[0][0])
)


@given(SECTIONS)
def test_every_no_of_every_section_is_found_and_no_other(sections):
    fields = [(n, v) for key, values, _ in sections for n, v in zip(LAYOUTS[key], values, strict=True)]
    said = read_gpp(written(sections))
    assert said.read
    assert said.child == any(name == "child" and value for name, value in fields)
    expected = set().union(*(NO[name].refuses for name, value in fields if name in NO and value == 1))
    expected |= SALE if any(gpc for *_, gpc in sections) else set()
    assert said.refuses == (ALL if said.child else expected)
    assert said.special == (said.child or ("sensitive", 1) in fields)


@given(SECTIONS, section())
def test_one_more_section_never_takes_a_no_away(sections, more):
    if more[0][0] not in {key[0] for key, *_ in sections}:
        wider = sorted([*sections, more], key=lambda one: one[0][0])
        assert read_gpp(written(sections)).refuses <= read_gpp(written(wider)).refuses


@given(SECTIONS, st.data())
def test_a_string_with_one_letter_changed_never_says_less_than_it_might(sections, data):
    """It is read as another string, or it is unreadable and refuses everything: never an error."""
    text = written(sections)
    at = data.draw(st.integers(0, len(text) - 1))
    said = read_gpp(text[:at] + data.draw(st.sampled_from(ALPHABET + "~.!")) + text[at + 1 :])
    assert said.read or said.refuses


KINDS = st.sampled_from(["gpc", "Sec-GPC", "dnt", "gpp", "aipref", "atproto", "opt_out", "new", "", None])
LEAVES = st.none() | st.booleans() | st.integers(-2, 2) | st.text(max_size=30) | SECTIONS.map(written)
VALUES = LEAVES | st.builds(preferences, training=st.booleans(), inference=st.booleans()) | st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3), max_leaves=6
)  # fmt: skip


@given(KINDS, VALUES)
def test_whatever_was_sent_it_is_read_as_noes_or_as_nothing(kind, value):
    said = read_signal(kind, value)
    assert said.refuses <= ALL
    assert said.read or said.refuses


@given(st.lists(VALUES, max_size=3), VALUES)
def test_one_more_record_of_an_account_never_takes_a_no_away(values, more):
    assert read_atproto(values).refuses <= read_atproto([*values, more]).refuses


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(KINDS, VALUES), max_size=2), KINDS, VALUES, st.sampled_from(PROFILES))
def test_one_more_signal_never_makes_a_consent_better(example, signals, kind, value, profile):
    def verdict(sent) -> int:
        record = copy.deepcopy(example) | {"signals": [{"kind": k, "value": v} for k, v in sent]}
        try:
            return RANK[judge(record, profile=profile, now=NOW).verdict]
        except InvalidEvent:
            return -1

    assert verdict([*signals, (kind, value)]) <= verdict(signals) or verdict(signals) == -1


START = datetime(2026, 1, 1, tzinfo=UTC)
AS_OF = START + timedelta(days=300)


def signal(kind: str, value, day: int) -> dict:
    """The row that the event becomes."""
    sent = {
        "kind": "signal", "subject": "web:ana", "occurred_at": (START + timedelta(days=day)).isoformat(),
        "signal": {"kind": kind, "value": value},
    }  # fmt: skip
    event = make_event(sent, where="line 1", now=NOW)
    return {
        "kind": "signal", "subject": "ana", "purposes": list(event.purposes), "occurred_at": event.occurred_at,
        "special": list(event.special),
    }  # fmt: skip


def consent(day: int, purpose: str, **more) -> dict:
    at = START + timedelta(days=day)
    return {
        "kind": "consent",
        "subject": "ana",
        "purposes": [purpose],
        "occurred_at": at,
        "verdict": "valid",
    } | more


def answers(events: list[dict], purpose: str, day: int = 60) -> dict:
    turn = {
        "row_id": "t", "conversation_id": "c", "subject_id": "ana", "occurred_at": START + timedelta(days=day),
        "audience": "assistant", "surface": "x", "parties": ["ana"],
    }  # fmt: skip
    rows = [row | {"entry": number} for number, row in enumerate(events)]
    turns = pa.Table.from_pylist([turn], schema=TURN_FACTS).append_column("place", pa.array(["FR"]))
    table = pa.Table.from_pylist(rows, schema=EVENT)
    return decide(turns, table, purpose=purpose, as_of=AS_OF, packs=PACKS).to_pylist()[0]


def test_a_signal_shuts_what_it_speaks_of_until_a_later_yes_in_words():
    gpc = signal("gpc", "1", 100)
    for purpose in PURPOSES:
        expected = "signalled" if purpose in SALE else "consent"
        assert answers([consent(0, purpose), gpc], purpose)["reason"] == expected
    assert (
        answers([consent(0, "share_dataset"), gpc, consent(200, "share_dataset")], "share_dataset")["reason"]
        == "consent"
    )
    assert answers([gpc], "share_dataset")["reason"] == "signalled"
    assert answers([gpc], "fine_tune_own_model")["reason"] == "no_consent"
    assert answers([consent(0, "share_dataset"), gpc], "share_dataset")["rule"] == "eu.objection"


def test_a_signal_that_says_nothing_shuts_nothing_and_is_no_general_no():
    silent = [
        signal("gpc", "0", 100),
        signal("aipref", "unknown", 100),
        signal("atproto", preferences(training=True), 100),
    ]
    for purpose in PURPOSES:
        yes = [consent(0, purpose)]
        assert answers([*yes, *silent], purpose) == answers(yes, purpose)
        assert answers(silent, purpose)["decision"] == "deny"


def test_a_signal_against_sensitive_data_takes_the_special_categories_out():
    yes = consent(0, "fine_tune_own_model", special=["HEALTH"])
    no = signal("gpp", written([((9, 1), [0, 0, 0, 0, 0, 1, *[0] * 7, 0, 0, 0, 0], None)]), 100)
    assert no["purposes"] == []
    assert no["special"]
    assert answers([yes], "fine_tune_own_model")["special"] == ["HEALTH"]
    assert answers([yes, no], "fine_tune_own_model")["special"] == []
    again = consent(200, "fine_tune_own_model", special=["HEALTH"])
    assert answers([yes, no, again], "fine_tune_own_model")["special"] == ["HEALTH"]


def test_a_known_child_is_refused_everything():
    child = signal("gpp", written([((9, 1), [0] * 13 + [2, 0, 0, 0], None)]), 100)
    for purpose in PURPOSES:
        assert answers([consent(0, purpose), child], purpose)["reason"] == "signalled"


SAID = st.builds(consent, st.integers(-1, 7).map(lambda n: n * 40), st.sampled_from(PURPOSES)) | st.builds(
    lambda kind, day, purposes: {"kind": kind, "subject": "ana", "purposes": purposes, "occurred_at": START + timedelta(days=day)},
    st.sampled_from(["refusal", "objection", "withdrawal"]), st.integers(-1, 7).map(lambda n: n * 40),
    st.lists(st.sampled_from(PURPOSES), max_size=2),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    st.lists(SAID, max_size=6),
    KINDS.filter(bool),
    VALUES,
    st.integers(-1, 7).map(lambda n: n * 40),
    st.sampled_from(PURPOSES),
)
def test_one_more_signal_never_opens_anything(events, kind, value, day, purpose):
    try:
        sent = signal(kind, value, day)
    except InvalidEvent:
        return  # too long for a record
    before, after = answers(events, purpose), answers([*events, sent], purpose)
    assert not (before["decision"] == "deny" and after["decision"] == "permit")
    assert set(after["special"]) <= set(before["special"]) or before["decision"] == "deny"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"signal": None}, "signal"),
        ({"signal": "1"}, "signal"),
        ({"signal": {"kind": "gpc"}}, "signal"),
        ({"signal": {"kind": "gpc", "value": "1", "at": "now"}}, "signal"),
        ({"signal": {"kind": "", "value": "1"}}, "signal"),
        ({"purposes": ["share_dataset"]}, "purposes"),
        ({"evidence": {}}, "evidence"),
        ({"kind": "objection"}, "signal"),
        ({"subject": None}, "subject"),
    ],
)
def test_a_signal_event_says_how_it_was_sent_and_nothing_of_what_it_means(change, named):
    good = {
        "kind": "signal", "subject": "web:ana", "occurred_at": "2026-11-01T00:00:00Z",
        "signal": {"kind": "gpc", "value": "1"},
    }  # fmt: skip
    assert set(make_event(good, where="line 1", now=NOW).purposes) == SALE
    with pytest.raises(InvalidEvent, match=f"field {named}"):
        make_event(good | change, where="line 1", now=NOW)
