import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import topics
from devices.link import Outbound
from devices.messages import Reason, Rejection
from devices.receipts import (
    CHUNK_MAX_BYTES,
    GATHERED_MAX,
    Receipts,
    Stored,
    decode_receipt,
    receipt,
    united,
)
from devices.wire import WireError

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
Said = set[tuple[str, str, int, str]]


def test_ranges_are_exact_and_closed() -> None:
    assert united([(7, 7), (1, 1), (3, 3), (2, 2), (2, 2)]) == [(1, 3), (7, 7)]
    assert united([(5, 9), (1, 3), (2, 2), (12, 12), (4, 4)]) == [(1, 9), (12, 12)]
    assert united([]) == []


def test_a_receipt_reads_as_the_contract_says() -> None:
    refused = Rejection(device="dev-2", seq=9, reason=Reason.NO_ORDER)
    (payload,) = receipt({"dev-1": [(1, 2), (5, 5)]}, [refused])
    assert json.loads(payload) == {
        "committed": {"dev-1": [[1, 2], [5, 5]]},
        "rejected": [{"device": "dev-2", "seq": 9, "reason": "no_order"}],
    }


def test_nothing_to_say_is_no_payload() -> None:
    nameless = Rejection(device="dev-1", seq=None, reason=Reason.BAD_SEQ)
    assert receipt({}) == []
    assert receipt({"dev-1": []}, [nameless]) == []


@given(st.dictionaries(st.sampled_from(["a", "b-1", "c.2"]), st.sets(st.integers(0, 2**63 - 1))))
def test_what_was_committed_comes_back_number_for_number(
    committed: dict[str, set[int]],
) -> None:
    heard: dict[str, set[int]] = {}
    one_by_one = {device: [(seq, seq) for seq in seqs] for device, seqs in committed.items()}
    for payload in receipt(one_by_one):
        for device, spans in decode_receipt(payload).committed.items():
            numbers = {seq for low, high in spans for seq in range(low, high + 1)}
            heard.setdefault(device, set()).update(numbers)
    assert heard == {device: seqs for device, seqs in committed.items() if seqs}


def test_a_long_receipt_is_cut_into_payloads_that_a_small_broker_takes() -> None:
    committed = {f"device-{n:03}": [(seq, seq) for seq in range(0, 400, 2)] for n in range(50)}
    refused = [Rejection(device="dev", seq=n, reason=Reason.UNBOUND) for n in range(2000)]
    payloads = receipt(committed, refused)
    assert max(map(len, payloads)) <= CHUNK_MAX_BYTES
    read = [decode_receipt(payload) for payload in payloads]
    assert sum(len(spans) for part in read for spans in part.committed.values()) == 50 * 200
    assert [it.seq for part in read for it in part.rejected] == list(range(2000))


def test_a_gateway_hears_a_reason_it_does_not_know_yet() -> None:
    read = decode_receipt(b'{"rejected":[{"device":"d","seq":1,"reason":"of_tomorrow"}]}')
    assert read.rejected[0].reason == "of_tomorrow"


@pytest.mark.parametrize(
    "payload",
    [b"", b"\xff", b"[]", b'{"committed":{"d":[[1]]}}', b'{"committed":{"d":[[1,2],[4,3]]}}'],
)
def test_a_broken_receipt_is_refused(payload: bytes) -> None:
    with pytest.raises(WireError):
        decode_receipt(payload)


def said(replies: Iterable[Outbound]) -> Said:
    """Gateway, device, seq and reason (none: committed) of all that the receipts name."""
    found: Said = set()
    for reply in replies:
        topic, read = topics.parse(reply.topic), decode_receipt(reply.payload)
        assert topic is not None
        for device, spans in read.committed.items():
            for low, high in spans:
                found |= {(topic.gateway, device, seq, "") for seq in range(low, high + 1)}
        found |= {(topic.gateway, it.device, it.seq or 0, it.reason) for it in read.rejected}
    return found


READINGS = st.tuples(
    st.sampled_from(["gw-1", "gw-2", "gw-3"]),
    st.sampled_from(["a", "b"]),
    st.integers(0, 60),
    st.sampled_from(["", "no_order"]),
)


@given(
    st.lists(st.lists(READINGS, max_size=8), max_size=8),
    st.integers(1, 6),
    st.sampled_from([0, 400, 1500]),
)
def test_exactly_what_was_added_is_told_once(
    batches: list[list[tuple[str, str, int, str]]], gathered_max: int, apart_ms: int
) -> None:
    receipts, now = Receipts(gathered_max=gathered_max), NOW
    replies: list[Outbound] = []
    for batch in batches:
        for gateway, device, seq, reason in batch:
            if reason:
                receipts.add_rejected(gateway, Rejection(device=device, seq=seq, reason=reason))
            else:
                receipts.add_stored([Stored(gateway, device, seq, seq)])
        replies += receipts.due(now)
        now += timedelta(milliseconds=apart_ms)
    replies += receipts.everything()
    assert said(replies) == {reading for batch in batches for reading in batch}
    assert receipts.everything() == []
    assert receipts.due(now + timedelta(hours=1)) == []


def test_a_gateway_is_told_after_a_second() -> None:
    receipts = Receipts()
    receipts.add_stored([Stored("gw-1", "a", 1, 1), Stored("gw-1", "a", 2, 2)])
    assert receipts.due(NOW) == []
    receipts.add_stored([Stored("gw-2", "b", 7, 7)])
    assert receipts.due(NOW + timedelta(seconds=0.9)) == []
    receipts.add_stored([Stored("gw-1", "a", 3, 3)])
    first = said(receipts.due(NOW + timedelta(seconds=1)))
    assert first == {("gw-1", "a", 1, ""), ("gw-1", "a", 2, ""), ("gw-1", "a", 3, "")}
    assert said(receipts.due(NOW + timedelta(seconds=1.9))) == {("gw-2", "b", 7, "")}


def test_a_gateway_with_many_readings_is_told_at_once_and_then_waits_anew() -> None:
    receipts = Receipts()
    receipts.add_stored([Stored("gw-1", "a", 0, 0)])
    assert receipts.due(NOW) == []
    receipts.add_stored([Stored("gw-1", "a", 1, 1), Stored("gw-1", "a", 2, GATHERED_MAX - 1)])
    (reply,) = receipts.due(NOW + timedelta(seconds=0.5))
    assert decode_receipt(reply.payload).committed == {"a": [(0, GATHERED_MAX - 1)]}
    receipts.add_stored([Stored("gw-1", "a", GATHERED_MAX, GATHERED_MAX)])
    assert receipts.due(NOW + timedelta(seconds=0.6)) == []
    assert receipts.due(NOW + timedelta(seconds=1.2)) == []
    assert len(receipts.due(NOW + timedelta(seconds=1.6))) == 1
