"""Files for the browser to save, or to show on a page of their own."""

import re
from pathlib import Path
from urllib.parse import quote

from starlette.responses import FileResponse, Response

from importer.errors import OutputError

_KINDS = {".csv": "text/csv", ".json": "application/json", ".html": "text/html", ".jsonl": "application/jsonl"}
_KINDS[".xlsx"] = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_META = re.compile(rb'<meta http-equiv="Content-Security-Policy" content="([^"]*)">')


def attached(content: bytes, name: str, kind: str) -> Response:
    """A file to save under this name."""
    disposition = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    return Response(content, media_type=kind, headers={"Content-Disposition": disposition})


def file_of(path: Path) -> Response:
    """A file of a run's folder to save. Raises :class:`OutputError` if it is gone."""
    if not path.is_file():
        raise OutputError(f"{path} is gone", "Run again to write it.")
    return FileResponse(path, filename=path.name, media_type=_KINDS.get(path.suffix, "application/octet-stream"))


def report_page(path: Path) -> Response:
    """A report to look at: under its own policy, which names its one style and script, and in an origin of its own."""
    if not path.is_file():
        raise OutputError(f"{path} is gone", "Run again to write it.")
    content = path.read_bytes()
    own = _META.search(content)
    policy = own[1].decode().replace("&#39;", "'") if own else "default-src 'none'"
    headers = {"Content-Security-Policy": f"{policy}; frame-ancestors 'none'; sandbox allow-scripts allow-downloads"}
    return Response(content, media_type="text/html", headers=headers)
