"""Find the weights inside installed packages and refuse any that are not the expected ones."""

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import metadata, resources
from pathlib import Path

from correction_service.face import embedder
from correction_service.face.embedder import EmbedderError, Feed

OWN = "embedder"  # the row of a centre's own model, whose ``package`` is its name


class WeightsError(RuntimeError):
    """A weights file is absent or altered; the message names the package and the file."""


@dataclass(frozen=True, slots=True)
class Weight:
    """One row of ``weights.toml``: where a file lies, its digest and where it comes from.

    ``built_sha256`` is the digest of what is built from the file, where it is not run as it is;
    ``feed`` says how to feed a model of the centre's own, which is in no package; an ``optional``
    one is of a package that not every platform has, and is done without there.
    """

    package: str
    file: str
    sha256: str
    licence: str
    source: str
    embeds: bool
    built_sha256: str | None = None
    feed: Feed | None = None
    optional: bool = False


def listed(own_embedder: Path | None = None) -> dict[str, Weight]:
    """Return the rows of ``weights.toml`` by name, and the centre's own embedder if it has one.

    An optional row is left out where its package is not installed. Raises WeightsError when the
    embedder's description cannot be used.
    """
    text = resources.files(__package__).joinpath("weights.toml").read_text(encoding="utf-8")
    rows = {name: Weight(**row) for name, row in tomllib.loads(text).items()}
    rows = {name: row for name, row in rows.items() if not row.optional or _has(row.package)}
    if own_embedder is None:
        return rows
    return {**rows, "sface": replace(rows["sface"], embeds=False), OWN: _own(own_embedder)}


def _has(package: str) -> bool:
    return next(iter(metadata.distributions(name=package)), None) is not None


def installed(weight: Weight) -> Path:
    """Return where the package manager put the file; raise WeightsError without the package."""
    if weight.feed is not None:
        return Path(weight.file)
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
        packaged = weight.feed is None
        path = folder / Path(weight.file).name if folder and packaged else installed(weight)
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
    embedding = [row for _, row in sorted(rows.items()) if row.embeds]
    digests = "".join(row.sha256 + (repr(row.feed) if row.feed else "") for row in embedding)
    name = rows[OWN].package if OWN in rows else "sface"
    return f"{name}+dlib/1-{hashlib.sha256(digests.encode()).hexdigest()[:8]}"


def _own(file: Path) -> Weight:
    try:
        own = embedder.read(file)
    except EmbedderError as error:
        raise WeightsError(str(error)) from error
    return Weight(
        own.name, own.file, own.sha256, own.licence, own.source, embeds=True, feed=own.feed
    )
