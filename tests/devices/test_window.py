import pytest
from paho.mqtt.client import MQTTMessageInfo

from devices.backlog import Owed
from devices.messages import Rejection
from devices.receipts import Receipt
from devices.window import Window

R = 30.0  # seconds after which a reading goes again


def owed(key: int, seq: int, device: str = "dev-1") -> Owed:
    return Owed(key, device, seq, is_event=False, payload=b"{}")


def message(*, taken: bool = True) -> MQTTMessageInfo:
    """A message as the client hands it out, and marks it once the broker took it."""
    made = MQTTMessageInfo(1)
    if taken:
        made._set_as_published()  # noqa: SLF001 - what the client does when it hears the broker
    return made


@pytest.fixture
def window() -> Window:
    return Window(1000, R)


def send(window: Window, seqs: range, at_s: float, *, taken: bool = True) -> None:
    """Readings whose backlog id is their number."""
    window.sent([owed(seq, seq) for seq in seqs], message(taken=taken), at_s)


def receipt(low: int, high: int) -> Receipt:
    return Receipt(committed={"dev-1": [(low, high)]})


def test_a_receipt_means_exactly_what_it_names() -> None:
    window = Window(5, R)
    sent = [owed(1, 1), owed(2, 2), owed(3, 3), owed(4, 2, "dev-2"), owed(5, 9, "dev-2")]
    window.sent(sent, message(), 0.0)
    assert window.room == 0
    refused = Rejection(device="dev-2", seq=9, reason="no_order")
    heard = Receipt(
        committed={"dev-1": [(1, 2), (7, 2**63 - 1)], "dev-3": [(1, 1)]}, rejected=[refused]
    )
    assert sorted(window.receipted(heard, 1.0)) == [1, 2, 5]
    assert window.receipted(heard, 1.0) == []
    assert window.room == 3
    assert window.reconnected(2.0) == [3, 4]


def test_two_readings_of_one_number_are_never_under_way_together(window: Window) -> None:
    waiting = [owed(2, 1), owed(3, 2)]
    assert window.admitted([owed(1, 1), *waiting]) == [owed(1, 1), owed(3, 2)]
    window.sent([owed(1, 1)], message(), 0.0)
    assert window.admitted(waiting) == [owed(3, 2)]
    assert window.admitted([owed(4, 1, "dev-2")]) == [owed(4, 1, "dev-2")]
    window.release([1])
    assert window.again(0.0) == [2]  # it waited its turn and held up nobody
    assert window.admitted(waiting) == waiting


def overtake(window: Window, seq: int, times: int) -> float:
    """Send on for so many half minutes what is receipted, all but one; the moment after."""
    now_s = 0.0
    window.sent([owed(seq, seq)], message(), now_s)
    for other in range(seq + 1, seq + 1 + times):
        now_s += R + 1
        send(window, range(other, other + 1), now_s)
        window.receipted(receipt(other, other), now_s)
        if due := window.due(now_s):
            assert due == [seq]
            window.sent([owed(seq, seq)], message(), now_s)
    return now_s


def test_what_is_never_answered_takes_neither_room_nor_number_and_is_tried_hourly(
    window: Window,
) -> None:
    now_s = overtake(window, 1000, 22)
    assert window.room == 1000
    newer = owed(5000, 1000)
    assert window.admitted([newer]) == [newer]
    assert window.again(now_s) == []
    assert window.again(now_s + 3600) == [1000]
    window.sent([owed(1000, 1000)], message(), now_s + 3600)
    assert window.receipted(receipt(1000, 1000), now_s + 3601) == [1000]
    assert window.again(now_s + 9000) == []


def test_a_new_connection_tries_at_once_what_is_aside_a_tenth_of_the_window_together() -> None:
    window = Window(20, R)
    window.sent([owed(0, 7)], message(), 0.0)
    assert window.admitted([owed(key, 7) for key in (1, 2, 3)]) == []
    window.release([0])
    assert window.again(0.0) == [1, 2]
    window.sent([owed(1, 7)], message(), 0.0)
    assert window.again(0.5) == []
    window.reconnected(0.5)
    assert window.again(0.5) == [2]


def test_a_silent_service_makes_nothing_hopeless(window: Window) -> None:
    send(window, range(5), 0.0)
    for half_minute in range(1, 100):
        now_s = half_minute * (R + 1)
        window.sent([owed(it, it) for it in window.due(now_s)], message(), now_s)
    assert window.room == 995


def test_a_slow_service_is_not_sent_the_same_again(window: Window) -> None:
    send(window, range(1000), 0.0)
    for minute in range(1, 10):
        assert window.receipted(receipt((minute - 1) * 100, minute * 100 - 1), minute * 25.0)
        assert window.due(minute * 25.0 + 24.9) == []


def test_what_others_overtook_by_far_is_lost(window: Window) -> None:
    send(window, range(10), 0.0)
    send(window, range(10, 20), 29.0)
    send(window, range(20, 30), 31.0)
    window.receipted(receipt(10, 19), 32.0)
    assert window.due(32.0) == []
    window.receipted(receipt(20, 29), 33.0)
    assert window.due(33.0) == list(range(10))
    send(window, range(10), 33.0)
    assert window.due(34.0) == []


def test_in_silence_a_few_ask_now_and_then(window: Window) -> None:
    send(window, range(100), 0.0)
    assert window.due(29.0) == []
    assert window.due(31.0) == list(range(10))
    send(window, range(10), 31.0)
    assert window.due(60.0) == []
    assert window.due(62.0) == list(range(10, 20))
    send(window, range(10, 20), 62.0)
    window.receipted(receipt(0, 49), 63.0)  # it was slow, and had them all
    assert window.due(92.0) == []
    assert len(window.due(94.0)) == 10


def test_where_only_what_asked_is_receipted_the_others_were_lost(window: Window) -> None:
    send(window, range(100), 0.0)
    assert window.due(31.0) == list(range(10))
    send(window, range(10), 31.0)
    window.receipted(receipt(0, 9), 32.0)
    assert window.due(61.0) == []
    assert window.due(63.0) == list(range(10, 100))


def test_a_receipt_of_a_copy_says_nothing_of_what_was_sent_between(window: Window) -> None:
    send(window, range(10), 0.0)
    send(window, range(10, 20), 5.0)
    assert window.due(36.0) == list(range(10))
    send(window, range(10), 36.0)
    window.receipted(receipt(0, 9), 37.0)
    assert window.due(38.0) == []


def test_over_a_new_connection_goes_all_that_a_broker_had_taken(window: Window) -> None:
    send(window, range(10), 0.0)
    send(window, range(10, 20), 1.0, taken=False)
    assert window.reconnected(100.0) == list(range(10))
    send(window, range(10), 100.0)
    window.receipted(receipt(0, 9), 101.0)
    assert window.due(102.0) == []
