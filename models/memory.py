"""What is remembered of each wearer and zone between fixes, and its bytes in the database."""

import numpy as np
import numpy.typing as npt

from models.ground import Ints
from models.zone import ZoneState

EDITION = b"\x03"  # of what a memory means; goes before packed memories
STATES = (ZoneState.UNKNOWN, ZoneState.INSIDE, ZoneState.OUTSIDE)
UNKNOWN, INSIDE, OUTSIDE = range(3)
E7 = 1e7  # positions are kept in steps of 1e-7 degrees
HALF_MAX = 60_000.0  # about what a float of two bytes can hold

MEMORY = np.dtype(
    [
        ("zone_id", "<u4"),
        ("state", "u1"),  # place in STATES
        ("settled", "u1"),  # the last side that was decided
        ("steady", "u1"),  # how many fixes in a row were on the right side
        ("total", "<f4"),  # the sum of the evidence
        ("since", "<u4"),  # of the state, seconds since 1970, as all moments here
        ("sure", "<u4"),  # since when the smoothed position is surely beyond; 0: it is not
        ("left", "<u4"),  # the first fix beyond since the sum was nothing
        ("back", "<u4"),  # the first of the steady fixes
        ("heard", "<u4"),  # the newest evidence
        ("fixes", "u1", (3,)),  # beyond, by source
        ("warned", "u1"),  # of an approach
        ("best_m", "<u2"),  # errors of those fixes
        ("worst_m", "<u2"),
        ("moved", "u1"),  # how often those fixes showed somebody on the move
        ("beyond_m", "<u2"),  # how far out the fix was that the next has to be away from
        ("fix_lat", "<i4"),  # of those fixes the one that the next has to be away from
        ("fix_lon", "<i4"),
        ("lat", "<i4"),  # the newest fix on the right side, or the position smoothed since then
        ("lon", "<i4"),
        ("error_m", "<f2"),  # its standard deviation; 0: there is none yet
        ("north_mps", "<f2"),
        ("east_mps", "<f2"),
        ("cross_var", "<f2"),
        ("speed_var", "<f2"),  # 0: not smoothed yet
    ]
)
Memory = npt.NDArray[np.void]


def blank(zone_ids: Ints) -> Memory:
    """Memories of zones of which nothing is known."""
    memory = np.zeros(len(zone_ids), dtype=MEMORY)
    memory["zone_id"] = zone_ids
    return memory


def pack(memory: Memory) -> bytes:
    """Memories of one wearer as bytes, behind the edition of the rule that made them."""
    return EDITION + memory.tobytes() if len(memory) else b""


def pack_all(memory: Memory) -> npt.NDArray[np.void]:
    """Memories of many wearers with as many zones each, (n, zones), as n opaque values."""
    count, zones = memory.shape
    if not zones:
        return np.zeros(count, dtype="V0")
    size = len(EDITION) + zones * MEMORY.itemsize
    packed = np.empty((count, size), dtype=np.uint8)
    packed[:, : len(EDITION)] = np.frombuffer(EDITION, np.uint8)
    packed[:, len(EDITION) :] = memory.view(np.uint8).reshape(count, -1)
    return packed.view(f"V{size}").ravel()


def unpack(packed: bytes) -> Memory:
    """Memories of one wearer; what another rule remembered means nothing here and is dropped."""
    readable = packed[:1] == EDITION and len(packed) % MEMORY.itemsize == 1
    return np.frombuffer(packed[1:] if readable else b"", dtype=MEMORY)
