"""Workbooks (.xlsx, .xlsm, .xlsb, .xls, .ods, .fods), recognized by their content, to tables."""

import re
from collections.abc import Iterable
from functools import partial

from importer.errors import SourceError
from importer.loader.assemble import Origin, RawTable
from importer.loader.layout import LoadOptions
from importer.loader.workbook.html_reader import read_html
from importer.loader.workbook.ods_reader import OpenDocument, read_ods
from importer.loader.workbook.sheet_cells import Allowance, SheetCells
from importer.loader.workbook.sheet_tables import sheet_tables, wanted
from importer.loader.workbook.spreadsheetml_reader import SpreadsheetML
from importer.loader.workbook.workbook_parts import Container, explained
from importer.loader.workbook.xls_reader import BrokenXlsError, read_xls
from importer.loader.workbook.xlsb_reader import read_xlsb
from importer.loader.workbook.xlsx_reader import read_xlsx

_ZIP, _OLE = b"PK\x03\x04", bytes.fromhex("D0CF11E0A1B11AE1")
# An encrypted .xlsx is a stream of this name in an OLE file (MS-OFFCRYPTO 2.3.4.4). An encrypted .xls has a FilePass
# record after the first record of its stream, or after a WriteProtect record (MS-XLS 2.1.7.20.3).
_ENCRYPTED = re.compile(
    re.escape("EncryptedPackage".encode("utf-16-le"))
    + rb"|\x09\x08\x10\x00\x00\x06\x05\x00.{12}(?:\x86\x00\x00\x00)?\x2f\x00",
    re.DOTALL,
)
_START = re.compile(
    rb"<(?:!--|!\[|(?:\?xml|!doctype|html|head|body|meta|style|script|title|center|div|table|tbody|caption|\w+:?workbook)\b)",
    re.IGNORECASE,
)
_TAG = re.compile(rb"<[A-Za-z_][\w:.-]{0,100}(?:\s[^<>]{0,2000})?/?>")
_TABLE = re.compile(rb"<table\b[^<>]{0,2000}>\s{0,1000}<(?:t[rhbd]|thead|col|caption|!)", re.IGNORECASE)
_JSON = re.compile(rb"[\[\s]{0,1000}\{\s{0,1000}\"[^\"]{1,1000}\"\s{0,1000}:")
_DELIMITERS = re.compile(rb"[,;\t|]")
_DOCUMENTS = {"word": "a Word document", "ppt": "a PowerPoint presentation"}  # by the folder of its main part
_SPREADSHEET, _OPEN = b"urn:schemas-microsoft-com:office:spreadsheet", b"urn:oasis:names:tc:opendocument:"


def is_workbook(content: bytes) -> bool:
    """Whether the bytes are a ZIP container or an OLE file, whatever the file's name."""
    return content.startswith((_ZIP, _OLE))


def read_workbook(content: bytes, origin: Origin, options: LoadOptions) -> list[RawTable]:
    """The sheets that have cells; or only the one that ``options`` name. Hidden ones are only counted.

    Raises :class:`SourceError` for a broken, protected or empty workbook, :class:`UsageError` for an unknown sheet.
    """
    file, is_wanted = origin.file, partial(wanted, options)
    if content.startswith(_OLE):
        try:
            return sheet_tables(list(read_xls(content, file, is_wanted)), origin, options)
        except BrokenXlsError as error:
            if _ENCRYPTED.search(content):
                raise SourceError(
                    f"{file}: the workbook is password-protected",
                    "Save a copy without the password and import that.",
                ) from error
            raise
    with explained(file):
        container = Container(content)
        main = container.relations("").of_kind("officeDocument") or ""
    if (other := _DOCUMENTS.get(main.partition("/")[0].casefold())) is not None:
        message = f"{file}: this is not a CSV or Excel file (it looks like {other})"
        raise SourceError(message, "Export the table as .csv or .xlsx.")
    if "content.xml" in container:
        found: Iterable[SheetCells] = read_ods(container, file, is_wanted)
    elif main.casefold().endswith(".bin") or (not main and "xl/workbook.bin" in container):
        found = read_xlsb(container, file, is_wanted)
    else:
        found = read_xlsx(container, file, is_wanted)
    return sheet_tables(list(found), origin, options)


def is_markup(content: bytes) -> bool:
    start = _ascii_of(content[:65536]).removeprefix(b"\xef\xbb\xbf").lstrip()
    if _START.match(start):
        return True
    table = _TABLE.search(start)
    if tag := _TAG.match(start):
        # A tag directly followed by a second one, or a page that does not begin with its table.
        return table is not None or start[tag.end() :].lstrip(b" \r\n")[:1] == b"<"
    return table is not None and not _DELIMITERS.search(start[: table.start()])


def is_json(content: bytes) -> bool:
    """Whether the bytes start like JSON: an object, alone or in a list."""
    return _JSON.match(_ascii_of(content[:65536]).removeprefix(b"\xef\xbb\xbf")) is not None


def _ascii_of(start: bytes) -> bytes:
    """The ASCII characters at the start of a text, even if it is UTF-16."""
    return start.replace(b"\0", b"").removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff")


def read_markup(content: bytes, origin: Origin, options: LoadOptions) -> list[RawTable]:
    """The sheets of SpreadsheetML or flat OpenDocument, or the tables of a web page that have at least two rows.

    Raises :class:`SourceError` for broken XML and for pages and documents without such a table.
    """
    head, allowance = _ascii_of(content[:16384]), Allowance.for_size(origin.file, len(content))
    if _SPREADSHEET in head and re.search(rb"<(?:\w+:)?Workbook[\s>]", head):
        found = SpreadsheetML(allowance, partial(wanted, options)).read_document(content)
    elif _OPEN in head and re.search(rb"<(?:\w+:)?document[\s>]", head):
        found = OpenDocument(allowance, partial(wanted, options)).read_document(content)
    else:
        found = read_html(content, origin.file, options.encoding)
        if not found:
            raise SourceError(
                f"{origin.file}: a web page or XML document, not a table",
                "Some systems save such files with a spreadsheet's file extension, and some send a sign-in page "
                "instead of the file: open it in Excel and save it as .xlsx or CSV.",
            )
        found = [cells for cells in found if wanted(options, cells.name)] or found
    return sheet_tables(found, origin, options)
