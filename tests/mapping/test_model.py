"""What a mapping can contain: errors with their lines, and short forms that equal the long ones."""

import re

import pytest

from importer.errors import MappingError
from importer.mapping.language.mapping_model import Mapping
from tests.mapping.support import loaded

TOP = "title: Test\nkey: Id\ncustomer: {company_name: Name}\n"  # three lines; additions start at line 4
FIELD = "title: Test\nkey: Id\ncustomer:\n  company_name: Name\n"  # additions start at line 5


def faults(text: str) -> list[str]:
    """``line: text`` of every error."""
    with pytest.raises(MappingError) as caught:
        loaded(text)
    return [re.sub(r"^.*test\.yaml:", "", line) for line in caught.value.message.splitlines()]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("key: Id\ncustomer: {company_name: N}\n", "1: title is missing"),
        ("title: T\ncustomer: {company_name: N}\n", "1: key is missing"),
        ("title: T\nkey: Id\n", "1: customer is missing"),
        ("title: T\nkey: Id\ncustomer: {email: N}\n", "3: customer: company_name is missing: WizCommerce requires it"),
        ("title: T\nkye: Id\ncustomer: {company_name: N}\n", "2: unknown key 'kye'; did you mean 'key'?"),
        (TOP + "skpi: []\n", "4: unknown key 'skpi'; did you mean 'skip'?"),
        (TOP + "zzz: []\n", "4: unknown key 'zzz'; valid keys: addresses, blank_key, blanks, columns, contact_email"),
        (TOP + "country: usa\n", "4: country: must be a code of two capital letters"),
        (TOP + "country: UK\n", "4: country: 'UK' is not a country code; did you mean GB?"),
        (TOP + "country: XX\n", "4: country: 'XX' is not a country code"),
        (
            TOP + "severity: {phone_invalid: info}\n",
            "4: severity.phone_invalid: no problem has this code; did you",
        ),
        (TOP + "severity:\n  required: warning\n", "5: severity.required: its severity cannot be changed: WizCommerce"),
        (TOP + "severity: {too_long: 1}\n", "4: severity.too_long: must be 'error', 'warning' or 'info'"),
        (
            TOP + "contact_email: required\nseverity: {contact_without_email: info}\n",
            "5: severity.contact_without_email: conflicts with contact_email: required",
        ),
        (TOP + "contact_email: never\n", "4: contact_email: must be 'optional' or 'required', not 'never'"),
        (TOP + "addresses: text\n", "4: addresses: must be a list, not 'text'"),
        (TOP + "addresses:\n  - text\n", "5: the first address: must be a table of fields, not 'text'"),
        (TOP + "addresses:\n  - city: C\n", "5: the first address: an address needs a type, such as type: billing"),
        (
            TOP + "addresses:\n  - city: C\n    type: {constant: home}\n",
            "6: the first address, type: must be billing or shipping",
        ),
        (
            TOP + "addresses:\n  - city: C\n    type: {from: T, values: {B: Billing}}\n",
            "6: the first address, type: must be billing or shipping, not 'Billing'",
        ),
        (
            TOP + "addresses:\n  - type: {constant: billing}\n    table: other\n    city: C\n",
            "6: the first address, table: there is no table 'other', only customers",
        ),
        (
            TOP + "contacts:\n  - first_name: P{n}\n",
            "5: the first contact: `repeat` must be used together with {n} in a column name",
        ),
        (
            TOP + "contacts:\n  - repeat: 1..3\n    email: E\n",
            "5: the first contact: `repeat` must be used together with {n} in a column name",
        ),
        (
            TOP + "contacts:\n  - repeat: 3..1\n    email: E{n}\n",
            "5: the first contact, repeat: `repeat` must be a range such as",
        ),
        (TOP + "skip:\n  - {column: A, flag: yes}\n", "5: the first skip rule: reason is missing"),
        (
            TOP + "skip:\n  - {column: A, reason: r}\n",
            "5: the first skip rule: a condition must have exactly one of is, is_not",
        ),
        (
            TOP + "skip:\n  - {column: A, is: x, blank: yes, reason: r}\n",
            "5: the first skip rule: a condition must have exactly one of",
        ),
        (
            TOP + "skip:\n  - {is: x, reason: r}\n",
            "5: the first skip rule: is, is_not, same_as, differs_from, flag, matches, and blank need a `column`",
        ),
        (
            TOP + "skip:\n  - {column: A, only: [B], reason: r}\n",
            "5: the first skip rule: is, is_not, same_as, differs_from, flag",
        ),
        (
            TOP + "skip:\n  - {column: A, matches: '(', reason: r}\n",
            "5: the first skip rule, matches: not a regular expression",
        ),
        (
            TOP + "skip:\n  - {colum: A, blank: yes, reason: r}\n",
            "5: the first skip rule: unknown key 'colum'; did you mean 'col",
        ),
        (TOP + "tables: {a: {key: Id}}\n", "1: with tables, key belongs to each table"),
        (
            "title: T\ntables:\n  a: {key: I, hsa: x}\ncustomer: {company_name: N}\n",
            "3: tables.a: unknown key 'hsa'; did you mean 'has'?",
        ),
        ("title: T\ntables: {a: {has: x}}\ncustomer: {company_name: N}\n", "2: tables.a: key is missing"),
    ],
)
def test_faults_in_the_whole_mapping_are_reported(text: str, wanted: str) -> None:
    assert any(fault.startswith(wanted) for fault in faults(text)), faults(text)


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        ("email: {form: E}", "customer.email: unknown key 'form'; did you mean 'from'?"),
        ("email: {}", "customer.email: a field must have exactly one of from (columns), constant, or flags"),
        ("email: {from: E, constant: x}", "customer.email: a field must have exactly one of"),
        ("email:", "customer.email: needs at least one value, and none may be empty"),
        ("email: {from: []}", "customer.email.from: needs at least one value"),
        ("email: {from: [E, ' '], take: first}", "customer.email.from: needs at least one value"),
        ("email: {constant: ''}", "customer.email.constant: needs at least one value"),
        ("email: {from: E, split: '', take: first}", "customer.email.split: needs at least one value"),
        ("email: [A, B]", "customer.email: several columns or parts need take (first, last, a number) or join"),
        ("email: {from: E, split: ','}", "customer.email: several columns or parts need take"),
        ("email: {from: [A, B], take: first, join: ' '}", "customer.email.join: cannot be combined with take"),
        ("email: {from: A, else: [B, C]}", "customer.email.else: several columns or parts need take"),
        ("email: {from: [A, B], take: all}", "customer.email.take: take: all is for assigned_sales_rep_ids"),
        ("email: {from: A, take: 0}", "customer.email.take: `take` must be first, last, all, or a number"),
        ("email: {from: A, take: second}", "customer.email.take: `take` must be first, last, all, or a number"),
        ("email: {constant: x, as: lower}", "customer.email.as: cannot be combined with constant"),
        ("email: {constant: x, default: y}", "customer.email.default: cannot be combined with constant"),
        ("email: {constant: x, else: A}", "customer.email.else: cannot be combined with constant"),
        ("email: {constant: [x, y]}", "customer.email.constant: must be one value, not a list"),
        ("email: {from: E, otherwise: error}", "customer.email.otherwise: `otherwise` can be used only with `values`"),
        ("email: {from: E, values: [a]}", "customer.email.values: `values` must be a table"),
        ("email: {from: E, values: {a: x, A: y}}", "customer.email.values.A: 'A' is listed twice"),
        ("email: {from: E, values: {a: [x, y]}}", "customer.email.values.a: must be one value, not a list"),
        ("email: {from: E, lookup: sales_rep}", "customer.email.lookup: is for assigned_sales_rep_ids"),
        ("email: {from: E, extension_to: X}", "customer.email.extension_to: is for phone only"),
        ("email: {flags: {a: E}}", "customer.email.flags: is for type only"),
        ("email: {from: E, as: emial}", "customer.email.as: no transform 'emial'; did you mean 'email'?"),
        ("email: {from: E, as: {lower: x}}", "customer.email.as: transform lower takes no argument"),
        ("email: {from: E, as: date}", "customer.email.as: transform date needs text"),
        ("email: {from: E, as: {date: dd.mm}}", "customer.email.as: date: needs the format in the file"),
        ("email: {from: E, as: {regex: x}}", "customer.email.as: transform regex needs a pair"),
        ("email: {from: E, as: {regex: ['(', x]}}", "customer.email.as: regex: not a regular expression"),
        ("email: {from: E, as: {extract: '(a)(b)'}}", "customer.email.as: extract: at most one group"),
        ("email: {from: E, as: {python: 'x'}}", "customer.email.as: python: write file.py:function"),
        (
            "email: {from: E, as: [[lower]]}",
            "customer.email, the first item of as: a transform is a name, or one name with",
        ),
        ("email: {from: E, invalid: drop}", "customer.email.invalid: must be 'reject' or 'blank'"),
        ("email: {from: E, conflict: last}", "customer.email.conflict: must be 'reject' or 'first'"),
        ("email: {from: E, optional: perhaps}", "customer.email.optional: must be yes or no"),
        ("attributes: {Fax: {from: [A, B]}}", "customer.attributes.Fax: several columns or parts need take"),
        ("email: P{n}Email", "customer.email: {n} is for addresses and contacts with repeat"),
    ],
)
def test_faults_in_a_field_are_reported(rule: str, wanted: str) -> None:
    assert any(fault.startswith(f"5: {wanted}") for fault in faults(f"{FIELD}  {rule}\n")), faults(f"{FIELD}  {rule}\n")


@pytest.mark.parametrize("key", ["{constant: x}", "{from: A, default: x}", "[{from: [A, B]}]", "[]", "''"])
def test_key_must_be_columns_with_one_value(key: str) -> None:
    assert faults(f"title: T\nkey: {key}\ncustomer: {{company_name: N}}\n")[0].startswith(
        ("2: key", "2: the first part of the key")
    )


@pytest.mark.parametrize("said", ["as: flag", "values: {a: billing}", "split: ','", "join: ' '", "take: first"])
def test_flags_may_only_be_combined_with_a_default(said: str) -> None:
    text = f"{TOP}addresses:\n  - city: C\n    type: {{flags: {{billing: B}}, {said}}}\n"
    assert f"6: the first address, type.{said.split(':', maxsplit=1)[0]}: cannot be combined with flags" in faults(text)


def model(fields: str, top: str = "key: Id") -> Mapping:
    return loaded(f"title: T\n{top}\ncustomer:\n  company_name: Name\n{fields}").mapping


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("email: E", "email: {from: [E]}"),
        ("email: {from: E}", "email: {from: [E]}"),
        ("email: {constant: x}", "email: {constant: [x]}"),
        ("email: {from: E, as: lower}", "email: {from: E, as: [lower]}"),
        ("email: {from: E, as: {date: '%d'}}", "email: {from: E, as: [{date: '%d'}]}"),
        ("email: {from: E, split: ',', take: first}", "email: {from: E, split: [','], take: first}"),
        ("email: {from: E, values: {a: b}}", "email: {from: E, values: {a: [b]}}"),
        ("assigned_sales_rep_ids: [A, B]", "assigned_sales_rep_ids: {from: [A, B]}"),
    ],
)
def test_short_forms_equal_the_long_ones(short: str, long: str) -> None:
    assert model(f"  {short}\n") == model(f"  {long}\n")


def test_short_form_of_a_whole_mapping_equals_the_long_one() -> None:
    short = model("", "key: [Id, Division]\nskip: [{column: A, is: x, reason: r}]\nignore: B\ntwo_headers: yes")
    long = model(
        "",
        """tables:
  customers:
    key: [{from: [Id]}, {from: [Division]}]
    skip: [{column: A, is: [x], reason: r}]
    ignore: [B]
    two_headers: true""",
    )
    assert short == long


def test_header_hints_and_two_headers_are_collected() -> None:
    text = """
    title: T
    tables:
      a: {key: Id, has: [Id]}
      b: {key: "Parent|Owner", has: [Parent], two_headers: yes}
    customer: {company_name: "Name|Firm"}
    contacts: [{table: b, repeat: 1..2, email: "P{n}|Person {n}", when: {column: "Use{n}", flag: yes}}]
    """
    mapping = loaded(text).mapping
    people = {"P1", "Person 1", "P2", "Person 2", "Use1", "Use2"}
    assert mapping.header_hints() == (frozenset({"Id", "Name", "Firm"}), frozenset({"Parent", "Owner"} | people))
    assert mapping.two_headers
    assert not loaded(TOP).mapping.two_headers


CHILDREN = "addresses:\n  - type: {constant: billing}\n    attributes: {Notes: A}\n  - type: {constant: shipping}\n"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (FIELD + "  attributes:\n    '': A\n", "6: customer.attributes.: an attribute needs a name"),
        (
            FIELD + "  attributes:\n    Ok: A\n    ' \u00a0': A\n",
            "7: customer.attributes. \u00a0: an attribute needs a name",
        ),
        (
            FIELD + "  phone: {from: A, extension_to: ' '}\n",
            "5: customer.phone.extension_to: an attribute needs a name",
        ),
        (
            TOP + f"contacts:\n  - first_name: A\n    attributes:\n      {'x' * 256}: A\n",
            f"7: the first contact, attributes.{'x' * 256}: the name has 256 characters; at most 255 are allowed",
        ),
        (
            FIELD + "  attributes:\n    Notes: A\n    NOTES: B\n",
            "7: customer.attributes.NOTES: 'NOTES' and 'Notes' differ only in case or spaces: write both the same way",
        ),
        (
            FIELD + "  attributes:\n    Stra\u00dfe: A\n    STRASSE: B\n",
            "7: customer.attributes.STRASSE: 'STRASSE' and",
        ),
        (FIELD + "  attributes:\n    e\u0301: A\n    \u00e9: B\n", "7: customer.attributes.\u00e9: "),
        (FIELD + "  attributes:\n    Dock no: A\n    'Dock  no ': B\n", "7: customer.attributes.Dock  no : "),
        (
            FIELD + "  phone: {from: A, extension_to: EXT}\n  attributes:\n    Ext: A\n",
            "5: customer.phone.extension_to: 'EXT' and 'Ext' differ",
        ),
        (
            TOP + CHILDREN + "    attributes: {notes: A}\n",
            "8: the second address, attributes.notes: 'notes' and 'Notes' differ",
        ),
    ],
)
def test_invalid_or_ambiguous_attribute_names_are_refused(text: str, wanted: str) -> None:
    (fault,) = faults(text)
    assert fault.startswith(wanted)


def test_same_name_in_several_entries_is_not_a_fault() -> None:
    text = TOP.replace("Name}", "Name, attributes: {NOTES: N}}") + CHILDREN + "    attributes: {Notes: B}\n"
    assert [list(entry.attributes) for entry in loaded(text).mapping.addresses] == [["Notes"], ["Notes"]]
    assert list(loaded(FIELD + f"  attributes: {{{'x' * 255}: A}}\n").mapping.customer.attributes) == ["x" * 255]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (TOP + "addresses:\n  - {type: billing, street: S}\n", "unknown key 'street'; did you mean 'address_line_1'?"),
        (TOP + "addresses:\n  - {type: billing, line1: S}\n", "unknown key 'line1'; did you mean 'address_line_1'?"),
        (TOP + "addresses:\n  - {type: billing, zip: Z}\n", "unknown key 'zip'; did you mean 'zip_code'?"),
        (TOP + "addresses:\n  - {type: billing, Post Code: Z}\n", "did you mean 'zip_code'?"),
        (TOP + "addresses:\n  - {type: billing, town: T}\n", "unknown key 'town'; did you mean 'city'?"),
        (
            TOP + "contacts:\n  - {job_title: T}\n",
            "the first contact: unknown key 'job_title'; did you mean 'designation'?",
        ),
        (TOP + "customers: {}\n", "unknown key 'customers'; did you mean 'customer'?"),
        (TOP + "contacts:\n  - {first_name: {column: T}}\n", "unknown key 'column'; did you mean 'from'?"),
        (
            TOP + "contacts:\n" + "  - first_name: T\n" * 11 + "  - first_name: {from: T, take: none}\n",
            "the 12th contact, first_",
        ),
        (
            TOP + "skip:\n  - {reason: r, any: [{column: A, blank: yes}, {column: B}]}\n",
            "the first skip rule, the second condition under any: a condition must have exactly one",
        ),
    ],
)
def test_faults_are_in_the_terms_of_the_mapping(text: str, wanted: str) -> None:
    found = faults(text)
    assert any(wanted in fault for fault in found), found
    assert not any(re.search(r"\.\d", fault) for fault in found)
