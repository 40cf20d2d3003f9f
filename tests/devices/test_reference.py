import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.datum import Crs, Point, bd09, gcj02, in_china
from devices.messages import Protocol
from devices.wire import decode
from models import device as register
from tests.county import NOW
from tests.devices.test_datum import metres_between


def test_the_wire_and_the_register_agree_on_the_protocols() -> None:
    assert {it.value for it in Protocol} == {it.value for it in register.Protocol}


@pytest.mark.parametrize("topic", ["correction/v1/gw-1/B1/fix", "owntracks/gw-1/B1"])
@given(
    here=st.tuples(st.floats(0.9, 55.8), st.floats(72.03, 137.81)),
    datum=st.sampled_from([(Crs.GCJ02, gcj02), (Crs.BD09, bd09), (Crs.WGS84, lambda it: it)]),
)
def test_a_fix_in_a_chinese_datum_ends_within_a_centimetre_of_the_truth(
    topic: str, here: Point, datum: tuple[Crs, Callable[[Point], Point]]
) -> None:
    crs, shift = datum
    assert in_china(here)
    lat, lon = shift(here)
    said = {"lat": lat, "lon": lon, "crs": crs, "seq": 1, "time": NOW.isoformat()}
    said |= {"_type": "location", "tst": 1}
    (fix,) = decode(topic, json.dumps(said).encode()).fixes
    assert metres_between(here, (fix.lat, fix.lon)) < 0.01
    assert fix.crs is crs
