"""Columns that must never be sent or written to a report."""

from pathlib import Path

from tests.formats.loading import Checked

SECRETS = ["4111111111111111", "$2y$10$abcdefghijklmnopqrstuv", "rp-4711-token", "DE02120300000000202051", "12-3456789"]


def test_secrets_are_not_in_any_file_of_the_run(tmp_path: Path) -> None:
    text = (
        "Customer ID,Company Name,Phone,Credit Card Number,password_hash,rp_token,IBAN,Tax ID\n"
        f"0017,Harbor Goods,12,{','.join(SECRETS)}\n0018,Kestrel, Inc,415-555-0132,{','.join(SECRETS)}\n"
    )
    checked = Checked(tmp_path, {"list.csv": text.encode()})
    assert checked.names == {}
    assert b"Harbor Goods" in checked.written  # the rejected rows are returned, without these cells
    assert [secret for secret in SECRETS if secret.encode() in checked.written] == []
    assert checked.summary["sources"][0]["emptied"] == sorted(
        ["Credit Card Number", "password_hash", "rp_token", "IBAN", "Tax ID"]
    )
