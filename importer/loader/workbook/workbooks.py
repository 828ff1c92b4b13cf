"""Workbooks (.xlsx, .xlsm, .xlsb, .xls, .ods), recognized by their content, to tables."""

import re

from importer.errors import SourceError
from importer.loader.assemble import Origin, RawTable
from importer.loader.layout import LoadOptions
from importer.loader.workbook.container import Container, explained
from importer.loader.workbook.ods_reader import read_ods
from importer.loader.workbook.sheet_tables import sheet_tables, wanted
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


def is_workbook(content: bytes) -> bool:
    """Whether the bytes are a ZIP container or an OLE file, whatever the file's name."""
    return content.startswith((_ZIP, _OLE))


def read_workbook(content: bytes, origin: Origin, options: LoadOptions) -> list[RawTable]:
    """The sheets that have cells; or only the one that ``options`` name. Hidden ones are only counted.

    Raises :class:`SourceError` for a broken, protected or empty workbook, :class:`UsageError` for an unknown sheet.
    """
    file = origin.file

    def is_wanted(name: str) -> bool:
        return wanted(options, name)

    if content.startswith(_OLE):
        try:
            return sheet_tables(list(read_xls(content, file, is_wanted)), origin, options)
        except BrokenXlsError as error:
            if _ENCRYPTED.search(content):
                raise SourceError(
                    f"{file}: the workbook is protected by a password",
                    "Save a copy without the password and import that.",
                ) from error
            raise
    with explained(file):
        container = Container(content)
        main = container.relations("").of_kind("officeDocument") or ""
    if "content.xml" in container:
        found = read_ods(container, file, is_wanted)
    elif main.casefold().endswith(".bin") or (not main and "xl/workbook.bin" in container):
        found = read_xlsb(container, file, is_wanted)
    else:
        found = read_xlsx(container, file, is_wanted)
    return sheet_tables(list(found), origin, options)
