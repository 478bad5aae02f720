"""Trees of any links at all, against a tiny oracle; and what may be paired."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from witting.intake.assistants import tree
from witting.intake.assistants.tree import Node, Seen, grow, plant
from witting.intake.instant import Instant
from witting.intake.source import Turn

IDS = st.sampled_from("abcdefgh")


@st.composite
def forests(draw):
    """Nodes whose parents may be missing, themselves, later in the file, or in a circle."""
    ids = draw(st.lists(IDS, unique=True, min_size=1, max_size=8))
    return [
        Node(
            turn,
            draw(st.none() | IDS | st.just("gone")),
            (place, place + 1),
            role=draw(st.sampled_from(["user", "assistant"])),
            speaker="someone",
            text=draw(st.sampled_from(["one", "two"])),
            time=draw(st.none() | st.builds(Instant, st.just("t"), st.floats(0, 10))),
            skip=draw(st.sampled_from([None, None, "hidden"])),
            finished=draw(st.booleans()),
        )
        for place, turn in enumerate(ids)
    ]


def oracle_path(nodes, current):
    """Up from `current`, stopping at what is missing or was passed."""
    parent = {node.id: node.parent for node in nodes}
    path = []
    while current in parent and current not in path:
        path.append(current)
        current = parent[current]
    return path


def has_cycle(nodes):
    parent = {node.id: node.parent for node in nodes}
    return any(parent[oracle_path(nodes, node.id)[-1]] in parent for node in nodes)


def grown(nodes, current=None, seen=None):
    return list(grow(nodes, conversation="c", member="m", source="s", current=current, seen=seen or Seen()))


@given(forests(), IDS)
@settings(max_examples=80, deadline=None)
def test_the_active_path_is_the_way_up_from_the_current_node(nodes, current):
    tree = plant(nodes, current=current)
    here = {node.id for node in nodes}
    assert tree.guessed == (current not in here)
    if current in here and not has_cycle(nodes):
        assert tree.active == set(oracle_path(nodes, current))
    sound = [Node(turn, tree.parent[turn], (0, 0)) for turn in tree.order]
    assert not has_cycle(sound)
    assert not tree.guessed or any(tree.active == set(oracle_path(sound, turn)) for turn in tree.order)
    assert tree.guessed or tree.active == set(oracle_path(sound, current))


@given(forests(), st.none() | IDS)
@settings(max_examples=80, deadline=None)
def test_every_node_gives_one_record_and_parents_come_first(nodes, current):
    records = grown(nodes, current)
    assert len(records) == len(nodes)
    told = set()
    for record in records:
        if isinstance(record, Turn):
            assert record.parent is None or record.parent in told
            told.add(record.turn)
    assert told == {node.id for node in nodes if node.skip is None}


@given(forests())
@settings(max_examples=80, deadline=None)
def test_a_path_that_is_guessed_ends_at_a_leaf(nodes):
    tree = plant(nodes, current=None)
    leaves = {turn for turn in tree.order if turn not in set(tree.parent.values())}
    assert len(tree.active & leaves) == 1


@given(forests(), st.none() | IDS)
@settings(max_examples=80, deadline=None)
def test_only_finished_different_answers_to_one_prompt_are_paired(nodes, current):
    turns = {record.turn: record for record in grown(nodes, current) if isinstance(record, Turn)}
    by_id = {node.id: node for node in nodes}
    for turn in turns.values():
        for signal in turn.signals:
            if signal.kind == "preference":
                chosen, rejected = signal.value["chosen"], signal.value["rejected"]
                assert chosen == turn.turn
                assert turn.on_active_path
                assert not turns[rejected].on_active_path
                assert turns[chosen].parent == turns[rejected].parent is not None
                assert turns[turns[chosen].parent].role == "user"
                assert by_id[chosen].finished
                assert by_id[rejected].finished
                assert by_id[chosen].text != by_id[rejected].text


def answers(*nodes, current=None):
    prompt = Node("p", None, (0, 0), role="user", speaker="ana", text="a tree?")
    return {turn.turn: turn for turn in grown([prompt, *nodes], current) if isinstance(turn, Turn)}


def answer(turn, text, *, parent="p", **other):
    return Node(turn, parent, (0, 0), role="assistant", speaker="m", text=text, **other)


def test_the_kept_answer_is_preferred_and_the_replaced_one_says_regenerated():
    turns = answers(answer("x", "Oak"), answer("y", "Elm"), current="y")
    assert [(s.kind, s.value) for s in turns["y"].signals] == [
        ("preference", {"chosen": "y", "rejected": "x"})
    ]
    assert [s.kind for s in turns["x"].signals] == ["regenerated"]


def test_identical_and_interrupted_answers_are_not_paired():
    for other in (answer("x", "Elm "), answer("x", "Oa", finished=False)):
        turns = answers(other, answer("y", "Elm"), current="y")
        assert turns["y"].signals == ()
        assert [s.kind for s in turns["x"].signals] == ["regenerated"]


def test_an_answer_in_several_messages_is_not_paired_by_its_first():
    part, rest = answer("x", "Let me look."), answer("z", "Oak", parent="x")
    turns = answers(part, rest, answer("y", "Elm"), current="y")
    assert turns["y"].signals == ()


def test_a_guessed_path_pairs_only_where_the_person_went_on():
    assert answers(answer("x", "Oak"), answer("y", "Elm"))["y"].signals == ()
    went_on = Node("q", "y", (0, 0), role="user", speaker="ana", text="thanks")
    assert [s.kind for s in answers(answer("x", "Oak"), answer("y", "Elm"), went_on)["y"].signals] == [
        "preference"
    ]


def test_hidden_nodes_between_do_not_hide_siblings():
    hidden = [Node(name, "p", (0, 0), skip="reasoning") for name in ("h1", "h2")]
    turns = answers(*hidden, answer("x", "Oak", parent="h1"), answer("y", "Elm", parent="h2"), current="y")
    assert turns["y"].parent == turns["x"].parent == "p"
    assert [s.kind for s in turns["y"].signals] == ["preference"]


def test_doubled_ids_lose_nothing_and_a_turn_read_before_is_skipped_as_repeated():
    seen = Seen()
    nodes = [answer("x", "Oak", parent=None), answer("x", "Elm", parent=None)]
    assert [record.turn for record in grown(nodes, seen=seen)] == ["x", "x~2"]
    assert [record.reason for record in grown(nodes, seen=seen)] == ["repeated", "repeated"]


def test_words_that_no_encoding_can_write_are_a_bad_record_not_a_crash():
    (skipped,) = grown([answer("\ud800", "broken \udc00", parent=None)])
    assert (skipped.reason, skipped.record) == ("lone_surrogate", b"broken \xed\xb0\x80")


def test_a_chain_of_fifty_thousand_turns_and_a_circle_of_as_many_are_read():
    for first in (None, "49999"):
        nodes = [answer(str(n), "x", parent=str(n - 1) if n else first) for n in range(50_000)]
        assert len(grown(nodes, "49999")) == 50_000


@given(
    st.integers(1, 6),
    st.sampled_from([None, "missing", *"012345"]),
    st.sampled_from([None, "elsewhere", "0"]),
)
def test_a_chain_is_planted_like_any_other_tree(length: int, current: str | None, first: str | None):
    nodes = [
        Node(str(i), str(i - 1) if i else first, (i, i + 1), role="user", text="x") for i in range(length)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tree, "_is_chain", lambda nodes: False)
        slow = plant(nodes, current=current)
    assert replace(plant(nodes, current=current), is_chain=False) == slow
