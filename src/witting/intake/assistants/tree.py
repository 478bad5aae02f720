"""Conversations as trees: parents, the path the person ended on, siblings, and the turns that come out.

Covered: any links at all (dangling, cyclic, doubled ids), nodes that give no turn between nodes that do, the active
path, signals between siblings, turns read twice. Not covered: what a node says and whether it is shown (one file a
source).

The two classic mistakes avoided here: taking the first child as the conversation (MemPalace#330), and pairing an
interrupted or identical answer with the one that was kept.

Rules. The active path runs from the node the export calls current up to its root. Where the export names none, or one
that is not there, it is the way down to the subtree with the newest time. A turn's parent is its nearest ancestor that
is a turn. Answers are siblings if they have the same such parent; prompts too, and at the top if they hang from the
same node. Links that form a cycle are cut at the cycle's first node in the file.
"""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
from msgspec.structs import replace

from witting.intake import signals as feedback
from witting.intake.instant import Instant
from witting.intake.signals import Answer, is_text
from witting.intake.source import Signal, Skipped, Turn

ID_CHARS_MAX = 512


class Node(msgspec.Struct, frozen=True, gc=False):
    """One node of a conversation: a turn, or a record that gives none (`skip`) but may link others.

    A struct, because one is made for every message: as a frozen dataclass it takes ten times as long.
    """

    id: str
    parent: str | None
    bytes: tuple[int, int]
    role: str = ""
    speaker: str = ""
    text: str | None = None
    time: Instant | None = None
    skip: str | None = None
    record: bytes | None = None  # of a bad record
    finished: bool = True  # the model came to its end
    lane: str = ""  # answers that several models gave side by side are not regenerations of each other
    signals: tuple[Signal, ...] = ()
    beside: tuple[Skipped, ...] = ()  # records inside the node that give no words: media, reasoning, tool use


@dataclass
class Seen:
    """Which turns of an export were yielded already: shards and shared copies repeat conversations.

    Eight bytes of Python's keyed hash a turn, so that an export of a million turns is remembered in about ten megabytes.
    It differs from process to process and is kept in none.
    """

    _hashes: dict[str, array[int]] = field(default_factory=dict)

    def repeated(self, conversation: str, turns: Iterable[str]) -> set[str]:
        """Those of `turns` that were asked for before; from now on all of them have been."""
        known = self._hashes.get(conversation)
        if known is None:
            self._hashes[conversation] = array("q", map(hash, turns))
            return set()
        old, again = set(known), set()
        for turn in turns:
            if (seen := hash(turn)) in old:
                again.add(turn)
            else:
                known.append(seen)
        return again


@dataclass(frozen=True)
class Tree:
    """The links of a conversation, made sound: every node has one way up, and it ends."""

    order: tuple[str, ...]  # parents before their children, each subtree together, children as in the file
    parent: Mapping[str, str | None]
    top: Mapping[str, str]  # the root's id, or the id of the missing node the root names as its parent
    active: frozenset[str]
    guessed: bool  # the export did not say which path is the active one
    is_chain: bool = False  # each node hangs from the one before


def plant(nodes: Sequence[Node], *, current: str | None) -> Tree:
    """The tree of nodes with distinct ids."""
    if _is_chain(nodes):
        return _chain(nodes, current)
    ids = {node.id for node in nodes}
    parent = _acyclic({node.id: node.parent if node.parent in ids else None for node in nodes})
    children: dict[str | None, list[str]] = {}
    for node in nodes:
        children.setdefault(parent[node.id], []).append(node.id)
    named = {node.id: node.parent for node in nodes if node.parent is not None and node.parent not in ids}
    order, top = _preorder(children), {}
    for turn in order:
        above = parent[turn]
        top[turn] = top[above] if above is not None else named.get(turn, turn)
    guessed = current is None or current not in ids
    last = _newest_leaf(nodes, order, parent, children) if guessed else current
    return Tree(order, parent, top, frozenset(_way_up(last, parent)), guessed)


def _is_chain(nodes: Sequence[Node]) -> bool:
    """Most conversations are one: each node hangs from the one before, the first from nothing that is there."""
    above = first = nodes[0].parent if nodes else None
    for node in nodes:
        if node.parent != above:
            return False
        above = node.id
    return bool(nodes) and (first is None or all(node.id != first for node in nodes))


def _chain(nodes: Sequence[Node], current: str | None) -> Tree:
    """What `plant` finds for a chain, without looking for branches and circles."""
    order = tuple(node.id for node in nodes)
    guessed = current is None or current not in order
    active = order if guessed or current is None else order[: order.index(current) + 1]
    return Tree(
        order,
        dict(zip(order, (None, *order), strict=False)),
        dict.fromkeys(order, nodes[0].parent or order[0]),
        frozenset(active),
        guessed,
        is_chain=True,
    )


def _acyclic(parent: dict[str, str | None]) -> dict[str, str | None]:
    if _is_downward(parent):
        return parent
    sound: dict[str, str | None] = {}
    position = {turn: place for place, turn in enumerate(parent)}
    for start in parent:
        way: list[str] = []
        on_way: set[str] = set()
        here: str | None = start
        while here is not None and here not in sound and here not in on_way:
            way.append(here)
            on_way.add(here)
            here = parent[here]
        sound.update((turn, parent[turn]) for turn in way)
        if here is not None and here in on_way:
            sound[min(way[way.index(here) :], key=position.__getitem__)] = None
    return sound


def _is_downward(parent: Mapping[str, str | None]) -> bool:
    """Whether each node comes after its parent, as exports write them: then there is no circle."""
    before: set[str | None] = {None}
    for turn, above in parent.items():
        if above not in before:
            return False
        before.add(turn)
    return True


def _preorder(children: Mapping[str | None, list[str]]) -> tuple[str, ...]:
    order: list[str] = []
    stack = list(reversed(children.get(None, [])))
    while stack:
        here = stack.pop()
        order.append(here)
        stack.extend(reversed(children.get(here, [])))
    return tuple(order)


def _newest_leaf(
    nodes: Sequence[Node],
    order: Sequence[str],
    parent: Mapping[str, str | None],
    children: Mapping[str | None, list[str]],
) -> str | None:
    """Down from the top, each time into the subtree with the newest time; among equals, the last in the file."""
    newest = {node.id: node.time.seconds if node.time else float("-inf") for node in nodes}
    for turn in reversed(order):
        above = parent[turn]
        if above is not None:
            newest[above] = max(newest[above], newest[turn])
    here: str | None = None
    while below := children.get(here):
        here = max(reversed(below), key=newest.__getitem__)
    return here


def _way_up(start: str | None, parent: Mapping[str, str | None]) -> Iterator[str]:
    here = start
    while here is not None:
        yield here
        here = parent[here]


def grow(
    nodes: Sequence[Node],
    *,
    conversation: str,
    member: str,
    source: str,
    current: str | None,
    seen: Seen,
    siblings_mean: bool = True,
) -> list[Turn | Skipped]:
    """All records of one conversation, a turn's parent always before it; each node gives one, and what lies beside
    its words (media, reasoning) one each. `siblings_mean`: siblings came from regenerating and editing."""
    conversation = fit_id(conversation)
    by_id = {node.id: node for node in nodes}
    if not _are_plain(nodes, by_id):
        nodes = _distinct([_readable(node) for node in nodes])
        by_id = {node.id: node for node in nodes}
    tree = plant(nodes, current=fit_id(current) if current is not None else None)
    shown = [turn for turn in tree.order if by_id[turn].skip is None]
    above = _shown_parents(tree, set(shown))
    found = _sibling_signals(by_id, tree, above) if siblings_mean and not tree.is_chain else {}
    found = _not_denied(found, nodes) if found else found
    repeated = seen.repeated(conversation, shown)
    records: list[Turn | Skipped] = []
    for turn in tree.order:
        node = by_id[turn]
        if node.skip is not None or turn in repeated:
            records.append(Skipped(member, node.skip or "repeated", node.bytes, node.record))
        else:
            time, signals = node.time, node.signals
            records.append(
                Turn(
                    member,
                    conversation,
                    turn,
                    above[turn],
                    node.speaker,
                    node.role,
                    None if time is None else time.iso,
                    None if time is None else "s",
                    node.text,
                    "assistant",
                    source,
                    node.bytes,
                    on_active_path=turn in tree.active,
                    signals=_together(signals, found.get(turn, ())) if found or signals else (),
                )
            )
        if node.beside:
            records += node.beside
    return records


def _together(own: tuple[Signal, ...], found: tuple[Signal, ...]) -> tuple[Signal, ...]:
    return feedback.distinct((*own, *found)) if own or found else ()


def _shown_parents(tree: Tree, shown: set[str]) -> dict[str, str | None]:
    above: dict[str, str | None] = {}
    for turn in tree.order:
        parent = tree.parent[turn]
        above[turn] = parent if parent is None or parent in shown else above[parent]
    return above


def _sibling_signals(
    nodes: Mapping[str, Node], tree: Tree, above: Mapping[str, str | None]
) -> dict[str, tuple[Signal, ...]]:
    shown = [nodes[turn] for turn in tree.order if nodes[turn].skip is None]
    below = Counter([above[node.id] for node in shown])
    groups: dict[tuple[str | None, str, str, str], list[Node]] = {}
    for node in shown:
        parent = above[node.id]
        if below[parent] > 1:
            at = (parent, "" if parent else tree.top[node.id], node.role, node.lane)
            groups.setdefault(at, []).append(node)
    if not groups:
        return {}
    went_on = {above[node.id] for node in shown if node.role == "user"}  # answers that a prompt follows
    in_parts = {
        above[node.id] for node in shown if node.role == "assistant"
    }  # messages that one more follows
    found: dict[str, tuple[Signal, ...]] = {}
    for (parent, _, role, _), siblings in groups.items():
        active = next((node for node in siblings if node.id in tree.active), None)
        others = [node for node in siblings if node is not active]
        if active is None or not others:
            continue
        if role == "user":
            found.update(_edited(active, others))
        elif role == "assistant" and parent is not None and nodes[parent].role == "user":
            # a guessed path says which answer came last, not which was kept: only going on from it says that
            kept = not tree.guessed or active.id in went_on
            answers = [
                Answer(node.id, node.text, node.finished and node.id not in in_parts) for node in siblings
            ]
            found.update(_regenerated(answers, active.id, kept=kept))
    return found


def _regenerated(answers: Sequence[Answer], active: str, *, kept: bool) -> dict[str, tuple[Signal, ...]]:
    """Every replaced answer was regenerated; the active one is preferred to those it compares with, if it was kept."""
    replaced = [answer for answer in answers if answer.turn != active]
    chosen = next(answer for answer in answers if answer.turn == active)
    pairs = [feedback.preference(chosen, answer, source_kind="regenerated_sibling") for answer in replaced]
    found: dict[str, tuple[Signal, ...]] = {
        answer.turn: (Signal("regenerated", source_kind="sibling"),) for answer in replaced
    }
    return {**found, active: tuple(signal for pair in pairs for signal in pair)} if kept else found


def _not_denied(found: dict[str, tuple[Signal, ...]], nodes: Sequence[Node]) -> dict[str, tuple[Signal, ...]]:
    """Without pairs of which the person said the contrary: words count more than which answer was left standing."""
    said = [signal.value for node in nodes for signal in node.signals if signal.kind == "preference"]
    denied = {(value["rejected"], value["chosen"]) for value in said}
    if not denied:
        return found
    return {
        turn: tuple(
            signal
            for signal in given
            if signal.kind != "preference" or (signal.value["chosen"], signal.value["rejected"]) not in denied
        )
        for turn, given in found.items()
    }


def _edited(active: Node, others: Sequence[Node]) -> dict[str, tuple[Signal, ...]]:
    signal = (Signal("edited_prompt", source_kind="sibling", by=active.speaker),)
    return {node.id: signal for node in others if node.text != active.text}


def fit_id(value: str) -> str:
    """The id itself, or a hash of it where it is empty, too long, or not Unicode text."""
    if value and len(value) <= ID_CHARS_MAX and is_text(value):
        return value
    return f"sha256:{hashlib.sha256(value.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


def content_id(record: bytes) -> str:
    """The key of a conversation that names none: the same bytes give the same key wherever they lie."""
    return f"sha256:{hashlib.sha256(record).hexdigest()[:32]}"


def _are_plain(nodes: Sequence[Node], by_id: Mapping[str, Node]) -> bool:
    """What nearly all nodes are: distinct, with short ASCII ids, and words that are text. Asked of all at once."""
    named = {node.parent for node in nodes if node.parent not in by_id and node.parent is not None}
    said = {*by_id, *named, *{node.speaker for node in nodes}}
    return (
        len(by_id) == len(nodes)
        and "" not in by_id
        and "" not in named
        and "".join(said).isascii()
        and len(max(said, key=len, default="")) <= ID_CHARS_MAX
        and all(map(is_text, [node.text for node in nodes if node.skip is None]))
    )


def _readable(node: Node) -> Node:
    """The node with ids that fit; words that are no Unicode text (lone surrogates) make it a bad record."""
    parent = fit_id(node.parent) if node.parent is not None else None
    fitted = (fit_id(node.id), parent, fit_id(node.speaker) if node.speaker else "")
    if fitted != (node.id, node.parent, node.speaker):
        node = replace(node, id=fitted[0], parent=fitted[1], speaker=fitted[2])
    if node.skip is None and not is_text(node.text):
        record = (node.text or "").encode("utf-8", "surrogatepass")
        return replace(node, text=None, skip="lone_surrogate" if record else "no_text", record=record or None)
    return node


def _distinct(nodes: Sequence[Node]) -> list[Node]:
    """Nodes with distinct ids: the second x becomes x~2, so that nothing is lost and links go to the first."""
    taken = {node.id for node in nodes}
    if len(taken) == len(nodes):
        return list(nodes)
    count: dict[str, int] = {}
    result: list[Node] = []
    for node in nodes:
        count[node.id] = count.get(node.id, 0) + 1
        if count[node.id] == 1:
            result.append(node)
            continue
        while (turn := f"{node.id}~{count[node.id]}") in taken:
            count[node.id] += 1
        taken.add(turn)
        result.append(replace(node, id=turn))
    return result
