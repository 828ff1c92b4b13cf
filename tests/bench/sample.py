"""Writes the exports for the benchmarks. Called with a path, the number of rows, and a kind.

``long``: a NetSuite export with several rows per customer, 40 columns, 1% bad cells, and phones in twelve forms.
``dirty``: the same with 5% bad cells. ``wide``: the same customers in a list made by hand, one row each. ``xlsx``:
``long`` as a workbook as Excel writes it, with IDs and amounts as numbers.
"""

import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from tests.samples.scale import COLUMNS, write_netsuite

SEED = 20_250_331
BAD = {"long": 0.01, "dirty": 0.05, "wide": 0.01, "xlsx": 0.01}  # share of the values that can be wrong
ROWS_OF_A_CUSTOMER = 3.3
WIDE = {
    "Internal ID": "Customer #", "Company Name": "Company", "Phone": "Phone", "Email": "E-mail", "Terms": "Terms",
    "Shipping Method": "Ship Via", "Sales Rep": "Sales Rep", "Contact Title": "Title", "Address 1": "Address 1",
    "Address 2": "Address 2", "City": "City", "State/Province": "State", "Zip Code": "Zip", "Country": "Country",
}  # fmt: skip
ADDRESS = ("Address 1", "Address 2", "City", "State", "Zip", "Country")
NUMBERS = ("Internal ID", "Credit Limit", "Balance")
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PARTS = {
    "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>',
    "_rels/.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship '
    f'Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets><sheet name="Customers" sheetId="1" '
    'r:id="rId1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" '
    f'Type="{_OFFICE}/sharedStrings" Target="sharedStrings.xml"/><Relationship Id="rId3" Type="{_OFFICE}/styles" '
    'Target="styles.xml"/></Relationships>',
    "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}"><cellXfs count="1"><xf numFmtId="0"/></cellXfs></styleSheet>',
}


def read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def write_wide(path: Path, rows: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "long.csv"
        write_netsuite(source, int(rows * ROWS_OF_A_CUSTOMER * 1.1), SEED, BAD["wide"])
        long = read(source)
    first = long.drop_duplicates("Internal ID").head(rows)
    again = long[long.duplicated("Internal ID")].drop_duplicates("Internal ID").set_index("Internal ID")
    wide = first.rename(columns=WIDE)
    wide.insert(2, "Contact", (first["Contact First Name"] + " " + first["Contact Last Name"]).str.strip())
    second = again.reindex(first["Internal ID"]).fillna("").rename(columns=WIDE)
    for place, name in enumerate(ADDRESS):
        wide.insert(10 + place, f"Ship To {name}", second[name].to_numpy())
    named = [*WIDE.values(), "Contact", *(f"Ship To {name}" for name in ADDRESS)]
    fillers = list(COLUMNS[-13:])
    wide[[*named, *fillers]].to_csv(path, index=False, lineterminator="\n")


def write_workbook(path: Path, rows: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "long.csv"
        write_netsuite(source, rows, SEED, BAD["xlsx"])
        table = read(source)
    columns = [pa.array([name, *table[name]], pa.string()) for name in table.columns]
    shared = pa.concat_arrays(columns).dictionary_encode()
    indices = shared.indices.to_numpy().reshape(len(columns), -1)
    places = pa.array(np.arange(1, len(table) + 2)).cast(pa.string())
    cells = []
    for number, (name, column) in enumerate(zip(table.columns, columns, strict=True)):
        letters = chr(64 + number // 26) * (number >= 26) + chr(65 + number % 26)
        texts = pc.binary_join_element_wise(
            f'<c r="{letters}', places, '" t="s"><v>', pa.array(indices[number]).cast(pa.string()), "</v></c>", ""
        )
        if name in NUMBERS:
            is_number = pc.match_substring_regex(column, r"^-?[0-9]+(\.[0-9]+)?$")
            texts = pc.if_else(
                is_number,
                pc.binary_join_element_wise(f'<c r="{letters}', places, '"><v>', column, "</v></c>", ""),
                texts,
            )
        cells.append(pc.if_else(pc.equal(column, ""), "", texts))
    lines = pc.binary_join_element_wise('<row r="', places, '">', *cells, "</row>", "")
    words = shared.dictionary
    for mark, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        words = pc.replace_substring(words, mark, entity)
    words = pc.binary_join_element_wise('<si><t xml:space="preserve">', words, "</t></si>", "")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in _PARTS.items():
            archive.writestr(name, text)
        sheet = f'<worksheet xmlns="{_MAIN}"><sheetData>{"".join(lines.to_pylist())}</sheetData></worksheet>'
        archive.writestr("xl/worksheets/sheet1.xml", sheet)
        archive.writestr("xl/sharedStrings.xml", f'<sst xmlns="{_MAIN}">{"".join(words.to_pylist())}</sst>')


def main() -> None:
    path, rows, kind = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    if kind == "wide":
        write_wide(path, rows)
    elif kind == "xlsx":
        write_workbook(path, rows)
    else:
        write_netsuite(path, rows, SEED, BAD[kind])


if __name__ == "__main__":
    main()
