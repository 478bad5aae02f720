"""The Merkle tree of RFC 9162, as pure functions on bytes.

Covers: leaf and node hashes, roots, inclusion and consistency proofs and their verification (RFC 9162 section 2.1,
the same tree as RFC 6962), and growing a tree from its frontier without its old leaves.
Not covered: where hashes are kept (`log.py`), who signs a root (`checkpoint.py`).

A node is named by level and index: node (l, i) is the root of the complete subtree over the leaves
[i * 2**l, (i + 1) * 2**l). Every hash a proof needs is such a node, or a few of them folded together, so a log that
keeps all complete nodes answers any proof for any past size in O(log n) reads.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from witting.errors import ProofInvalid

HASH_BYTES = 32
PROOF_HASHES_MAX = 64  # a path in a tree of 2**64 leaves
EMPTY_ROOT = hashlib.sha256(b"").digest()  # RFC 9162 §2.1.1: MTH({}) = HASH()


class Node(NamedTuple):
    """A complete subtree: its height, and its place among the subtrees of that height."""

    level: int
    index: int


class Range(NamedTuple):
    """Leaves from `start` up to but not including `end`."""

    start: int
    end: int


def leaf_hash(entry: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + entry).digest()  # RFC 9162 §2.1.1: MTH({d[0]}) = HASH(0x00 || d[0])


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()  # RFC 9162 §2.1.1: HASH(0x01 || left || right)


# -- the shape of the tree: which nodes a root or proof is made of ----------------------------------------------------


def cover(start: int, end: int) -> list[Node]:
    """The complete subtrees that make up [start, end), left to right. `start` must be aligned, as all RFC 9162 splits
    are: a multiple of the largest power of two not above the length."""
    nodes = []
    while start < end:
        level = (end - start).bit_length() - 1
        nodes.append(Node(level, start >> level))
        start += 1 << level
    return nodes


def path_ranges(index: int, size: int) -> list[Range]:
    """The leaf ranges whose hashes are the inclusion proof of `index`, from the leaf's sibling up."""
    if not 0 <= index < size:
        raise ProofInvalid(f"no inclusion proof: entry {index} is not in a tree of {size} entries.")
    ranges: list[Range] = []
    start, end = 0, size
    while end - start > 1:  # RFC 9162 §2.1.3.1, walked from the root down
        middle = start + _split(end - start)
        if index < middle:
            ranges.append(Range(middle, end))
            end = middle
        else:
            ranges.append(Range(start, middle))
            start = middle
    return ranges[::-1]


def consistency_ranges(old: int, new: int) -> list[Range]:
    """The leaf ranges whose hashes prove that the tree of `old` leaves is the beginning of the tree of `new`."""
    if not 0 <= old <= new:
        raise ProofInvalid(
            f"no consistency proof: a tree of {old} entries is not the beginning of one of {new}."
        )
    if old in (0, new):
        return []
    ranges: list[Range] = []
    start, end, whole = 0, new, True
    while end != old:  # RFC 9162 §2.1.4.1: SUBPROOF(m, D_n, b), walked from the root down
        middle = start + _split(end - start)
        if old <= middle:
            ranges.append(Range(middle, end))
            end = middle
        else:
            ranges.append(Range(start, middle))
            start, whole = middle, False
    if not whole:
        ranges.append(Range(start, end))
    return ranges[::-1]


def _split(length: int) -> int:
    return 1 << ((length - 1).bit_length() - 1)  # the largest power of two smaller than length


# -- hashes from nodes ------------------------------------------------------------------------------------------------


def hash_range(node: Callable[[Node], bytes], start: int, end: int) -> bytes:
    """The hash over the leaves [start, end), from the complete nodes that `node` looks up."""
    return fold([node(part) for part in cover(start, end)])


def fold(hashes: Sequence[bytes]) -> bytes:
    """The root over complete subtrees of falling height; of none, the root of the empty tree."""
    if not hashes:
        return EMPTY_ROOT
    folded = hashes[-1]
    for left in reversed(hashes[:-1]):
        folded = node_hash(left, folded)
    return folded


@dataclass(frozen=True)
class Frontier:
    """All that is needed of a tree to append to it: its size, and its complete subtrees from left to right."""

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def root(self) -> bytes:
        return fold(self.peaks)

    def extend(self, leaf_hashes: Sequence[bytes]) -> tuple[Frontier, dict[Node, bytes]]:
        """The frontier after these leaves, and every node above the leaves that they completed."""
        stack = list(self.peaks)
        completed: dict[Node, bytes] = {}
        for index, hashed in enumerate(leaf_hashes, start=self.size):
            level, place = 0, index
            while place & 1:  # a right child completes its parent
                hashed = node_hash(stack.pop(), hashed)
                level, place = level + 1, place >> 1
                completed[Node(level, place)] = hashed
            stack.append(hashed)
        return Frontier(self.size + len(leaf_hashes), tuple(stack)), completed


def root(leaf_hashes: Sequence[bytes]) -> bytes:
    return Frontier().extend(leaf_hashes)[0].root()


def inclusion_proof(leaf_hashes: Sequence[bytes], index: int) -> list[bytes]:
    """RFC 9162 §2.1.3.1: PATH(index, D[n]), from the leaf's sibling to the root's child."""
    nodes = _all_nodes(leaf_hashes)
    return [hash_range(nodes.__getitem__, *part) for part in path_ranges(index, len(leaf_hashes))]


def consistency_proof(leaf_hashes: Sequence[bytes], old: int) -> list[bytes]:
    """RFC 9162 §2.1.4.1: PROOF(old, D[n])."""
    nodes = _all_nodes(leaf_hashes)
    return [hash_range(nodes.__getitem__, *part) for part in consistency_ranges(old, len(leaf_hashes))]


def _all_nodes(leaf_hashes: Sequence[bytes]) -> Mapping[Node, bytes]:
    _, nodes = Frontier().extend(leaf_hashes)
    return nodes | {Node(0, index): hashed for index, hashed in enumerate(leaf_hashes)}


# -- verification -----------------------------------------------------------------------------------------------------


def verify_inclusion(leaf: bytes, *, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """That the entry with this leaf hash is number `index` of the tree with this size and root, or ProofInvalid."""
    _check_hashes(proof, leaf, root)
    if not 0 <= index < size:  # RFC 9162 §2.1.3.2, step 1
        raise ProofInvalid(f"inclusion: entry {index} cannot be in a tree of {size} entries.")
    fn, sn = index, size - 1  # step 2
    computed = leaf  # step 3
    for sibling in proof:  # step 4
        if sn == 0:  # step 4.1
            raise ProofInvalid(f"inclusion: the proof for entry {index} of {size} has too many hashes.")
        if fn & 1 or fn == sn:  # step 4.2
            computed = node_hash(sibling, computed)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            computed = node_hash(computed, sibling)
        fn, sn = fn >> 1, sn >> 1  # step 4.3
    if sn != 0:  # step 5
        raise ProofInvalid(f"inclusion: the proof for entry {index} of {size} has too few hashes.")
    if not hmac.compare_digest(computed, root):
        raise ProofInvalid(
            f"inclusion: entry {index} and its proof do not lead to the root of {size} entries."
        )


def verify_consistency(
    *, old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes
) -> None:
    """That the tree of size `old` is the beginning of the tree of size `new`, or ProofInvalid."""
    _check_hashes(proof, old_root, new_root)
    if not 0 <= old <= new:
        raise ProofInvalid(f"consistency: a tree of {old} entries cannot be the beginning of one of {new}.")
    if old in (0, new):  # RFC 9162 leaves both out: nothing to prove but the roots themselves
        known = EMPTY_ROOT if old == 0 else new_root
        if proof or not hmac.compare_digest(old_root, known):
            raise ProofInvalid(f"consistency: two different trees of {old} entries were signed.")
        return
    path = list(proof) if old & (old - 1) else [old_root, *proof]  # RFC 9162 §2.1.4.2, step 2
    if not path or not proof:  # step 1
        raise ProofInvalid(f"consistency: the proof from {old} to {new} entries is empty.")
    fn, sn = old - 1, new - 1  # step 3
    while fn & 1:  # step 4
        fn, sn = fn >> 1, sn >> 1
    from_old = from_new = path[0]  # step 5
    for sibling in path[1:]:  # step 6
        if sn == 0:  # step 6.1
            raise ProofInvalid(f"consistency: the proof from {old} to {new} entries has too many hashes.")
        if fn & 1 or fn == sn:  # step 6.2
            from_old, from_new = node_hash(sibling, from_old), node_hash(sibling, from_new)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            from_new = node_hash(from_new, sibling)
        fn, sn = fn >> 1, sn >> 1  # step 6.3
    if sn != 0:  # step 7
        raise ProofInvalid(f"consistency: the proof from {old} to {new} entries has too few hashes.")
    if not (hmac.compare_digest(from_old, old_root) and hmac.compare_digest(from_new, new_root)):
        raise ProofInvalid(
            f"consistency: the tree of {old} entries is not the beginning of the one of {new}."
        )


def _check_hashes(proof: Sequence[bytes], *roots: bytes) -> None:
    if len(proof) > PROOF_HASHES_MAX:
        raise ProofInvalid(
            f"a proof of {len(proof)} hashes was given; at most {PROOF_HASHES_MAX} are possible."
        )
    if any(len(hashed) != HASH_BYTES for hashed in (*proof, *roots)):
        raise ProofInvalid(f"a hash of a proof does not have {HASH_BYTES} bytes.")
