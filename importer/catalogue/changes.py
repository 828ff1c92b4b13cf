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
        "The mapping splits the cell, or takes one labelled number from it, and the field has room for one value.",
        "If the others matter, map the column once more: to a custom attribute, or to a contact (`take: 2`).",
        "`sales@example.com; office@example.com` with `take: first`.",
    ),
    Code(
        "phones_left_out",
        "A cell with several phone numbers",
        Severity.WARNING,
        "The first number of the cell is taken (a fax number does not count), the others are left out. Where one of "
        "them is no number, the cell is an error instead.",
        "To keep the others, `split` the cell in the mapping: `take: 1` for the phone, `take: 2` for a contact.",
        "`415-555-0132 / 415-555-0133`.",
    ),
    Code(
        "emails_left_out",
        "A cell with several e-mail addresses",
        Severity.WARNING,
        "The first valid address of the cell is taken, the others are left out.",
        "To keep the others, `split` the cell in the mapping and give them to contacts: `take: 2`.",
        "`dana@example.com; office@example.com`.",
    ),
    Code(
        "phone_extension_split",
        "An extension taken off a phone number",
        Severity.INFO,
        "WizCommerce has no field for extensions; the mapping names a custom attribute for it. Of 14 digits in North "
        "America the last four are an extension.",
        "Nothing, if the number and the extension are right.",
        "`415-555-0132 ext. 12`.",
    ),
    Code(
        "name_split",
        "How a person's name was read",
        Severity.INFO,
        "First and last name were told apart by a comma, a title or suffix was left out, two people share a last name, "
        "or the name is a company's and stays whole.",
        "Look whether it is right; else export first and last name in columns of their own.",
        "`Reyes, Dana`, or `Dr. Dana Reyes`.",
    ),
    Code(
        "zip_zero_restored",
        "A zero put back in front of a ZIP code",
        Severity.INFO,
        "Spreadsheets take the zero off 02138. It is put back where the state has such ZIP codes, or where the country "
        "is given as US and no state says otherwise.",
        "Nothing, if it is right. Export the column as text, so that no zeros are lost.",
        "`2138` in Massachusetts is sent as 02138.",
    ),
    Code(
        "zip_rewritten",
        "A ZIP code in its usual form",
        Severity.INFO,
        "Nine digits run together get their hyphen, and a number's `.0` goes.",
        "Nothing, if it is right.",
        "`021381234` is sent as 02138-1234.",
    ),
    Code(
        "state_from_zip",
        "A state taken out of the post code",
        Severity.INFO,
        "The cell holds state and post code. They are taken apart where the address names no other state.",
        "Nothing, if it is right.",
        "`US-FL 33101` is sent as state FL and post code 33101.",
    ),
    Code(
        "zip_doubtful",
        "Perhaps no post code",
        Severity.WARNING,
        "It has not as many digits as post codes of the country have, and it is not certain that zeros were lost.",
        "Look the post code up. If only zeros are missing, the hint has it with them.",
        "`1067` in Germany, which may be 01067.",
    ),
    Code(
        "zip_country_mismatch",
        "A post code of another country",
        Severity.WARNING,
        "The post code has the form of Canada's, and the country is US, or the other way round.",
        "Mend the post code or the country.",
        "`K1A 0B1` beside the country US.",
    ),
    Code(
        "state_zip_mismatch",
        "State and post code contradict each other",
        Severity.WARNING,
        "In the United States, Canada and Australia the first digits or letters of a post code tell the state. "
        "A few post codes at a border belong to both sides.",
        "Look which of state, post code and country is wrong.",
        "`90210` beside the state TX.",
    ),
    Code(
        "state_unknown",
        "No state of the country",
        Severity.WARNING,
        "The text is neither name nor code of a state or province of the address's country (or of the default one). It "
        "is sent as it stands.",
        "Mend the state, or the country; the hint names the nearest.",
        "`Ontario` beside the country US.",
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
