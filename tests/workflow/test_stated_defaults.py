"""What the source says about the default address or contact, from the cell to the body that is sent."""

import json

MAPPING = """\
title: Defaults
key: Id
customer: {company_name: Name}
addresses:
  - {type: {constant: billing}, address_line_1: Street, city: Town, is_default: Main}
contacts:
  - {first_name: Who, is_default: First}
"""
ROWS = """\
Id,Name,Street,Town,Main,Who,First
1,Owl,1 Mill Ln,Marlow,No,Ada,n
1,Owl,2 Mill Ln,Marlow,,Ben,
2,Wren,3 Mill Ln,Marlow,No,Cy,F
3,Jay,4 Mill Ln,Marlow,No,Dee,0
3,Jay,5 Mill Ln,Marlow,Yes,Eve,x
"""


def test_explicit_no_is_sent_as_false(desk, api) -> None:
    desk.write("m.yaml", MAPPING)
    desk.write("m.csv", ROWS)
    said = desk.run(api.url, "m.csv", "-m", "m.yaml")
    sent = {name: json.loads(body) for name, body in api.bodies.items()}
    assert said.code == 0
    flags = {
        name: [[child["is_default"] for child in body[kind]] for kind in ("addresses", "contacts")]
        for name, body in sent.items()
    }
    assert flags == {
        "1": [[False, True], [False, True]],
        "2": [[False], [False]],
        "3": [[False, True], [False, True]],
    }
    notes = [line["message"] for line in said.table("errors.csv") if line["field"] == "is_default"]
    assert any("'No' → 'false'" in note for note in notes)
