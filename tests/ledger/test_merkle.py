"""The tree against the published vectors, against RFC 9162's own recursive definition, and against every flipped bit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from witting.errors import ProofInvalid
from witting.ledger import merkle
from witting.ledger.merkle import Frontier

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "rfc6962.json").read_text())
LEAVES = [merkle.leaf_hash(bytes.fromhex(leaf)) for leaf in VECTORS["leaves"]]
ROOTS = [bytes.fromhex(root) for root in VECTORS["roots"]]


def hashes(count: int) -> list[bytes]:
    return [merkle.leaf_hash(index.to_bytes(4, "big")) for index in range(count)]


def defined_root(leaf_hashes: Sequence[bytes]) -> bytes:
    """RFC 9162 §2.1.1, word for word."""
    if len(leaf_hashes) == 1:
        return leaf_hashes[0]
    split = 1
    while split * 2 < len(leaf_hashes):
        split *= 2
    return merkle.node_hash(defined_root(leaf_hashes[:split]), defined_root(leaf_hashes[split:]))


def from_hex(proof: list[str]) -> list[bytes]:
    return [bytes.fromhex(hashed) for hashed in proof]


@pytest.mark.parametrize("size", range(9))
def test_roots_are_those_of_the_reference_tree(size: int) -> None:
    assert merkle.root(LEAVES[:size]) == ROOTS[size]


@pytest.mark.parametrize("vector", VECTORS["inclusion"], ids=lambda v: f"{v['index']}-of-{v['size']}")
def test_inclusion_proofs_are_those_of_the_reference_tree(vector: dict) -> None:
    index, size, proof = vector["index"], vector["size"], from_hex(vector["proof"])
    assert merkle.inclusion_proof(LEAVES[:size], index) == proof
    merkle.verify_inclusion(LEAVES[index], index=index, size=size, proof=proof, root=ROOTS[size])


@pytest.mark.parametrize("vector", VECTORS["consistency"], ids=lambda v: f"{v['old']}-to-{v['new']}")
def test_consistency_proofs_are_those_of_the_reference_tree(vector: dict) -> None:
    old, new, proof = vector["old"], vector["new"], from_hex(vector["proof"])
    assert merkle.consistency_proof(LEAVES[:new], old) == proof
    merkle.verify_consistency(old=old, new=new, proof=proof, old_root=ROOTS[old], new_root=ROOTS[new])


@given(st.integers(1, 200))
def test_the_root_is_the_one_that_the_rfc_defines(size: int) -> None:
    assert merkle.root(hashes(size)) == defined_root(hashes(size))


@given(st.lists(st.integers(0, 40), max_size=6))
def test_a_tree_grown_in_batches_is_the_tree_grown_at_once(batches: list[int]) -> None:
    leaves = hashes(sum(batches))
    grown, nodes = Frontier(), {}
    for batch in batches:
        grown, completed = grown.extend(leaves[grown.size : grown.size + batch])
        assert not nodes.keys() & completed.keys()  # a node is completed once
        nodes |= completed
    assert (grown, nodes) == Frontier().extend(leaves)
    assert len(nodes) == len(leaves) - len(grown.peaks)


@given(st.data())
def test_every_proof_of_the_tree_verifies(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 130))
    leaves, index, old = hashes(size), data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size))
    path = merkle.inclusion_proof(leaves, index)
    merkle.verify_inclusion(leaves[index], index=index, size=size, proof=path, root=merkle.root(leaves))
    growth = merkle.consistency_proof(leaves, old)
    old_root, new_root = merkle.root(leaves[:old]), merkle.root(leaves)
    merkle.verify_consistency(old=old, new=size, proof=growth, old_root=old_root, new_root=new_root)


def flipped(parts: Sequence[bytes], data: st.DataObject) -> list[bytes]:
    which = data.draw(st.integers(0, len(parts) - 1))
    byte, bit = data.draw(st.integers(0, 31)), data.draw(st.integers(0, 7))
    changed = bytearray(parts[which])
    changed[byte] ^= 1 << bit
    return [bytes(changed) if place == which else part for place, part in enumerate(parts)]


@given(st.data())
def test_no_bit_of_an_inclusion_proof_can_be_changed(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 130))
    leaves, index = hashes(size), data.draw(st.integers(0, size - 1))
    parts = [leaves[index], merkle.root(leaves), *merkle.inclusion_proof(leaves, index)]
    leaf, root, *proof = flipped(parts, data)
    with pytest.raises(ProofInvalid):
        merkle.verify_inclusion(leaf, index=index, size=size, proof=proof, root=root)


@given(st.data())
def test_no_bit_of_a_consistency_proof_can_be_changed(data: st.DataObject) -> None:
    new = data.draw(st.integers(1, 130))
    leaves, old = hashes(new), data.draw(st.integers(1, new))
    parts = [merkle.root(leaves[:old]), merkle.root(leaves), *merkle.consistency_proof(leaves, old)]
    old_root, new_root, *proof = flipped(parts, data)
    with pytest.raises(ProofInvalid):
        merkle.verify_consistency(old=old, new=new, proof=proof, old_root=old_root, new_root=new_root)


@given(st.data())
def test_a_proof_holds_for_no_other_place_and_no_other_length(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 80))
    leaves, index = hashes(size), data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(-1, size).filter(lambda place: place != index))
    proof, root = merkle.inclusion_proof(leaves, index), merkle.root(leaves)
    for place, path in ((other, proof), (index, proof[:-1]), (index, [*proof, root])):
        with pytest.raises(ProofInvalid):
            merkle.verify_inclusion(leaves[index], index=place, size=size, proof=path, root=root)


def test_two_trees_of_one_size_are_a_fork() -> None:
    one, two = merkle.root(hashes(5)), merkle.root(LEAVES[:5])
    with pytest.raises(ProofInvalid, match="two different trees of 5 entries"):
        merkle.verify_consistency(old=5, new=5, proof=[], old_root=one, new_root=two)


def test_a_shorter_tree_does_not_continue_a_longer_one() -> None:
    with pytest.raises(ProofInvalid, match="cannot be the beginning"):
        merkle.verify_consistency(old=6, new=5, proof=[], old_root=ROOTS[6], new_root=ROOTS[5])


def test_hashes_of_another_length_and_endless_proofs_are_refused() -> None:
    for proof in ([b"short"], [b"\x00" * 32] * (merkle.PROOF_HASHES_MAX + 1)):
        with pytest.raises(ProofInvalid):
            merkle.verify_inclusion(LEAVES[0], index=0, size=8, proof=proof, root=ROOTS[8])
