"""What is changed in a value on its way: told, counted, and never an error."""

from importer.catalogue.model import Code
from importer.records import Severity

__all__ = ["CHANGES"]

_LOOK = "Nothing, if the example is right. What a field goes through stands in the mapping: `importer mappings NAME`."
_COUNTED = "the line counts cells of many customers"


def _counted(name: str, title: str, explanation: str, example: str, mend: str = _LOOK) -> Code:
    """A kind of rewriting that is counted for each column: one line, with the first cell as the example."""
    return Code(name, title, Severity.INFO, explanation, mend, example, fixed=_COUNTED)


CHANGES = (
    _counted(
        "text_tidied",
        "Spaces, quotes and line breaks made plain",
        "Spaces of other widths, soft hyphens and marks without any width cannot be seen, but make texts different; "
        "bent double quotes become straight ones, accents one letter with theirs. Line breaks become a blank or a "
        "comma. A bent apostrophe stays, and keys and ids are never tidied.",
        "A no-break space between two words, as QuickBooks writes them.",
    ),
    _counted(
        "text_rewritten",
        "A text changed by the mapping",
        "The mapping names a transform for the column, such as `upper`, `replace` or `unquote`.",
        "`'7210448301122`, an id without its leading apostrophe.",
    ),
    _counted(
        "phone_rewritten",
        "Phone numbers in international form",
        "The API takes + and the country code, without spaces. The country is the address's own, else the customer's, "
        "else the default one.",
        "`(415) 555-0132` is sent as +14155550132.",
    ),
    _counted(
        "email_rewritten",
        "E-mail addresses tidied",
        "The domain in small letters, without `mailto:`, angle brackets or a dot at the end. An address wholly in "
        "capitals becomes small.",
        "`OFFICE@EXAMPLE.COM` is sent as office@example.com.",
    ),
    _counted(
        "country_rewritten",
        "Countries by their codes",
        "The API takes two-letter codes (ISO 3166-1 alpha-2); names and three-letter codes are translated.",
        "`Deutschland` is sent as DE.",
    ),
    _counted(
        "state_rewritten",
        "States and provinces by their codes",
        "In the United States, Canada, Australia and some other countries addresses are written with codes.",
        "`California` is sent as CA.",
    ),
    _counted(
        "flag_rewritten",
        "Answers read as yes or no",
        "The API takes true and false. A column such as Inactive is turned round where the mapping says so.",
        "`tYES` is read as yes.",
    ),
    _counted(
        "date_rewritten",
        "Dates as year, month, day",
        "Read by the format that the mapping names, and written as YYYY-MM-DD.",
        "`03/28/2019` is sent as 2019-03-28.",
        "Look whether day and month are the right way round in the example; else correct the format in the mapping.",
    ),
    _counted(
        "name_taken_apart",
        "Names taken apart into first and last",
        "The column holds whole names; the mapping takes a part of each.",
        "`Dana Reyes` has the last name Reyes.",
    ),
    _counted(
        "value_translated",
        "Texts replaced by the mapping's list of values",
        "The mapping says what the column's texts are called in WizCommerce.",
        "`Net 30` is sent as NET30.",
    ),
    _counted(
        "value_left_out",
        "Texts of which nothing is left",
        "A transform gave nothing for the text, or the mapping's list of values lacks it and says `otherwise: blank`.",
        "`none` in a column from which the mapping takes the digits.",
        "If the text matters, add it to the mapping's `values`, or change the transform.",
    ),
    _counted(
        "value_passed_over",
        "Columns of which another one was taken",
        "The mapping takes one of several columns for the field, and the others say something else.",
        "Main Phone and Mobile are both filled, and `take: first` takes the main one.",
        "If the other text matters, map its column to a custom attribute too.",
    ),
    Code(
        "value_not_taken",
        "A cell with several values, of which one is taken",
        Severity.INFO,
        "The mapping splits the cell, and the field has room for one value.",
        "If the others matter, map the column once more: to a custom attribute, or to a contact (`take: 2`).",
        "`sales@example.com; office@example.com` with `take: first`.",
    ),
    Code(
        "mojibake",
        "Text read with the wrong encoding",
        Severity.WARNING,
        "The letters are those that UTF-8 text shows when a program takes it for cp1252 or Latin-1. They are sent as "
        "they stand, because they may stand so in your system as well.",
        "Export again as UTF-8, or give the right `--encoding`; if your system holds it like this, mend it there.",
        "`MÃ¼ller`, which was Müller.",
    ),
)
