"""Small exports, checked with a mapping as a user would, and the results."""

import csv
import json
from pathlib import Path

from importer.commands.check import check
from importer.settings import Options

MAPPING = """
title: A list
country: US
key: Customer ID|Customer full name
customer:
  company_name: Company Name|Customer full name
  phone: {from: Phone, optional: true}
"""


class Checked:
    """The result of ``check`` for files in a folder."""

    def __init__(self, folder: Path, files: dict[str, bytes], mapping: str = MAPPING) -> None:
        source = folder / "export"
        source.mkdir()
        for name, content in files.items():
            (source / name).write_bytes(content)
        (folder / "mine.yaml").write_text(mapping, encoding="utf-8")
        options = Options(sources=(str(source),), mapping=str(folder / "mine.yaml"), out=folder / "out")
        self.summary = check(options)
        self.folder = Path(self.summary["folder"])

    @property
    def names(self) -> dict[str, str]:
        """Reference ID → company name of the customers that would be sent."""
        lines = (self.folder / "payloads.jsonl").read_text(encoding="utf-8").splitlines()
        return {body["reference_id"]: body["company_name"] for body in map(json.loads, lines)}

    @property
    def skipped(self) -> dict[str, int]:
        """Reason → number of skipped rows."""
        reasons: dict[str, int] = self.summary["rows"]["skipped_by_reason"]
        return reasons

    @property
    def problems(self) -> list[tuple[str, str, str]]:
        """(code, row, column) of each error and warning."""
        with (self.folder / "errors.csv").open(encoding="utf-8-sig", newline="") as file:
            lines = [line for line in csv.DictReader(file) if line["severity"] != "info"]
        return [(line["code"], line["row"], line["column"]) for line in lines]

    @property
    def written(self) -> bytes:
        """The content of all files in the run's folder."""
        return b"".join(path.read_bytes() for path in sorted(self.folder.rglob("*")) if path.is_file())
