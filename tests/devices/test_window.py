import pytest
from paho.mqtt.client import MQTTMessageInfo

from devices.backlog import Owed
from devices.messages import Rejection
from devices.receipts import Receipt
from devices.window import Window


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
    return Window(5)


def test_a_receipt_means_exactly_what_it_names(window: Window) -> None:
    sent = [owed(1, 1), owed(2, 2), owed(3, 3), owed(4, 2, "dev-2"), owed(5, 9, "dev-2")]
    window.sent(sent, message(), 0.0)
    assert window.room == 0
    refused = Rejection(device="dev-2", seq=9, reason="no_order")
    receipt = Receipt(
        committed={"dev-1": [(1, 2), (7, 2**63 - 1)], "dev-3": [(1, 1)]}, rejected=[refused]
    )
    named = window.named(receipt)
    assert sorted(named) == [1, 2, 5]
    window.release(named)
    assert window.named(receipt) == []
    assert window.unanswered() == [3, 4]


def test_two_readings_of_one_number_are_never_under_way_together(window: Window) -> None:
    waiting = [owed(2, 1), owed(3, 2)]
    assert window.admitted([owed(1, 1), *waiting]) == [owed(1, 1)]
    window.sent([owed(1, 1)], message(), 0.0)
    assert window.admitted(waiting) == []
    assert window.admitted([owed(4, 1, "dev-2")]) == [owed(4, 1, "dev-2")]
    window.release([1])
    assert window.admitted(waiting) == waiting


def test_only_what_the_broker_took_long_ago_is_overdue(window: Window) -> None:
    window.sent([owed(1, 1)], message(), 10.0)
    window.sent([owed(2, 2)], message(taken=False), 11.0)
    window.sent([owed(3, 3)], message(), 12.0)
    window.sent([owed(4, 4)], message(), 20.0)
    window.sent([owed(1, 1)], message(), 21.0)
    assert window.unanswered(15.0) == [3]
    assert window.unanswered() == [3, 4, 1]
    assert window.room == 1
