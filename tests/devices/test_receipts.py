import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.messages import Reason, Rejection
from devices.receipts import CHUNK_MAX_BYTES, decode_receipt, ranges, receipt
from devices.wire import WireError


def test_ranges_are_exact_and_closed() -> None:
    assert ranges([7, 1, 3, 2, 2]) == [(1, 3), (7, 7)]
    assert ranges([]) == []


def test_a_receipt_reads_as_the_contract_says() -> None:
    refused = Rejection(device="dev-2", seq=9, reason=Reason.NO_ORDER)
    (payload,) = receipt({"dev-1": [1, 2, 5]}, [refused])
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
    for payload in receipt(committed):
        for device, spans in decode_receipt(payload).committed.items():
            numbers = {seq for low, high in spans for seq in range(low, high + 1)}
            heard.setdefault(device, set()).update(numbers)
    assert heard == {device: seqs for device, seqs in committed.items() if seqs}


def test_a_long_receipt_is_cut_into_payloads_that_a_small_broker_takes() -> None:
    committed = {f"device-{n:03}": range(0, 400, 2) for n in range(50)}
    refused = [Rejection(device="dev", seq=n, reason=Reason.UNBOUND) for n in range(2000)]
    payloads = receipt(committed, refused)
    assert max(map(len, payloads)) <= CHUNK_MAX_BYTES
    read = [decode_receipt(payload) for payload in payloads]
    assert sum(len(spans) for part in read for spans in part.committed.values()) == 50 * 200
    assert [it.seq for part in read for it in part.rejected] == list(range(2000))


def test_a_gateway_hears_a_reason_it_does_not_know_yet() -> None:
    read = decode_receipt(b'{"rejected":[{"device":"d","seq":1,"reason":"of_tomorrow"}]}')
    assert read.rejected[0].reason == "of_tomorrow"


@pytest.mark.parametrize("payload", [b"", b"\xff", b"[]", b'{"committed":{"d":[[1]]}}'])
def test_a_broken_receipt_is_refused(payload: bytes) -> None:
    with pytest.raises(WireError):
        decode_receipt(payload)
