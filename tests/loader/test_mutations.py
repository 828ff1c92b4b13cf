"""One export written in many ways gives the same customers; a damaged one is refused or reported, never misread."""

import csv
import gzip
import io
import json
import random
import zipfile
from pathlib import Path

import pytest

from importer.commands.check import check
from importer.errors import InputError
from importer.settings import Options

SAMPLE = Path(__file__).parents[2] / "sample_data/xero/contacts.csv"
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252")
ROWS = list(csv.reader(io.StringIO(SAMPLE.read_text(encoding="utf-8-sig"), newline="")))[:25]
# Problems of damaged files; if one of them is reported, the damage was not silent.
REPORTED = {
    "row_cut_off",
    "row_short",
    "row_split",
    "row_too_long",
    "quote_unclosed",
    "encoding_mixed",
    "encoding_guessed",
}
REPORTED |= {"no_final_line_end", "damaged_text", "key_blank"}


def customers(folder: Path, content: bytes, name: str = "contacts.csv") -> tuple[dict[str, str], set[str]]:
    """Reference id → body, and the codes of all problems."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    summary = check(Options(sources=(str(folder / name),), mapping="xero", country="US", out=folder / "out"))
    lines = (Path(summary["folder"]) / "payloads.jsonl").read_text(encoding="utf-8").splitlines()
    bodies = {json.loads(line)["reference_id"]: line for line in lines}
    return bodies, {problem["code"] for problem in summary["problems"]}


def written(rows: list[list[str]], delimiter: str = ",", end: str = "\n", quoting: int = csv.QUOTE_MINIMAL) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=quoting).writerows(rows)  # type: ignore[arg-type]
    return text.getvalue()


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return customers(tmp_path_factory.mktemp("plain"), written(ROWS).encode())[0]


def other_form(random_: random.Random) -> bytes:
    """The same table with other column order, blank and title rows, delimiter, line ends, quotes, encoding, archive."""
    order = random_.sample(range(len(ROWS[0])), len(ROWS[0])) if random_.random() < 0.5 else range(len(ROWS[0]))
    rows = [[row[place] for place in order] for row in ROWS]
    for _ in range(random_.choice([0, 0, 1, 3])):
        rows.insert(random_.randint(1, len(rows)), random_.choice([[], [""], [""] * len(order)]))
    rows = [["Acme Export"], ["As of 03/05/2024"], []][: random_.choice([0, 0, 1, 3])] + rows
    rows += random_.choice([[], [], [["Total"]], [[" Tuesday, Mar 05, 2024 10:30:15 AM GMT-8"]]])
    delimiter, end = random_.choice(",;\t|"), random_.choice(["\n", "\r\n", "\r"])
    text = written(rows, delimiter, end, random_.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    encoding = random_.choice(ENCODINGS)
    try:
        content = text.encode(encoding)
    except UnicodeEncodeError:
        content = text.encode()
    match random_.choice(["plain", "plain", "gzip", "zip"]):
        case "gzip":
            return gzip.compress(content)
        case "zip":
            with zipfile.ZipFile(target := io.BytesIO(), "w") as archive:
                archive.writestr("in/contacts.csv", content)
            return target.getvalue()
    return content


@pytest.mark.parametrize("seed", range(8))
def test_other_forms_of_a_file_give_the_same_customers(tmp_path: Path, plain: dict[str, str], seed: int) -> None:
    name = random.Random(seed).choice(["a.csv", "a.xlsx", "a.xls", "a.txt"])
    assert customers(tmp_path, other_form(random.Random(seed)), name)[0] == plain


def damaged(content: bytes, random_: random.Random) -> bytes:
    """Cut off, with random bytes, a quote, or a control character inserted, or replaced by random bytes."""
    at = random_.randrange(1, len(content))
    match random_.choice(["cut", "cut", "rubbish", "insert", "random"]):
        case "cut":
            return content[:at]
        case "rubbish":
            return content[:at] + random_.randbytes(random_.randint(20, 300)) + content[at:]
        case "insert":
            return content[:at] + random_.choice([b'"', b"\0", b"\xff", b"\x01"]) + content[at:]
    return random_.randbytes(random_.randint(1, 5000))


@pytest.mark.parametrize("seed", range(100, 116))
def test_damage_is_refused_or_reported(tmp_path: Path, plain: dict[str, str], seed: int) -> None:
    random_ = random.Random(seed)
    content = damaged(written(ROWS).encode(), random_)
    try:
        found, codes = customers(tmp_path, content)
    except InputError as error:
        refusal = error
    else:
        refusal = None
    if refusal is not None:  # both outcomes are right; it depends on where the damage is
        assert refusal.message
        assert refusal.hint
        return
    changed = {name for name, body in found.items() if plain.get(name) != body}
    missing = plain.keys() - found.keys()
    assert not changed or codes & REPORTED, (changed, codes)
    assert not missing or codes, missing
