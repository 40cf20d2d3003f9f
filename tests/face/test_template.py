import numpy as np
import pytest

from correction_service.face.template import DIMENSIONS, Embedding, Template, TemplateError, unit


def embedding(seed: int) -> Embedding:
    dice = np.random.default_rng(seed)
    dlib = dice.normal(size=DIMENSIONS).astype(np.float32)
    return Embedding(unit(dice.normal(size=DIMENSIONS)), dlib)


@pytest.fixture
def stored() -> Template:
    return Template.mean("weights/1", [embedding(seed) for seed in range(3)])


def test_a_template_survives_storage_unchanged(stored: Template) -> None:
    read = Template.from_bytes(stored.to_bytes())
    assert read.model_version == "weights/1"
    assert np.array_equal(read.sface, stored.sface)
    assert np.array_equal(read.dlib, stored.dlib)


def test_a_mean_has_unit_length_for_cosines_and_is_a_centroid_for_distances() -> None:
    parts = [embedding(seed) for seed in range(3)]
    mean = Template.mean("weights/1", parts)
    assert np.linalg.norm(mean.sface) == pytest.approx(1)
    assert mean.dlib == pytest.approx(sum(part.dlib for part in parts) / 3, abs=1e-6)


@pytest.mark.parametrize("cut", [0, 2, 4, 20, 1036, -1])
def test_a_shortened_template_is_refused(stored: Template, cut: int) -> None:
    with pytest.raises(TemplateError):
        Template.from_bytes(stored.to_bytes()[:cut])


def test_other_bytes_are_refused(stored: Template) -> None:
    unreadable = stored.to_bytes().replace(b"weights", b"\xff" * 7)
    for data in (b"", b"no template at all", stored.to_bytes() + b"x", unreadable):
        with pytest.raises(TemplateError):
            Template.from_bytes(data)


def test_a_template_does_not_show_its_vectors(stored: Template) -> None:
    assert repr(stored) == "Template(model_version='weights/1')"
