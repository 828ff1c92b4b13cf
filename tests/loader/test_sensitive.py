"""Columns that never leave the source."""

from pathlib import Path

import pytest

from importer.loader import LoadOptions
from importer.loader.sensitive_columns import is_secret, is_tax_number
from tests.loader.support import table, write

SECRET = [
    *("Card Number", "Credit Card", "CreditCardNumber", "Credit Card Expiration Date", "credit_card_no", "CC Number"),
    *("cc#", "CCNum", "Card #", "CardNo", "CVV", "CVV2", "Card Expiry", "Card exp. date", "Expiry date of card"),
    *("Password", "password_hash", "Password hint", "PasswordHash", "user_passwd", "rp_token", "rp_token_created_at"),
    *("Token", "Secret", "Client Secret", "API Key", "apikey", "Bank Account", "BankAccountNumber", "Bank Acct No."),
    *(
        "user_pass",
        "Passwort",
        "Passwort-Hash",
        "Kennwort",
        "Mot de passe",
        "Contraseña",
        "Wachtwoord",
        "Hasło",
        "Lösenord",
    ),
    *("Kreditkartennummer", "Numéro de carte bancaire", "Tarjeta de crédito", "Bankkontonummer", "Compte bancaire"),
    *("Cuenta bancaria", "Rachunek bankowy", "Bankovní účet", "Bankrekeningnummer", "Şifre", "パスワード"),
    *("IBAN", "SSN", "SSN#", "Social Security Number", "Credit Card Number#2", "*Password (Req)"),
]
TAX = [
    *("Tax ID", "TaxNumber", "Tax No.", "VAT no", "VAT Registration No.", "VAT Number", "EIN", "GSTIN", "ABN", "TIN"),
    *("Federal Tax ID", "FederalTaxID", "Resale Num", "Resale number", "Tax Registration Number", "Tax ID#2", "taxid"),
    *("Tax Exempt No.", "GST No", "Tax ID #"),
]
INNOCENT = [
    *("Business card?", "Card Code", "CardCode", "CardName", "CardType", "Account No.", "AccountNumber", "Account"),
    *(
        "Tax item",
        "Sales Tax Code",
        "TaxNumberName",
        "Tax Exempt",
        "Tax Rate",
        "VAT Rate",
        "PIN Code",
        "cc",
        "Cc Email",
    ),
    *(
        "Secretary",
        "Loyalty Card Number",
        "Gift Card Number",
        "Accepts Credit Cards",
        "Credit Limit",
        "Credit Card Type",
    ),
    *("Discard No", "Postcard", "Bank", "Key Account", "Reinsurance", "Protein", "Name", "Phone", "Expiry Date", ""),
    *("Expiration Date", "Account Number", "Customer No.", "Company Name", "Taxi Number", "Status"),
    *("Kontonummer", "Konto", "Kartennummer", "Bankett", "Parola chiave", "Passage", "Compte", "Cuenta", "Conto"),
]


def test_headers_of_secrets_and_tax_numbers_are_recognized() -> None:
    assert [name for name in SECRET if not is_secret(name)] == []
    assert [name for name in TAX if not is_tax_number(name)] == []
    assert [name for name in INNOCENT + TAX if is_secret(name)] == []
    assert [name for name in INNOCENT + SECRET if is_tax_number(name)] == []


def test_secret_columns_are_emptied_and_listed(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "Id,Password,Tax ID,VAT No.,Card Code\n1,hunter2,12,34,C1\n2,,56,,C2\n")
    read = table(path)
    assert read.frame.to_numpy().tolist() == [["1", "", "", "", "C1"], ["2", "", "", "", "C2"]]
    assert read.secrets == {"Password", "Tax ID", "VAT No."}
    allowed = table(path, LoadOptions(allowed=frozenset({"tax id", "password"})))
    assert allowed.frame["Tax ID"].tolist() == ["12", "56"]
    assert allowed.secrets == {"Password", "VAT No."}


HASHES = [
    "$2y$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy",
    "$P$B55D6LjfHDkINU5wF.v2BuuzO0/XPk/",
    "pbkdf2_sha256$600000$abcdefgh$0123456789abcdef0123456789abcdef0123456789a=",
    "{SSHA}DkMTwBl+a/3DQTxCYEApdUtNXGgdUac3",
    "5f4dcc3b5aa765d61d8327deb882cf99:Xy:1",
]


@pytest.mark.parametrize(
    ("cells", "emptied"),
    [
        (HASHES, True),
        (["", HASHES[0], ""], True),
        ([*HASHES, "none", "none"], False),
        (["5f4dcc3b5aa765d61d8327deb882cf99", "$2.50", "$1,000,000.00 and more than that"], False),
        ([""], False),
    ],
)
def test_password_hashes_are_recognized_by_their_form(cells: list[str], emptied: bool, tmp_path: Path) -> None:
    read = table(write(tmp_path / "a.csv", "Id,Note\n" + "".join(f'1,"{cell}"\n' for cell in cells)))
    assert read.secrets == ({"Note"} if emptied else frozenset())


CARDS = ["4111 1111 1111 1111", "5555-5555-5555-4444", "378282246310005", "6011111111111117", " 4222222222222 "]


@pytest.mark.parametrize(
    ("header", "cells", "emptied"),
    [
        ("Note", CARDS, True),
        ("Note", [*CARDS, "", "", "", "none"], True),
        ("Note", [*CARDS, "none", "none"], False),
        ("Note", CARDS[:4], False),
        ("Customer ID", CARDS, False),
        ("Mobile", CARDS, False),
        ("Note", [str(int(card.replace(" ", "").replace("-", "")) + 1) for card in CARDS], False),
        ("Note", ["0000000000000"] * 6, False),
    ],
)
def test_card_numbers_are_found_under_any_header(tmp_path: Path, header: str, cells: list[str], emptied: bool) -> None:
    rows = "".join(f"{number},{cell}\n" for number, cell in enumerate(cells))
    read = table(write(tmp_path / "a.csv", f"Key,{header}\n{rows}"))
    assert read.secrets == ({header} if emptied else set())
    assert read.frame[header].tolist() == ([""] * len(cells) if emptied else cells)
