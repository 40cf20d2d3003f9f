"""Papers and attached files as a browser shows them, and as nobody on the way keeps them."""

from flask import Response


def shown(pdf: bytes, name: str) -> Response:
    """Give a PDF to be read in the browser, under a name to save it by."""
    headers = {
        "Content-Disposition": f'inline; filename="{name}"',
        "Cache-Control": "no-store",
    }
    return Response(pdf, mimetype="application/pdf", headers=headers)


def attached(data: bytes, kind: str) -> Response:
    """Give a file that somebody attached: a PDF to be saved, so that nothing in it runs here."""
    headers = {"Cache-Control": "no-store"}
    if kind == "application/pdf":
        headers["Content-Disposition"] = "attachment; filename=attached.pdf"
    return Response(data, mimetype=kind, headers=headers)
