"""Places that a leave goes to, read as an officer or the person writes them."""

import pytest

from correction_service.zones import destinations
from models.errors import DomainError, Invalid


def test_places_are_read_by_name_and_by_code() -> None:
    assert destinations.read("贵阳市") == ["520100"]
    assert destinations.read("520103, 北京市；贵阳市 520100") == ["520103", "110000", "520100"]
    assert destinations.called(["520100", "520303", "999999"]) == "贵阳市、汇川区、999999"
    with pytest.raises(Invalid, match="called 贵阳\\."):
        destinations.read("贵阳")
    with pytest.raises(Invalid, match="Several places are called 鼓楼区"):
        destinations.read("鼓楼区")
    with pytest.raises(DomainError, match="10 places"):
        destinations.read(" ".join(list(destinations.counties(["520000"]))[:11]))
    assert "520303" in destinations.counties(["520300"])
