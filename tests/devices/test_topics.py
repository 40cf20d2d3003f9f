import pytest

from devices import topics
from devices.topics import Kind, Topic


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("correction/v1/gw-1/dev.7/fix", Topic("gw-1", Kind.FIX, "dev.7")),
        ("correction/v1/gw-1/dev.7/event", Topic("gw-1", Kind.EVENT, "dev.7")),
        ("correction/v1/gw-1/dev.7/command", Topic("gw-1", Kind.COMMAND, "dev.7")),
        ("correction/v1/gw-1/dev.7/command/result", Topic("gw-1", Kind.RESULT, "dev.7")),
        ("correction/v1/gw-1/batch", Topic("gw-1", Kind.BATCH)),
        ("correction/v1/gw-1/status", Topic("gw-1", Kind.STATUS)),
        ("correction/v1/gw-1/receipt", Topic("gw-1", Kind.RECEIPT)),
        ("correction/v1/gw-1/batch/fix", Topic("gw-1", Kind.FIX, "batch")),
        ("correction/v1/gw-1/command/command/result", Topic("gw-1", Kind.RESULT, "command")),
        ("owntracks/tracker-1/B1", Topic("tracker-1", Kind.OWNTRACKS, "B1")),
        ("traccar/positions", Topic("traccar", Kind.TRACCAR)),
    ],
)
def test_a_topic_reads_and_writes_as_the_contract_says(text: str, topic: Topic) -> None:
    assert topics.parse(text) == topic
    assert str(topic) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "correction/v1",
        "correction/v1/",
        "correction/v1/gw-1",
        "correction/v1//fix",
        "correction/v1//dev/fix",
        "correction/v1/gw-1/fix",
        "correction/v1/gw-1/dev/batch",
        "correction/v1/gw-1/dev/status",
        "correction/v1/gw 1/dev/fix",
        "correction/v1/gw-1/dev\n/fix",
        "correction/v1/gw-1/设备/fix",
        f"correction/v1/gw-1/{'d' * 65}/fix",
        "correction/v1/gw-1/dev/fix/more",
        "correction/v2/gw-1/dev/fix",
        "correction/v1/gw-1/dev/fix/result",
        "correction/v1/gw-1/command/result",
        "correction/v1/gw-1/dev/fix\n",
        "x/correction/v1/gw-1/dev/fix",
        "correction/v1/gw-1/dev/owntracks",
        "correction/v1/gw-1/dev/traccar",
        "owntracks/tracker-1",
        "owntracks/tracker-1/B1/cmd",
        "owntracks/tracker 1/B1",
        "owntracks//B1",
        "traccar/positions/more",
        "traccar",
    ],
)
def test_a_topic_that_is_not_ours_is_none(text: str) -> None:
    assert topics.parse(text) is None


def test_a_transition_of_owntracks_arrives_one_level_below_its_device() -> None:
    assert topics.parse("owntracks/u/d/event") == Topic("u", Kind.OWNTRACKS, "d")


def test_every_uplink_is_subscribed_and_no_downlink() -> None:
    assert topics.UPLINK == (
        "correction/v1/+/+/fix",
        "correction/v1/+/batch",
        "correction/v1/+/+/event",
        "correction/v1/+/status",
        "correction/v1/+/+/command/result",
        "owntracks/+/+",
        "owntracks/+/+/event",
        "traccar/positions",
    )
    assert topics.receipt("gw-1") == "correction/v1/gw-1/receipt"
    assert topics.command("gw-1", "+") == "correction/v1/gw-1/+/command"


def test_an_ingester_can_take_the_gateways_that_it_names() -> None:
    assert topics.uplink(["gw-1", "traccar"]) == (
        "correction/v1/gw-1/+/fix",
        "correction/v1/gw-1/batch",
        "correction/v1/gw-1/+/event",
        "correction/v1/gw-1/status",
        "correction/v1/gw-1/+/command/result",
        "owntracks/gw-1/+",
        "owntracks/gw-1/+/event",
        "correction/v1/traccar/+/fix",
        "correction/v1/traccar/batch",
        "correction/v1/traccar/+/event",
        "correction/v1/traccar/status",
        "correction/v1/traccar/+/command/result",
        "owntracks/traccar/+",
        "owntracks/traccar/+/event",
        "traccar/positions",
    )


def test_a_share_divides_everything_among_its_ingesters() -> None:
    assert topics.uplink(share="all") == tuple(f"$share/all/{it}" for it in topics.UPLINK)


@pytest.mark.parametrize("names", [(["+"], ""), (["a/b"], ""), ([""], ""), ([], "a/b"), ([], "#")])
def test_a_slice_with_an_impossible_name_is_refused(names: tuple[list[str], str]) -> None:
    with pytest.raises(ValueError, match="a name must be"):
        topics.uplink(*names)
