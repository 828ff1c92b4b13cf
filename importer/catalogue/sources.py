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
        "row_cut_off",
        "The last row was cut off",
        Severity.ERROR,
        "The file ends within its last row: cells are missing, and so is the line end that all other rows have. Rows "
        "behind it may be missing, too.",
        "Export or copy the file again, and compare the number of rows with the system it comes from.",
        "`0018,Kest` at the very end of a file whose rows have six cells.",
        fixed="what is left of the row is not what the system holds",
    ),
    Code(
        "no_final_line_end",
        "The last row has no line end",
        Severity.INFO,
        "Some programs always leave it out; otherwise it is the trace of a file that was cut off, and then the last "
        "cell may be shorter than it was.",
        "Compare the last row with the system it comes from.",
        "A file that ends with `Oakland` and nothing behind it, not even a line break.",
        fixed=_OF_A_FILE,
    ),
    Code(
        "row_like_total",
        "A row that may be a total",
        Severity.WARNING,
        "A last row that begins with Total and holds nothing but amounts may be a line of totals, or a customer of "
        "that name. It is read as a customer.",
        "If it is a total, delete the row, or leave it out with a `skip` rule in the mapping.",
        "`Total Wine & More` in the last row of a list.",
        fixed=_OF_A_FILE,
    ),
    Code(
        "encoding_guessed",
        "The encoding was guessed",
        Severity.INFO,
        "The file is not Unicode, and nothing in it says which of the older encodings it has. They differ in letters "
        "with accents and in signs such as dashes and quotes. It is a warning where another encoding gives other "
        "letters that make as much sense; the message names it.",
        "Look at a name with an accent. If it is wrong, give the right encoding with `--encoding`.",
        "A file with `Caf\u00e9` as Windows programs save it: read as cp1252.",
        fixed=_OF_A_FILE,
    ),
    Code(
        "encoding_mixed",
        "Characters of another encoding",
        Severity.ERROR,
        "The file has one encoding, and some cells have another: parts of several files were put together, or a "
        "program damaged them. Nobody can be sure what these cells say.",
        "Mend the cell and save the file as UTF-8; or name the encoding of the whole file with `--encoding`.",
        "A UTF-8 file, in one row of which `Caf\u00e9` is written as Windows programs save it.",
        fixed="the text of the row is not certain",
    ),
    Code(
        "damaged_text",
        "A damaged character",
        Severity.WARNING,
        "The cell holds a control character, or the sign that programs put in place of a character they could not "
        "read. What stood there cannot be told any more.",
        "Export the file again in another encoding, such as UTF-8, or correct the cell.",
        "`Caf\ufffd`: the last letter was lost before the file came here.",
        fixed=_OF_A_FILE,
    ),
    Code(
        "hidden_rows",
        "Hidden rows",
        Severity.WARNING,
        "A person who looks at the sheet does not see these rows; they are read like the others, because a filter that "
        "was left on must not lose customers.",
        "Delete them, or leave them out with a `skip` rule, if they are not to be imported.",
        "A sheet filtered to the customers of one state: all customers are read.",
        fixed=_OF_A_FILE,
    ),
    Code(
        "hidden_columns",
        "Hidden columns",
        Severity.INFO,
        "A person who looks at the sheet does not see these columns; they are read like the others.",
        "Nothing needs to be done, unless the mapping names such a column and should not.",
        "A sheet in which the column Terms is hidden.",
        fixed=_OF_A_FILE,
    ),
    Code(
        "merged_cells",
        "Merged cells",
        Severity.WARNING,
        "A merged block is shown as one cell, and has one value: in its first cell. Its other cells are blank.",
        "Unmerge the cells and fill each row; or, where a customer's cells are merged over several rows, use a mapping "
        "with `blank_key: above`.",
        "The name of a customer, merged over the three rows of its addresses.",
        fixed=_OF_A_FILE,
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
    Code(
        "parent_ambiguous",
        "Several rows have the name of a parent",
        Severity.ERROR,
        "In this export a row names the company it belongs to. The name is that of several companies, and nobody can "
        "tell which is meant; the message lists them all.",
        "Name the company by its id, or give the companies different names.",
        "The parent of Dana Reyes is `Harbor Goods`, and rows 4 and 9 are both called so.",
        fixed=_NO_CUSTOMER,
    ),
    Code(
        "parent_rejected",
        "A row belongs to a row that was rejected",
        Severity.ERROR,
        "The row names another one as its parent, and that one was rejected, so that there is no customer to add to.",
        "Mend the row of the parent; this one follows by itself.",
        "The parent of a delivery address is a person whose company is not in the file.",
        fixed=_NO_CUSTOMER,
    ),
    Code(
        "parent_circle",
        "Rows name each other as parents",
        Severity.ERROR,
        "Going from parent to parent leads back to where it began, or on and on, and never to a customer.",
        "Clear the parent of the row that is the customer.",
        "A names B as its parent, and B names A.",
        fixed=_NO_CUSTOMER,
    ),
)
