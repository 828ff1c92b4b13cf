"""Every code that validation gives to a problem: one place for reports, documentation and tests to look it up."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from importer.records import Severity

__all__ = ["CODES", "Code"]


@dataclass(frozen=True, slots=True)
class Code:
    """One kind of problem.

    ``name``: stable, snake_case; stands in reports. ``title``: a heading of a few words. ``message``: what a report
    says of one cell; ``{field}`` is the entity and field in words, ``{limit}`` its greatest length. ``explanation``:
    what the rule is, why it is there and how to mend it. ``severity``: unless a policy or parameter says otherwise.
    """

    name: str
    title: str
    message: str
    explanation: str
    severity: Severity = Severity.ERROR


_ALL = (
    Code(
        "required",
        "A required field is blank",
        "{field} is required but blank",
        "The API refuses a customer without reference_id and company_name, an address without reference_id, "
        "address_line_1, city and type, and a contact without reference_id and first_name. Fill in the cell, map "
        "another column too, or give the field a default.",
    ),
    Code(
        "too_long",
        "A text is too long",
        "{field} is longer than {limit} characters",
        "The API takes at most 255 characters in a field and 50 in a city. Nothing is cut off, because nobody would "
        "notice what was lost: shorten the text in the source.",
    ),
    Code(
        "control_character",
        "An invisible control character",
        "{field} contains a control character",
        "Characters such as NUL or ESC come from damaged exports. They cannot be seen and break other programs.",
    ),
    Code(
        "line_break",
        "A line break or tab in a one-line field",
        "{field} contains a line break or tab",
        "Every field but a custom attribute holds one line. Split the cell in the mapping or mend it in the source.",
    ),
    Code(
        "replacement_character",
        "A letter was lost",
        "{field} contains the replacement character U+FFFD",
        "Some program read the text with the wrong encoding and put this mark where it did not know the letter. The "
        "letter cannot be brought back; export again, or mend the text in the source.",
        Severity.WARNING,
    ),
    Code(
        "excel_damaged",
        "A number that Excel shortened",
        "{field} was turned into a rounded number by a spreadsheet",
        "A spreadsheet shows long numbers as 1.23E+05, and saving as CSV keeps only that. The digits are gone and are "
        "never guessed. Export again with the column formatted as text.",
    ),
    Code(
        "invalid_phone",
        "A phone number is not in E.164",
        "{field} is not an international phone number",
        "The API takes phone numbers as +, country code and number without spaces: +14155550123. Use the mapping's "
        "phone transform, and say which country numbers without a code belong to.",
    ),
    Code(
        "invalid_email",
        "An e-mail address is not valid",
        "{field} is not a valid e-mail address",
        "One address of the form name@company.com. Names that never receive mail (.test, .invalid, .local, localhost) "
        "are refused as well. No server is asked whether the address exists.",
    ),
    Code(
        "invalid_type",
        "An address type is neither billing nor shipping",
        "{field} is neither billing nor shipping",
        "The API knows these two types only. Translate the source's words with `values` in the mapping.",
    ),
    Code(
        "invalid_country",
        "A country is not a two-letter code",
        "{field} is not a two-letter country code",
        "The API takes ISO 3166-1 alpha-2 codes in capitals, such as US. Use the mapping's country transform.",
    ),
    Code(
        "invalid_uuid",
        "An id is not a UUID",
        "{field} is not an id of WizCommerce",
        "Sales reps and price lists are given by their UUID. With `lookup` the mapping finds it by name or e-mail.",
    ),
    Code(
        "duplicate_reference_id",
        "A reference id is used twice",
        "{field} is used by another record too",
        "A reference id names exactly one customer, address or contact of the whole import. Both places are reported, "
        "because nobody can tell which is right.",
    ),
    Code(
        "reference_id_case",
        "Reference ids that differ only in case",
        "{field} differs from another one only in upper and lower case",
        "Systems that ignore case would take the two for one. All of them are reported; make them equal or different.",
    ),
    Code(
        "several_defaults",
        "More than one default",
        "{field} is set although another one is the default already",
        "A customer has at most one default address of each type and one default contact.",
    ),
    Code(
        "contact_without_email",
        "A contact without an e-mail address",
        "{field} is blank",
        "It is not documented whether the API requires it. `contact_email: required` in the mapping makes it an error.",
        Severity.WARNING,
    ),
)

CODES: Mapping[str, Code] = MappingProxyType({code.name: code for code in _ALL})
