"""What can be wrong with files, sheets, rows and headers."""

from importer.catalogue.model import Code
from importer.records import Severity

__all__ = ["SOURCES"]

_OF_A_FILE = "it is about a file as a whole, which no customer answers for"
_NO_CUSTOMER = "the row belongs to no customer that could be sent"

SOURCES = (
    Code(
        "row_too_long",
        "A row has more cells than the header",
        Severity.ERROR,
        "Something stands beyond the last column. Nearly always a delimiter or a quote inside a cell has shifted the "
        "cells to the right, so that none of them can be trusted.",
        "Put the cell that holds the delimiter in quotes, and double the quotes inside it; or export again with "
        "another delimiter.",
        "`0017,Harbor Goods, Inc.,Oakland` under a header of three columns: the name should be in quotes.",
        fixed="nobody can tell which of its cells stand in the right column",
    ),
    Code(
        "row_short",
        "A row has fewer cells than the header",
        Severity.WARNING,
        "The cells that are missing at the end are read as blank. That is what some programs write; but a line break "
        "in a cell without quotes looks the same, and then the rest of the row stands in the next one.",
        "Look at the row and the one below it. If they are one row torn apart, put the cell with the line break in "
        "quotes.",
        "`0017,Harbor Goods` under a header of three columns: the third cell counts as blank.",
        fixed=_OF_A_FILE,
    ),
    Code(
        "quote_unclosed",
        "A quote is not closed",
        Severity.ERROR,
        "A cell begins with a quote that is closed only further down, and the rows between would be swallowed into it.",
        'Close the quote ("), or double it ("") where it is part of the text.',
        '`0017,"Harbor Goods,Oakland`: the quote before Harbor is never closed.',
        fixed="rows would be lost in a cell",
    ),
    Code(
        "sheet_ignored",
        "A sheet that is not read",
        Severity.WARNING,
        "No row of the sheet looks like a header with the mapping's columns. That is right for notes and "
        "instructions; all its rows are counted as skipped.",
        "If it holds customers, correct its headers or name them in the mapping. `--sheet` reads one sheet only.",
        "A workbook with the sheets Customers and Read me: Read me is not read.",
        fixed=_OF_A_FILE,
    ),
    Code(
        "table_missing",
        "A file of the export seems to be missing",
        Severity.WARNING,
        "The mapping reads several files or sheets, and none of those given is this one. Customers go without what "
        "it would have given.",
        "Give all files of the export in one command, or the folder they lie in.",
        "The mapping knows customers and addresses, and only the file of customers was given.",
        fixed=_OF_A_FILE,
    ),
    Code(
        "column_misspelt",
        "A header is nearly one that the mapping looks for",
        Severity.WARNING,
        "The mapping looks for an optional column that the file lacks, and the file has an unused one of nearly that "
        "name. It is not guessed that the two are the same.",
        "Correct the header, or add its name to the mapping with `A|B`. If they are different things, say `ignore` "
        "for the column.",
        "The mapping says `E-mail`, the file has `E-mial`.",
        fixed=_OF_A_FILE,
    ),
    Code(
        "key_blank",
        "A row does not say whose it is",
        Severity.ERROR,
        "The key column tells one customer from another. Rows without it are never put together: each is rejected "
        "alone.",
        "Fill in the key. If such rows are no customers (totals, remarks), let the mapping skip them.",
        "The column Customer No. is blank in row 31.",
        fixed=_NO_CUSTOMER,
    ),
    Code(
        "continuation_lost",
        "A continuation row with nothing to continue",
        Severity.ERROR,
        "In this export a row without a key belongs to the customer of the row above it. Above this one there is no "
        "sound row in the same file or sheet: it is the first, or the one above was rejected.",
        "Fill in the key, or put the row below the customer that it belongs to.",
        "A second address, without a customer number, in the first row under the header.",
        fixed=_NO_CUSTOMER,
    ),
    Code(
        "orphan_row",
        "A row belongs to no customer of the export",
        Severity.ERROR,
        "A row of addresses or contacts names a customer whose own row is in none of the sources. Keys are compared "
        "exactly, apart from blanks around them.",
        "Add the customer's row, or mend the key; leading zeros that a spreadsheet took away are the usual cause.",
        "An address of customer 17, while the customers' file has 0017.",
        fixed=_NO_CUSTOMER,
    ),
)
