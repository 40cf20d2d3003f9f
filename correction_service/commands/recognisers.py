"""The face models for a command; what the caller can mend becomes one line and exit code 2."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from correction_service.face.groups import GroupsError
from correction_service.face.thresholds import ThresholdsError
from correction_service.face.weights import WeightsError
from correction_service.settings import Settings

if TYPE_CHECKING:
    from correction_service.face.recogniser import Recogniser


@contextmanager
def explained() -> Iterator[None]:
    """Turn faults of models, thresholds, folders and lists into a line that says what to do."""
    from correction_service.face.gallery import DatasetError  # noqa: PLC0415 - it loads OpenCV

    try:
        yield
    except (DatasetError, GroupsError, ThresholdsError, WeightsError) as error:
        raise click.UsageError(str(error)) from error


def load(settings: Settings) -> "Recogniser":
    """Load the models; raises WeightsError."""
    from correction_service.face.recogniser import (  # noqa: PLC0415 - a second to load the models
        Recogniser,
    )

    return Recogniser(calibration=settings.face_calibration, own_embedder=settings.face_embedder)
