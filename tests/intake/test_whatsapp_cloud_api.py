"""Webhook bodies of the WhatsApp Business Cloud API: who said what, what was taken back, what is counted."""

import io
import json
from datetime import date

from witting.intake import Skipped, Turn
from witting.intake.source import Export, Feedback, Member
from witting.intake.whatsapp import cloud_api

SHOP, ANN = "15550100", "15550111"


def message(id, *, at=1_772_000_000, sender=ANN, kind="text", **more):
    return {"from": sender, "id": id, "timestamp": str(at), "type": kind, **more}


def said(id, words, **more):
    return message(id, text={"body": words}, **more)


def body(*messages, **value):
    about = {"display_phone_number": "+1 555-0100", "phone_number_id": "1065"}
    value = {"messaging_product": "whatsapp", "metadata": about, "messages": list(messages), **value}
    entry = {"id": "1", "changes": [{"value": value, "field": "messages"}]}
    return {"object": "whatsapp_business_account", "entry": [entry]}


def read(*files):
    members = []
    for number, bodies in enumerate(files):
        data = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in bodies).encode()
        members.append(Member(f"{number}.jsonl", len(data), lambda data=data: io.BytesIO(data)))
        assert cloud_api.claims(members[-1], data)
    return list(cloud_api.read(Export(tuple(members), {}, "")))


def test_a_customer_and_the_business_speak_in_one_direct_conversation():
    echo = {**said("b", "yes", sender=SHOP), "to": ANN}
    asked, answered, other = read(
        [body(said("a", "in stock?")), body(message_echoes=[echo]), body(said("c", "hi", sender="15550122"))]
    )
    assert [(t.speaker, t.text, t.audience, t.role) for t in (asked, answered)] == [
        (ANN, "in stock?", "direct", "person"),
        (SHOP, "yes", "direct", "person"),
    ]
    assert (asked.time, asked.time_precision) == ("2026-02-25T06:13:20+00:00", "s")
    assert answered.parent == asked.turn
    assert asked.conversation == answered.conversation != other.conversation
    assert ANN not in asked.conversation


def test_a_reply_has_the_message_it_answers_as_its_parent():
    *_, reply = read([body(said("a", "one"), said("b", "two"), said("c", "to one", context={"id": "a"}))])
    assert reply.parent == "a"


def test_only_the_last_reaction_of_a_person_counts_and_none_that_was_taken_back():
    def reacted(id, emoji, at, about="a"):
        reaction = {"message_id": about} | ({"emoji": emoji} if emoji else {})
        return body(message(id, at=at, kind="reaction", reaction=reaction))

    records = read(
        [reacted("r1", "👍", 10), reacted("r2", "👎", 20)],
        [reacted("r3", "👍", 10, "b"), reacted("r4", None, 20, "b")],
    )
    assert [(r.turn, r.signal.value, r.signal.by) for r in records if isinstance(r, Feedback)] == [
        ("a", "👎", ANN)
    ]
    assert [r.reason for r in records if isinstance(r, Skipped)] == ["reaction_withdrawn"] * 3


def test_words_taken_back_in_a_later_file_are_not_read():
    taken = message("x", kind="revoke", revoke={"original_message_id": "a"})
    first, second, notice = read([body(said("a", "secret")), body(said("b", "fine"))], [body(taken)])
    assert (first.text, first.deleted) == (None, True)
    assert (second.text, second.deleted) == ("fine", False)
    assert notice.reason == "deleted"


def test_what_is_no_message_is_counted_by_reason():
    lines = [
        body(statuses=[{"id": "s", "status": "read"}]),
        body(said("a", "hi")),
        body(said("a", "hi")),
        body(message("v", kind="audio", audio={"id": "1"})),
        body(message("p", kind="image", image={"id": "1", "caption": "look"})),
        body(message("q", kind="button", button={"text": "Yes"})),
        body(message("e", kind="edit", edit={"original_message_id": "a"})),
        body(message("n", kind="text", text={"body": " "})),
        body({"type": "text"}),
        body(),
        {"object": "page"},
    ]
    records = read(lines)
    assert [r.text if isinstance(r, Turn) else r.reason for r in records] == [
        "status_notice", "hi", "repeated", "media_attached", "look", "Yes", "unknown_block", "no_text",
        "broken_message", "unknown_event", "unknown_shape",
    ]  # fmt: skip
    sealed = {r.reason for r in records if isinstance(r, Skipped) and r.record is not None}
    assert sealed == {"unknown_block", "broken_message", "unknown_shape"}


def test_a_group_is_closed():
    (turn,) = read([body(said("a", "hi all", group_id="G1"))])
    assert turn.audience == "closed_group"


def test_webhooks_of_other_products_are_not_claimed():
    head = json.dumps({"object": "page", "entry": [{"id": "1", "messaging": []}]}).encode()
    assert not cloud_api.claims(Member("x.json", len(head), lambda: io.BytesIO(head)), head)


def test_its_terms_bar_every_model_but_the_businesss_own():
    terms = cloud_api.SOURCE.facts.permitted(date(2026, 11, 27))
    assert "fine_tune_own_model" in terms.purposes
    assert not {"train_general_model", "share_dataset", "publish_dataset"} & set(terms.purposes)
    assert "exclusive use" in terms.condition
