"""Another table names a default address or contact that the customer does not have."""

import pytest

from tests.mapping.support import apply, problems, sheet

MAPPING = """
title: T
tables:
  main: {has: Name, key: Id, blank_key: above}
  places: {has: Street, key: Owner}
  people: {has: Mail, key: Owner}
customer: {company_name: Name}
addresses:
  - table: places
    type: {from: Kind, values: {B: billing, S: shipping}, otherwise: error}
    address_line_1: Street
    is_default:
      constant: yes
      when:
        any:
          - all: [{column: Kind, is: B}, {column: Place, same_as: {table: main, column: Bill}}]
          - all: [{column: Kind, is: S}, {column: Place, same_as: {table: main, column: Ship}}]
contacts:
  - table: people
    email: Mail
    is_default: {constant: yes, when: {column: Who, same_as: {table: main, column: Person}}}
"""
PLACES = "Owner | Kind | Place | Street\n1 | B | Office | 1 Main St\n1 | S | Store 1 | 2 Main St"
PEOPLE = "Owner | Who | Mail\n1 | Ann | ann@example.com"


@pytest.mark.parametrize(
    ("bill", "ship", "person", "told"),
    [
        ("office", "STORE  1", "Ann", []),
        ("", "", "", []),
        ("Office", "Store 9", "Ann", [("Ship", "the customer has no address of this type called 'Store 9'")]),
        ("Office", "Office", "", [("Ship", "the customer has no address of this type called 'Office'")]),
        ("Office", "Store 1", "Bea", [("Person", "the customer has no contact called 'Bea'")]),
    ],
)
def test_named_default_that_is_not_found_is_a_warning(
    bill: str, ship: str, person: str, told: list[tuple[str, str]]
) -> None:
    firms = (
        f"Id | Name | Bill | Ship | Person\n1 | Kettle | {bill} | {ship} | {person}\n | | {bill} | {ship} | {person}"
    )
    made = apply(MAPPING, sheet(firms, "firms.csv"), sheet(PLACES, "places.csv"), sheet(PEOPLE, "people.csv"))
    found = problems(made, "code", "severity", "row", "column", "message")
    assert found == [("default_not_found", "warning", 2, name, message) for name, message in told]


def test_customer_without_any_address_or_contact_causes_no_warning() -> None:
    firms = "Id | Name | Bill | Ship | Person\n1 | Kettle | | | \n2 | Kestrel | Office | Store 1 | Ann"
    made = apply(MAPPING, sheet(firms, "firms.csv"), sheet(PLACES, "places.csv"), sheet(PEOPLE, "people.csv"))
    assert problems(made) == []
