"""The baseline: the script that a user would write for the NetSuite layout. Row by row, nothing validated.

``python -m tests.bench.naive SOURCE TARGET`` writes one JSON body a line.
"""

import json
import sys

import pandas as pd
import phonenumbers

ADDRESS = {"Address 1": "address_line_1", "City": "city", "State/Province": "state", "Zip Code": "zip_code"}


def e164(text: str) -> str | None:
    try:
        number = phonenumbers.parse(text, "US")
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def body(rows: pd.DataFrame) -> dict:
    first = rows.iloc[0]
    addresses = []
    for _, row in rows.iterrows():
        if row["Address 1"]:
            addresses.append({field: row[column] for column, field in ADDRESS.items() if row[column]})
    return {
        "reference_id": first["Internal ID"],
        "company_name": first["Company Name"],
        "phone": e164(first["Phone"]),
        "email": first["Email"],
        "addresses": addresses,
    }


def main() -> None:
    source, target = sys.argv[1:]
    frame = pd.read_csv(source, dtype=str, keep_default_na=False)
    bodies = frame.groupby("Internal ID", sort=False)[frame.columns.tolist()].apply(body)
    with open(target, "w", encoding="utf-8") as file:  # noqa: PTH123 - as such a script would
        file.writelines(json.dumps(item) + "\n" for item in bodies)


if __name__ == "__main__":
    main()
