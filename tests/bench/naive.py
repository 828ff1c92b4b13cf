"""Baseline of `check`: the script that a user would write. It works row by row and assumes that every cell is right.

Called with the export and the file for the bodies.
"""

import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import phonenumbers

Body = dict[str, Any]


def phone(cell: str) -> str | None:
    try:
        number = phonenumbers.parse(cell, "US")
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def filled(**values: Any) -> Body:
    return {name: value for name, value in values.items() if value not in ("", None)}


def address(row: Any) -> Body:
    kind = "billing" if row["Default Billing Address"] == "Yes" else "shipping"
    return filled(
        address_line_1=row["Address 1"],
        city=row["City"],
        type=kind,
        phone=phone(row["Address Phone"]),
        address_line_2=row["Address 2"],
        state=row["State/Province"],
        country="US",
        zip_code=row["Zip Code"],
    )


def contact(row: Any) -> Body:
    return filled(
        first_name=row["Contact First Name"],
        last_name=row["Contact Last Name"],
        email=row["Contact Email"],
        phone=phone(row["Contact Phone"]),
        designation=row["Contact Title"],
    )


def customer(rows: pd.DataFrame) -> Body:
    first = rows.iloc[0]
    addresses: list[Body] = []
    contacts: list[Body] = []
    for _, row in rows.iterrows():
        if (one := address(row)) not in addresses:
            addresses.append(one)
        if (person := contact(row)) and person not in contacts:
            contacts.append(person)
    return filled(
        reference_id=rows.name,
        company_name=first["Company Name"],
        display_id=first["ID"],
        display_name=first["Company Name"],
        shipping_method=first["Shipping Method"],
        payment_term=first["Terms"],
        phone=phone(first["Phone"]),
        email=first["Email"],
        addresses=addresses,
        contacts=contacts,
    )


def main() -> None:
    source, target = map(Path, sys.argv[1:])
    table = pd.read_csv(source, dtype=str, keep_default_na=False)
    table = table[table["Inactive"] != "Yes"]
    with target.open("w", encoding="utf-8") as file:
        for body in table.groupby("Internal ID").apply(customer):
            file.write(json.dumps(body) + "\n")


if __name__ == "__main__":
    main()
