"""Find the weights inside installed packages and refuse any that are not the expected ones."""

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata, resources
from pathlib import Path


class WeightsError(RuntimeError):
    """A weights file is absent or altered; the message names the package and the file."""


@dataclass(frozen=True, slots=True)
class Weight:
    """One row of ``weights.toml``: where a file lies, its digest and where it comes from.

    ``built_sha256`` is the digest of what is built from the file, where it is not run as it is.
    """

    package: str
    file: str
    sha256: str
    licence: str
    source: str
    embeds: bool
    built_sha256: str | None = None


def listed() -> dict[str, Weight]:
    """Return the rows of ``weights.toml`` by name."""
    text = resources.files(__package__).joinpath("weights.toml").read_text(encoding="utf-8")
    return {name: Weight(**row) for name, row in tomllib.loads(text).items()}


def installed(weight: Weight) -> Path:
    """Return where the package manager put the file; raise WeightsError without the package."""
    try:
        distribution = metadata.distribution(weight.package)
    except metadata.PackageNotFoundError as error:
        raise WeightsError(f"package {weight.package} is missing: install the lock file") from error
    return Path(str(distribution.locate_file(weight.file)))


def locate(rows: Mapping[str, Weight], folder: Path | None = None) -> dict[str, Path]:
    """Return the path of every weight after checking its digest (about 0.1 s for 42 MB).

    With ``folder`` the files are looked for there, by their names, instead of in the packages.
    Raises WeightsError at the first that is absent or altered.
    """
    paths = {}
    for name, weight in rows.items():
        path = folder / Path(weight.file).name if folder else installed(weight)
        _check(weight, path)
        paths[name] = path
    return paths


def _check(weight: Weight, path: Path) -> None:
    if not path.is_file():
        raise WeightsError(f"{weight.file} of package {weight.package} is missing: reinstall it")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != weight.sha256:
        raise WeightsError(
            f"{weight.file} of package {weight.package} is altered (sha256 {digest[:12]}…, "
            f"expected {weight.sha256[:12]}…): reinstall it"
        )


def model_version(rows: Mapping[str, Weight]) -> str:
    """Name the embedding, so that a template made by other weights is never compared."""
    digests = "".join(row.sha256 for _, row in sorted(rows.items()) if row.embeds)
    return f"sface+dlib/1-{hashlib.sha256(digests.encode()).hexdigest()[:8]}"
