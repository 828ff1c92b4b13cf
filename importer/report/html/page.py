"""``report.html``: put together from the summary, the figures and the customers shown; nothing is fetched by it."""

import base64
import contextlib
import hashlib
import sys
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

import jinja2
from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from jinja2.bccache import Bucket
from markupsafe import Markup

from importer.private_files import make_folder
from importer.report.html.figures import (
    by_column,
    completeness,
    countries,
    failures,
    inventory,
    problem_groups,
    rewritten,
)
from importer.report.html.headline import headline, sentence, series_points, tiles
from importer.report.html.shown_customers import read_changes, shown_customers
from importer.report.report_files import whole_file
from importer.report.report_input import ReportInput

__all__ = ["CompiledTemplates", "page_template", "write_html"]


class CompiledTemplates(jinja2.FileSystemBytecodeCache):
    """Those of a folder. One whose source has changed is compiled anew; where nothing can be written, each time."""

    def __init__(self, folder: Path) -> None:
        place = Path(cache_from_source(str(folder / "template.py")))  # has Python's version in its name
        super().__init__(str(place.parent), f"{place.stem}-jinja-{jinja2.__version__}-%s")

    def load_bytecode(self, bucket: Bucket) -> None:
        with contextlib.suppress(Exception):  # no folder, or damaged: a pickle then raises anything
            super().load_bytecode(bucket)

    def dump_bytecode(self, bucket: Bucket) -> None:
        with contextlib.suppress(OSError):
            if not sys.dont_write_bytecode:
                make_folder(Path(self.directory))
                super().dump_bytecode(bucket)


_HERE = "importer.report.html"


def write_html(path: Path, report: ReportInput, summary: Mapping[str, Any], payloads: Path, changes: Path) -> None:
    """Write ``report.html``. ``summary`` is what ``summary.json`` holds, ``payloads`` the file of the bodies.

    ``changes``: the file of what updates would change, which need not be there. Raises :class:`OutputError`.
    """
    differing = read_changes(changes)
    shown = shown_customers(report, payloads, differing, planned=summary["plan"] is not None)
    located = report.located
    page = page_template().render(
        summary=summary,
        headline=headline(summary),
        verdict=sentence(summary),
        tiles=tiles(summary),
        groups=problem_groups(report),
        columns=by_column(located),
        completeness=completeness(report),
        countries=countries(report),
        inventory=inventory(report),
        failures=failures(report),
        changes=rewritten(report),
        differing=0 if differing is None else len(differing["reference_id"].unique()),
        pace=series_points(summary.get("pace")),
        shown=shown,
        data=Markup(shown.json),  # noqa: S704 - no mark that HTML reads is left in it
        style=Markup(_file("style.css")),  # noqa: S704 - our own file
        script=Markup(_file("script.js")),  # noqa: S704 - our own file
        policy=_policy(),
    )
    with whole_file(path) as file:
        file.write(page.encode())


@cache
def page_template() -> Template:
    """What the page is made of, compiled."""
    environment = Environment(
        loader=PackageLoader(_HERE, ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        bytecode_cache=CompiledTemplates(Path(__file__).parent),
    )
    environment.filters["number"] = lambda value: f"{value:,}"
    environment.filters["share"] = lambda part, whole: f"{100 * part / whole if whole else 0:.1f}"
    environment.filters["spans"] = _spans
    return environment.get_template("report.html.j2")


def _spans(text: str) -> Markup:
    """Text in which what stands between backticks is code."""
    parts = text.split("`")
    return Markup("").join(Markup("<code>{}</code>").format(part) if n % 2 else part for n, part in enumerate(parts))


@cache
def _file(name: str) -> str:
    return files(_HERE).joinpath(name).read_text(encoding="utf-8")


def _policy() -> str:
    """A content policy under which the page can load nothing, and run only its own script and style."""
    script, style = (
        base64.b64encode(hashlib.sha256(_file(name).encode()).digest()).decode() for name in ("script.js", "style.css")
    )
    return (
        f"default-src 'none'; script-src 'sha256-{script}'; style-src 'sha256-{style}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
