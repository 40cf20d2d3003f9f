"""Proofs about the log's tree: that a leaf is in it, that it only grew (RFC 6962 §2.1.1, 2.1.2)."""

from collections.abc import Sequence

from models.audit import node_hash


class Tree:
    """A tree over leaf hashes; each subtree is hashed once, however many proofs are asked for."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self._leaves = leaves
        self._known: dict[tuple[int, int], bytes] = {}

    def root(self, begin: int = 0, end: int | None = None) -> bytes:
        """The tree hash of leaves begin…end - 1, at least one."""
        end = len(self._leaves) if end is None else end
        if end - begin == 1:
            return self._leaves[begin]
        found = self._known.get((begin, end))
        if found is None:
            middle = begin + _split(end - begin)
            found = node_hash(self.root(begin, middle), self.root(middle, end))
            self._known[begin, end] = found
        return found

    def inclusion(self, position: int) -> list[bytes]:
        """The hashes beside the way from a leaf to the root, lowest first."""
        begin, end, path = 0, len(self._leaves), []
        while end - begin > 1:
            middle = begin + _split(end - begin)
            if position < middle:
                path.append(self.root(middle, end))
                end = middle
            else:
                path.append(self.root(begin, middle))
                begin = middle
        return path[::-1]

    def consistency(self, size: int) -> list[bytes]:
        """What shows that the tree of the first `size` ≥ 1 leaves is where this one began."""
        begin, end, path, whole = 0, len(self._leaves), [], True
        while size != end - begin:
            split = _split(end - begin)
            if size <= split:
                path.append(self.root(begin + split, end))
                end = begin + split
            else:
                path.append(self.root(begin, begin + split))
                begin, size, whole = begin + split, size - split, False
        return ([] if whole else [self.root(begin, end)]) + path[::-1]


def _split(count: int) -> int:
    """The largest power of two below `count`, which is at least 2."""
    return 1 << ((count - 1).bit_length() - 1)
