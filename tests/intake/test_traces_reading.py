"""Langfuse, TensorZero, OpenPipe, OpenTelemetry: who said what, which feedback is a person's, joined whatever the order."""

import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from witting.errors import InputError
from witting.intake import Skipped, Turn
from witting.intake.logs import SOURCES, langfuse, openpipe, otel, tensorzero
from witting.intake.source import Export, Member


def member(data: bytes, path: str = "x") -> Member:
    return Member(path, len(data), lambda: io.BytesIO(data))


def lines(*values: dict) -> bytes:
    return "".join(json.dumps(value) + "\n" for value in values).encode()


def read(source, *files: bytes) -> list[Turn | Skipped]:
    members = tuple(member(data, f"{number}") for number, data in enumerate(files))
    assert all(source.SOURCE.claims(one, one.head()) for one in members)
    return list(source.SOURCE.read(Export(members, {}, "")))


def said(entries: list) -> list[tuple]:
    return [(e.role, e.text, e.speaker) for e in entries if isinstance(e, Turn)]


def signals(entries: list) -> list[tuple]:
    return [(s.kind, s.value, s.text) for e in entries if isinstance(e, Turn) for s in e.signals]


def reasons(entries: list) -> list[str]:
    return [e.reason for e in entries if isinstance(e, Skipped)]


TRACE = {"id": "t1", "timestamp": "2026-03-01T10:00:00Z", "sessionId": "s1", "userId": "ana",
         "input": {"messages": [{"role": "user", "content": "hi"}]}, "output": {"role": "assistant", "content": "yo"}}  # fmt: skip


def score(
    kind: str, value: object = None, words: str | None = None, source: str = "ANNOTATION", about: str = "t1"
) -> dict:
    return {
        "id": f"sc-{kind}-{source}",
        "traceId": about,
        "name": "n",
        "dataType": kind,
        "value": value,
        "stringValue": words,
        "source": source,
        "comment": None,
    }


def test_scores_of_people_stand_on_the_answer_and_machines_are_counted() -> None:
    scores = lines(score("NUMERIC", 0.7), score("BOOLEAN", 0), score("CATEGORICAL", None, "wrong-tone"), score("TEXT", None, "too short"),
                   score("CORRECTION", None, "a better yo"), score("NUMERIC", 1, source="EVAL"), score("BOOLEAN", 1, about="elsewhere"))  # fmt: skip
    for files in ((lines(TRACE), scores), (scores, lines(TRACE))):
        entries = read(langfuse, *files)
        assert said(entries) == [("user", "hi", "ana"), ("assistant", "yo", "assistant")]
        assert sorted(signals(entries), key=str) == sorted([("rating", 0.7, None), ("thumb", -1, None), ("comment", {"tags": ["wrong-tone"]}, None), ("comment", None, "too short"), ("correction", None, "a better yo")], key=str)  # fmt: skip
        assert sorted(set(reasons(entries))) == ["feedback_joined", "feedback_unmatched", "judged_by_machine"]
        assert len(entries) == 9


def givers(entries: list) -> set[tuple]:
    return {(s.kind, s.by) for e in entries if isinstance(e, Turn) for s in e.signals}


@pytest.mark.parametrize(
    ("told", "by"),
    [
        ({"source": "ANNOTATION"}, "somebody-else"),
        ({"source": "ANNOTATION", "authorUserId": "employee-7"}, "employee-7"),
        ({"source": "API"}, "somebody-else"),
        ({"source": "API", "userId": "ana"}, "somebody-else"),  # the trace's user, in every row of an export
        ({"source": "API", "metadata": {"user_id": "ana"}}, "ana"),
        ({"source": "API", "metadata": '{"userId": "ana"}'}, "ana"),
        ({"source": None}, "somebody-else"),
    ],
)
def test_a_score_is_the_users_own_only_where_it_says_so(told, by) -> None:
    kinds = {
        "BOOLEAN": (0, None),
        "TEXT": (None, "short"),
        "CORRECTION": (None, "better"),
        "NUMERIC": (0.5, None),
    }
    for kind, (value, words) in kinds.items():
        entries = read(langfuse, lines(TRACE, {**score(kind, value, words), **told}))
        assert [giver for _, giver in givers(entries)] == [by]


def test_a_category_named_one_is_no_thumb() -> None:
    assert signals(read(langfuse, lines(TRACE, score("CATEGORICAL", None, "1")))) == [
        ("comment", {"tags": ["1"]}, None)
    ]


def test_feedback_of_tensorzero_is_whose_its_own_tags_say_and_evaluators_are_machines() -> None:
    rows = (
        {"target_id": CHAT["id"], "metric_name": "helpful", "value": True},
        {"target_id": "e1", "metric_name": "score", "value": 0.5},
        {"target_id": CHAT["id"], "target_type": "inference", "value": "too short"},
        {"inference_id": CHAT["id"], "value": json.dumps([{"type": "text", "text": "better"}])},
    )
    for row in rows:
        for tags, by in (({}, "somebody-else"), ({"user_id": "ana"}, "ana"), ({"user_id": "dev"}, "dev")):
            entries = read(tensorzero, lines({"id": "f", "tags": tags, **row}), lines(CHAT))
            assert [giver for _, giver in givers(entries)] == [by]
    judged = {"id": "f", "tags": json.dumps({tensorzero.EVALUATOR: "x"}), **rows[0]}
    entries = read(tensorzero, lines(judged), lines(CHAT))
    assert signals(entries) == []
    assert reasons(entries) == ["judged_by_machine"]


def test_generations_of_a_trace_join_its_session_and_repeat_nothing() -> None:
    observation = {
        "id": "o1",
        "traceId": "t1",
        "type": "GENERATION",
        "startTime": "2026-03-01T10:00:01Z",
        "input": [{"role": "user", "content": "hi"}],
        "output": "yo",
    }
    span = observation | {"id": "o2", "type": "SPAN"}
    entries = read(langfuse, lines(TRACE), lines(observation, span))
    assert said(entries) == [("user", "hi", "ana"), ("assistant", "yo", "assistant")]
    assert reasons(entries) == ["repeated", "repeated", "span_without_words"]


def test_langfuse_reads_the_same_from_csv_and_parquet() -> None:
    row = {**TRACE, "input": json.dumps(TRACE["input"]), "output": "yo"}
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([row]), sink)
    quoted = ",".join('"' + str(cell).replace('"', '""') + '"' for cell in row.values())
    for data in (f"{','.join(row)}\n{quoted}\n".encode(), sink.getvalue()):
        assert said(read(langfuse, data)) == [("user", "hi", "ana"), ("assistant", "yo", "assistant")]


CHAT = {"id": "01900000-0000-7000-8000-000000000001", "episode_id": "e1", "function_name": "f", "variant_name": "v",
        "input": json.dumps({"system": "be kind", "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]}),
        "output": json.dumps([{"type": "text", "text": "yo"}]), "tags": {"user_id": "ana"}}  # fmt: skip


MADE = "2024-06-10T02:35:18.400000+00:00"  # 0x019000000000 ms, the first 48 bits of the id


def test_tensorzero_joins_feedback_by_inference_or_episode_and_reads_time_from_the_id() -> None:
    given_ = lines(
        {"id": "f1", "target_id": CHAT["id"], "metric_name": "helpful", "value": True},
        {"id": "f2", "target_id": "e1", "metric_name": "score", "value": 0.5},
        {"id": "f3", "target_id": CHAT["id"], "target_type": "inference", "value": "too short"},
        {"id": "f4", "inference_id": CHAT["id"], "value": json.dumps([{"type": "text", "text": "better"}])},
        {"id": "f5", "target_id": "nobody", "metric_name": "helpful", "value": False},
    )
    entries = read(tensorzero, given_, lines(CHAT))
    assert said(entries) == [
        ("system", "be kind", "system"),
        ("user", "hi", "ana"),
        ("assistant", "yo", "assistant"),
    ]
    assert sorted(signals(entries), key=str) == sorted(
        [
            ("thumb", 1, None),
            ("rating", 0.5, None),
            ("comment", None, "too short"),
            ("correction", None, "better"),
        ],
        key=str,
    )
    assert reasons(entries) == ["feedback_joined"] * 4 + ["feedback_unmatched"]
    assert {e.time for e in entries if isinstance(e, Turn)} == {MADE}


def test_openpipe_prefers_the_kept_answer() -> None:
    pair = {
        "messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "good"}],
        "rejected_message": {"role": "assistant", "content": "bad"},
        "split": "TRAIN",
    }
    entries = read(openpipe, lines(pair))
    assert said(entries)[1:] == [("assistant", "good", "assistant"), ("assistant", "bad", "assistant")]
    chosen = entries[1]
    assert [(s.kind, s.value["chosen"]) for s in chosen.signals] == [("preference", chosen.turn)]
    log = {
        "reqPayload": {"messages": [{"role": "user", "content": "hi"}]},
        "respPayload": {"choices": [{"message": {"role": "assistant", "content": "yo"}}]},
        "requestedAt": "2026-03-01T10:00:00Z",
        "tags": {"user_id": "ana"},
    }
    assert said(read(openpipe, lines(log))) == [("user", "hi", "ana"), ("assistant", "yo", "assistant")]


def attribute(key: str, value: str) -> dict:
    return {"key": key, "value": {"stringValue": value}}


IN = json.dumps([{"role": "user", "parts": [{"type": "text", "content": "hi"}]}])
OUT = json.dumps(
    [
        {
            "role": "assistant",
            "parts": [{"type": "text", "content": "yo"}, {"type": "tool_call", "id": "1"}],
            "finish_reason": "stop",
        }
    ]
)


def span(*attributes: dict, events: list | None = None) -> dict:
    return {
        "traceId": "tr",
        "spanId": "s",
        "name": "chat m",
        "startTimeUnixNano": "1772359200000000000",
        "attributes": [attribute("gen_ai.conversation.id", "c1"), attribute("user.id", "ana"), *attributes],
        "events": events or [],
    }


def otlp(*spans: dict) -> bytes:
    return lines({"resourceSpans": [{"resource": {}, "scopeSpans": [{"spans": list(spans)}]}]})


@pytest.mark.parametrize(
    "data",
    [
        otlp(span(attribute("gen_ai.input.messages", IN), attribute("gen_ai.output.messages", OUT))),
        otlp(span(events=[{"name": "gen_ai.client.inference.operation.details", "attributes": [attribute("gen_ai.input.messages", IN), attribute("gen_ai.output.messages", OUT)]}])),
        otlp(span(events=[{"name": "gen_ai.user.message", "attributes": [attribute("content", "hi")]}, {"name": "gen_ai.choice", "attributes": [attribute("message", '{"role": "assistant", "content": "yo"}')]}])),
        otlp(span(attribute("gen_ai.prompt.0.role", "user"), attribute("gen_ai.prompt.0.content", "hi"), attribute("gen_ai.completion.0.content", "yo"))),
        lines({"name": "chat m", "trace_id": "tr", "start_time": "2026-03-01T10:00:00Z", "attributes": {"gen_ai.conversation.id": "c1", "user.id": "ana", "gen_ai.input.messages": IN, "gen_ai.output.messages": OUT}}),
    ],
)  # fmt: skip
def test_spans_in_every_spelling_say_the_same(data: bytes) -> None:
    entries = read(otel, data)
    assert said(entries) == [("user", "hi", "ana"), ("assistant", "yo", "assistant")]
    assert {(e.conversation, e.time) for e in entries if isinstance(e, Turn)} == {
        ("c1", "2026-03-01T10:00:00+00:00")
    }


def test_a_longer_history_goes_on_and_machines_judgements_are_counted() -> None:
    longer = json.dumps(
        [
            *json.loads(IN),
            {
                "role": "assistant",
                "parts": [{"type": "text", "content": "yo"}, {"type": "tool_call", "id": "1"}],
            },
            {"role": "user", "parts": [{"type": "text", "content": "more"}]},
        ]
    )
    judged = {
        "name": "gen_ai.evaluation.result",
        "attributes": [attribute("gen_ai.evaluation.score.value", "1")],
    }
    entries = read(
        otel,
        otlp(
            span(attribute("gen_ai.input.messages", IN), attribute("gen_ai.output.messages", OUT)),
            span(attribute("gen_ai.input.messages", longer), events=[judged]),
            span(),
        ),
    )
    assert [(e.text, e.parent is None) for e in entries if isinstance(e, Turn)] == [
        ("hi", True),
        ("yo", False),
        ("more", False),
    ]
    assert sorted(r for r in reasons(entries) if r != "media_omitted") == [
        "judged_by_machine",
        "repeated",
        "repeated",
        "span_without_words",
    ]


SAMPLES = [
    lines(TRACE, score("TEXT", None, "x")),
    lines(CHAT),
    otlp(span(attribute("gen_ai.input.messages", IN))),
    lines({"messages": [{"role": "user", "content": "hi"}], "rejected_message": {}}),
]
ODD = st.sampled_from([b"null", b"1", b'"x"', b"[]", b"{}", b"[[1]]", b'"{"', b"\xff", b",", b"}"])


@given(st.sampled_from(SOURCES), st.sampled_from(SAMPLES), st.integers(0, 400), ODD, st.integers(0, 25))
def test_damage_gives_sound_records_or_our_own_error(
    source, data: bytes, at: int, junk: bytes, cut: int
) -> None:
    at %= len(data)
    one = member(data[:at] + junk + data[at + cut :])
    source.claims(one, one.head())
    try:
        records = list(source.read(Export((one,), {}, "")))
    except InputError:
        return
    assert all(isinstance(record, (Turn, Skipped)) for record in records)


def nested(opening: str, closing: str, depth: int, inner: str) -> str:
    return opening * depth + inner + closing * depth


@pytest.mark.parametrize("value", [nested("[", "]", 600, '"hi"'), nested('{"output":', "}", 600, '"hi"'), json.dumps(nested("[", "]", 600, '"hi"'))])  # fmt: skip
def test_wrappings_nested_too_deep_are_one_bad_record_and_no_end_of_the_rest(value: str) -> None:
    deep = b'{"id":"t","sessionId":"s","userId":"u","input":%s,"output":"x"}\n' % value.encode()
    found = read(langfuse, lines(TRACE) + deep + lines({**TRACE, "id": "t2", "sessionId": "s2"}))
    assert len(said(found)) == 4
    assert reasons(found) == ["nested_too_deep"]
    assert [e.record for e in found if isinstance(e, Skipped)] == [deep.strip()]


def test_values_nested_in_a_span_end_nothing() -> None:
    deep = nested('{"arrayValue":{"values":[', "]}}", 200, '{"stringValue":"x"}')
    data = otlp(span({"key": "gen_ai.input.messages", "value": "DEEP"})).replace(b'"DEEP"', deep.encode())
    assert reasons(read(otel, data)) == ["nested_too_deep"]
