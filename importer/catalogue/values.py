"""What can be wrong with a value: in its form, under the API's contract, or beside another one."""

from importer.catalogue.model import Code
from importer.records import Severity

__all__ = ["VALUES"]

_REFUSED = "the API refuses such a customer"

VALUES = (
    Code(
        "required",
        "A required field is blank",
        Severity.ERROR,
        "The API refuses a customer without reference_id and company_name, an address without reference_id, "
        "address_line_1, city and type, and a contact without reference_id and first_name.",
        "Fill in the cell, map another column too (`take: first`), or give the field a `default` in the mapping.",
        "An address with a street and no city.",
        fixed=_REFUSED,
    ),
    Code(
        "too_long",
        "A text is too long",
        Severity.ERROR,
        "The API takes at most 255 characters in a field and 50 in a city. Nothing is cut off, because nobody would "
        "notice what was lost. Attributes of the types long_text and html may be longer; a check knows which those are "
        "with `--lookups`.",
        "Shorten the text in the source, by as many characters as the hint says.",
        "A city of 61 characters, because the state was typed into the same cell: 11 too many.",
    ),
    Code(
        "control_character",
        "An invisible control character",
        Severity.ERROR,
        "Characters such as NUL or ESC come from damaged exports. They cannot be seen, and break other programs.",
        "Take the character out; the hint names it. Typing the cell again is the surest way.",
        "`Harbor\\x00Goods`, which looks like HarborGoods.",
    ),
    Code(
        "line_break",
        "A line break or tab in a one-line field",
        Severity.ERROR,
        "Every field but a custom attribute holds one line. Most fields mend it themselves; where the mapping says "
        "`as: text`, or in an id, nothing is changed.",
        "Put the text on one line, let the mapping `split` the cell, or use the transform `one_line`.",
        "A reference id with a line break in the middle.",
    ),
    Code(
        "replacement_character",
        "A letter was lost",
        Severity.WARNING,
        "Some program read the text with the wrong encoding and put the mark U+FFFD where it did not know the letter. "
        "The letter cannot be brought back.",
        "Export again as UTF-8, or mend the text in the source.",
        "`Caf\ufffd Lumi\ufffdre`.",
    ),
    Code(
        "excel_damaged",
        "A number that a spreadsheet shortened",
        Severity.ERROR,
        "A spreadsheet shows long numbers as 1.23E+05, and saving as CSV keeps only that. The digits are gone and are "
        "never guessed.",
        "Export again with the column formatted as text.",
        "The customer number 4411230017 became 4.41E+09.",
    ),
    Code(
        "invalid_phone",
        "Not a phone number",
        Severity.ERROR,
        "The API takes phone numbers as +, country code and number without spaces: +14155550123. They are brought "
        "into that form; a number that cannot exist in its country is told, never guessed.",
        "Write the number with its country code. If many numbers have none, say whose they are with `--country US`.",
        "`ask Dana`, `555-0132` (no area code), or two numbers in one cell.",
    ),
    Code(
        "invalid_email",
        "Not an e-mail address",
        Severity.ERROR,
        "One address of the form name@company.com. Names that never receive mail (.test, .invalid, .local, localhost) "
        "are refused as well. No server is asked whether the address exists.",
        "Mend the address. Where cells hold several, let the mapping `split` them and `take: first`.",
        "`dana at example.com`, or `dana@example.com / office@example.com`.",
    ),
    Code(
        "invalid_type",
        "An address type is neither billing nor shipping",
        Severity.ERROR,
        "The API knows these two types only.",
        "Translate the source's words with `values` in the mapping: `values: {Bill to: billing, Ship to: shipping}`.",
        "The column Type says `Invoice`.",
        fixed=_REFUSED,
    ),
    Code(
        "invalid_country",
        "Not a country",
        Severity.ERROR,
        "The API takes two-letter codes (ISO 3166-1 alpha-2). Names in the main European languages, three-letter codes "
        "and usual short forms are understood.",
        "Write the country's name or code; the hint names the nearest one.",
        "`Untied States`.",
    ),
    Code(
        "invalid_date",
        "Not a date of the expected form",
        Severity.ERROR,
        "A date is read by the format that the mapping names, and never guessed: 03/04/2025 can mean two days.",
        "Write the date in that form, or correct the format in the mapping.",
        "`31/02/2025`, or `2025-03-28` where the mapping says `%m/%d/%Y`.",
    ),
    Code(
        "invalid_flag",
        "Neither yes nor no",
        Severity.ERROR,
        "The column answers a question: Yes, No, Y, N, T, F, TRUE, FALSE, 1, 0, x and usual words of other languages.",
        "Write Yes or No. If the column says something else, translate it with `values` in the mapping.",
        "`maybe` in the column Default.",
    ),
    Code(
        "invalid_uuid",
        "An id is not one of WizCommerce",
        Severity.ERROR,
        "Sales reps and price lists are given by their id in WizCommerce, a UUID.",
        "With `lookup: sales_rep` or `lookup: price_list` the mapping finds the id by name or e-mail address.",
        "`Dana Reyes` in a field that has no lookup.",
    ),
    Code(
        "value_unlisted",
        "A text that the mapping's list of values lacks",
        Severity.ERROR,
        "The mapping translates this column's texts by a list, and says that any other one is an error.",
        "Mend the cell (the hint names the nearest text), or add the text to `values` in the mapping.",
        "`Net 30 days` where the list has `Net 30`.",
    ),
    Code(
        "function_refused",
        "The mapping's own function refused the text",
        Severity.ERROR,
        "The mapping gives this column to a Python function of its own, and the function does not take the text.",
        "The message is the function's; see there what it takes.",
        "A function that reads customer numbers is given `n/a`.",
    ),
    Code(
        "phone_extension_dropped",
        "A phone's extension is left out",
        Severity.WARNING,
        "The API's phone field has no room for an extension, and the mapping names no place for it.",
        "Name an attribute in the mapping: `extension_to: Phone Extension`.",
        "`(415) 555-0132 ext. 12` is sent as +14155550132.",
    ),
    Code(
        "contact_without_email",
        "A contact without an e-mail address",
        Severity.WARNING,
        "It is not documented whether the API requires one. `contact_email: required` makes it an error.",
        "Fill in the address, or leave it as it is.",
        "A contact with a name and a phone number only.",
    ),
    Code(
        "customer_conflict",
        "Rows of one customer contradict each other",
        Severity.ERROR,
        "Rows with the same key are one customer, and must agree on its own fields; a blank agrees with anything. Both "
        "places are named, because nobody can tell which is right.",
        "Make the two cells equal; or say `conflict: first` for the field, or make this code a warning: the first row "
        "counts then.",
        "Customer 0017 is `Harbor Goods` in row 2 and `Harbour Goods` in row 9.",
    ),
    Code(
        "duplicate_reference_id",
        "A reference id is used twice",
        Severity.ERROR,
        "A reference id names exactly one customer, address or contact of the whole import. Both places are reported.",
        "Give each its own id, or take out the one that is there by mistake.",
        "Two addresses with the id A-100.",
        fixed="the second one would change or lose the first",
    ),
    Code(
        "customer_alike",
        "Probably the same customer twice",
        Severity.WARNING,
        "Company name and address (first line and post code) are those of another customer with another reference id. "
        "Case, punctuation and legal forms (Inc., GmbH) do not count, and a slip of the pen is seen through.",
        "If they are one, keep one of them. `--dedupe reject` makes it an error, `--dedupe off` says nothing of it.",
        "`Harbor Goods, Inc.` and `HARBOR GOODS INC`, both at 4 Pier Rd, 43000.",
    ),
    Code(
        "reference_id_case",
        "Reference ids that differ only in case",
        Severity.ERROR,
        "Systems that ignore case would take the two for one. All of them are reported.",
        "Write them alike if they mean the same customer, else make them different.",
        "`ab-1` in row 2 and `AB-1` in row 7.",
        fixed="the API may take the two for one",
    ),
    Code(
        "several_defaults",
        "More than one default",
        Severity.ERROR,
        "A customer has at most one default address of each type and one default contact.",
        "Keep one of them; the hint names the other row.",
        "Two billing addresses of a customer say Yes in the column Default.",
    ),
    Code(
        "address_parsed",
        "An address was taken apart",
        Severity.INFO,
        "The export holds a whole address in one cell, or in lines that nobody labelled. Its parts were found by the "
        "program; the message shows them, and what was not used.",
        "Nothing, if the parts are right.",
        "`4 Pier Rd, Austin, TX 78701`: street, city, state and post code.",
    ),
    Code(
        "address_unsure",
        "An address may be taken apart wrongly",
        Severity.WARNING,
        "Something in the address leaves room for doubt: nothing shows where the street ends, no post code is found, "
        "the post code is not one of the state, or a line may be a name. The message says which, and what was made of "
        "it.",
        "Compare the parts with the cell. Where they are wrong, mend the cell, or give the parts columns of their own.",
        "`100 Broadway New York NY 10005`: the street may be Broadway, or Broadway New.",
    ),
)
