"""What is secret about a person opens only with the ring, and only in its own place."""

import pytest

from models.errors import DomainError, Invalid, Refused
from models.identity import IdKind, Sex, normalise
from models.keys import KeyRing, SealBroken
from models.person import Person
from tests.county import NOW, VALID_ID


def person(ring: KeyRing, **fields: object) -> Person:
    given = {"name": "张某", "id_kind": IdKind.RESIDENT, "id_number": VALID_ID, **fields}
    return Person.enrol(ring, NOW, **given)  # type: ignore[arg-type]


def test_a_resident_id_gives_birth_and_sex_and_is_sealed() -> None:
    ring = KeyRing.generate()
    zhang = person(ring)
    assert zhang.born_on is not None
    assert zhang.born_on.isoformat() == "1949-12-31"
    assert zhang.sex is Sex.FEMALE
    assert VALID_ID.encode() not in zhang.id_number_sealed
    assert zhang.reveal(ring, "id_number") == VALID_ID


@pytest.mark.parametrize(
    "number",
    ["110105194912310021", "11010519491331002X", "1101051949123100", "abc", "11010519491231002Y"],
)
def test_a_wrong_resident_id_is_refused_by_field_without_being_repeated(number: str) -> None:
    with pytest.raises(Invalid) as refusal:
        normalise(IdKind.RESIDENT, number)
    assert refusal.value.field == "id_number"
    assert number not in str(refusal.value)


def test_people_without_a_resident_id_enrol_with_their_sex() -> None:
    ring = KeyRing.generate()
    with pytest.raises(DomainError, match="by hand"):
        person(ring, id_kind=IdKind.PASSPORT, id_number="E12345678")
    lee = person(ring, id_kind=IdKind.HK_MACAO_PERMIT, id_number="h1234567800", sex=Sex.MALE)
    assert lee.reveal(ring, "id_number") == "H1234567800"


def test_a_sealed_value_does_not_open_for_another_person_or_column() -> None:
    ring = KeyRing.generate()
    zhang, li = person(ring), person(ring)
    zhang.put(ring, "phone", "13800000000")
    li.wrapped_key, li.phone_sealed = zhang.wrapped_key, zhang.phone_sealed
    with pytest.raises(SealBroken):
        li.reveal(ring, "phone")
    zhang.address_sealed = zhang.phone_sealed
    with pytest.raises(SealBroken):
        zhang.reveal(ring, "address")


def test_rotation_keeps_everything_readable_and_lets_the_old_key_go() -> None:
    ring = KeyRing.generate()
    zhang = person(ring)
    turned = ring.rotated("k2")
    zhang.rewrap(turned)
    alone = KeyRing("k2", {"k2": turned.keys["k2"]}, turned.index_key)
    assert zhang.reveal(alone, "id_number") == VALID_ID
    assert KeyRing.loads(turned.dumps()) == turned


def test_erasure_destroys_the_key() -> None:
    ring = KeyRing.generate()
    zhang = person(ring)
    zhang.wrapped_key = None
    with pytest.raises(Refused, match="erased"):
        zhang.reveal(ring, "id_number")


@pytest.mark.parametrize("text", ["", "{}", '{"current":"k1","keys":{},"index":""}', "no"])
def test_a_broken_key_ring_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="key ring"):
        KeyRing.loads(text)
