"""The documentation of the API, from its own specification, on a page of ours."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from apiflask import APIBlueprint, APIFlask
from flask import current_app, render_template
from flask.typing import ResponseReturnValue

from correction_service import access

blueprint = APIBlueprint("docs", __name__, url_prefix="/api/v1", enable_openapi=False)
METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class Field:
    """One input or output: its place (path, query, body, a status) and what it is."""

    name: str
    kind: str
    required: bool
    said: str


@dataclass(frozen=True)
class Operation:
    """One method of one path."""

    method: str
    path: str
    summary: str
    said: str
    inputs: list[Field] = field(default_factory=list)
    outputs: dict[str, list[Field]] = field(default_factory=dict)


@blueprint.get("/docs")
@access.anyone
def page() -> ResponseReturnValue:
    """Show every operation with its inputs and outputs."""
    app = current_app
    if not isinstance(app, APIFlask) or not isinstance(app.spec, dict):
        raise TypeError(app)
    spec: dict[str, Any] = app.spec
    return render_template("console/docs.html", info=spec["info"], groups=_groups(spec))


def _groups(spec: dict[str, Any]) -> dict[str, list[Operation]]:
    """Return operations by tag, in the order of the specification."""
    groups: dict[str, list[Operation]] = {}
    for path, item in spec.get("paths", {}).items():
        for method in METHODS:
            if method in item:
                tag = (item[method].get("tags") or ["API"])[0]
                groups.setdefault(tag, []).append(_operation(spec, path, method, item))
    return groups


def _operation(spec: dict[str, Any], path: str, method: str, item: dict[str, Any]) -> Operation:
    found = item[method]
    parameters = [*item.get("parameters", []), *found.get("parameters", [])]
    inputs = [
        Field(
            f"{parameter['name']} ({parameter['in']})",
            _kind(spec, parameter.get("schema", {})),
            parameter.get("required", False),
            parameter.get("description", ""),
        )
        for parameter in parameters
    ]
    for content in found.get("requestBody", {}).get("content", {}).values():
        inputs += _fields(spec, content.get("schema", {}))
    outputs = {
        status: [
            one
            for content in answer.get("content", {}).values()
            for one in _fields(spec, content.get("schema", {}))
        ]
        for status, answer in found.get("responses", {}).items()
    }
    said = found.get("description", "")
    return Operation(method.upper(), path, found.get("summary", ""), said, inputs, outputs)


def _fields(spec: dict[str, Any], schema: dict[str, Any]) -> Iterator[Field]:
    schema = _resolved(spec, schema)
    required = schema.get("required", [])
    for name, part in schema.get("properties", {}).items():
        said = part.get("description", "") or _resolved(spec, part).get("description", "")
        yield Field(name, _kind(spec, part), name in required, said)


def _resolved(spec: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    reference = schema.get("$ref", "")
    for part in reference.removeprefix("#/").split("/") if reference else ():
        spec = spec[part]
    return spec if reference else schema


def _kind(spec: dict[str, Any], schema: dict[str, Any]) -> str:
    """Name a schema's type in words: array of number, string or null, a schema's own name."""
    if "$ref" in schema:
        return str(schema["$ref"].rsplit("/", 1)[-1])
    for word in ("anyOf", "oneOf"):
        if word in schema:
            return " | ".join(_kind(spec, part) for part in schema[word])
    if schema.get("type") == "array":
        return f"[{_kind(spec, schema.get('items', {}))}]"
    if "enum" in schema:
        return " | ".join(str(value) for value in schema["enum"])
    kind = schema.get("type", "any")
    return f"{kind} ({schema['format']})" if "format" in schema else str(kind)
