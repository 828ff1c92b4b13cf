"""Columns whose cells must never leave the source, recognized by their header or by their content.

The content shows whether cells are card numbers or password hashes.
"""

import re
import unicodedata
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from importer.cell_text import filled_cells, header_key
from importer.tables import Mask

_NUMBER = r"(?:numbers?|no|num|nbr|nr)"
_SECRET = re.compile(
    rf"""(?<!accept\ )(?<!accepts\ )(?<!allow\ )(?<!allows\ )\b(?:credit|debit|payment|bank)\ ?card
            (?!\ (?:type|brand|fee|surcharge|terms|accepted|allowed)s?\b)
    | (?<!business\ )(?<!loyalty\ )(?<!member\ )(?<!membership\ )(?<!customer\ )(?<!gift\ )(?<!reward\ )(?<!rewards\ )
            \bcard\ ?{_NUMBER}\b
    | \bcc\ ?(?:{_NUMBER}|exp\w*|cvv\d?|last\ ?(?:4|four))\b
    | \b(?:cvv|cvc)\ ?2?\b | \bcard\ (?:security|verification)\b
    | \bcard\ (?:exp\w*|valid)\b | \bexp(?:iry|iration|ires)?\b.*\bcard\b
    | password | passwd | \bpwd\b | \bpass\ ?(?:phrase|code|hash)\b | \b(?:user|login)\ ?pass\b
    | \b(?:rp|access|api|auth|refresh|reset)?tokens?\b | \bsecrets?\b | \b(?:api|access|private)\ ?key\b
    | \bbank\ ?(?:account|acct|a\ c)\b | \biban\b | \bbank\ routing\b | \bssn\b | \bsocial\ security\b""",
    re.VERBOSE,
)
# Passwords, cards, bank accounts, and social security in other languages; at a *, the word may continue.
_FOREIGN = (
    *("Passwort*", "Kennwort*", "Mot de passe", "MDP", "Contraseña", "Senha", "Palavra passe", "Wachtwoord*"),
    *("Adgangskode", "Passord", "Lösenord*", "Salasana", "Hasło", "Heslo", "Jelszó", "Şifre", "пароль"),
    *("*パスワード", "*密码", "*密碼", "*비밀번호"),
    *("Kreditkarte", "Kreditkarten", "Kreditkartennr", "Kreditkartennummer", "Kreditkort*", "Kredittkort*"),
    *("Carte de crédit", "Carte bancaire", "Tarjeta de crédito", "Tarjeta crédito", "Tarjeta de débito"),
    *("Cartão de crédito", "Carta di credito", "Karta kredytowa", "Karty kredytowej", "Karty płatniczej"),
    *("Kreditní kart*", "Platební kart*", "Luottokort*", "Hitelkártya*", "Kredi kartı*"),  # noqa: RUF001
    *("Bankkonto*", "Bankverbindung*", "Bankrekening*", "Bankgiro*", "Compte bancaire", "Coordonnées bancaires"),
    *("Cuenta bancaria", "Conta bancária", "Conto bancario", "Conto corrente", "Konto bankowe", "Konta bankowego"),
    *("Rachunek bankowy", "Rachunku bankowego", "Bankovní účet", "Bankovního účtu", "Bankszámla*", "Pankkitili*"),
    *("Banka hesap*", "CLABE", "Sozialversicherungsnummer", "Burgerservicenummer", "Sécurité sociale"),
    *("Seguridad social", "PESEL", "Rodné číslo", "Henkilötunnus"),
)
_TAX = re.compile(
    rf"""\b(?:tax|vat|gst|sales\ tax)\ ?(?:payer\ |file\ |reg(?:istration)?\ )?
            (?:ids?|identification|identifier|{_NUMBER}|reg(?:istration)?|certificate)\b
            (?!\ (?:name|type|label|country)\b)
    | \b(?:f?ein|gstin|abn|i?tin|taxpayer\ id)\b(?!\ (?:name|type|label)\b)
    | \bresale\ ?(?:{_NUMBER}|ids?|cert\w*|licen[cs]e|permit)\b | \breseller\ ?(?:{_NUMBER}|ids?|permit|cert\w*)\b
    | \b(?:seller|sellers)\ permit\b | \btax\ exempt(?:ion)?\ (?:ids?|{_NUMBER}|cert\w*)\b""",
    re.VERBOSE,
)
_ID_OR_PHONE = re.compile(
    r"\b(?:ids?|code|key|no|num|number|account|reference|ref|barcode|ean|gtin|imei|phone|telephone|tel|mobile|cell|fax|gsm)\b"
)
_CARD_CELL = r"^\s*\d(?:[ -]?\d){12,18}\s*$"
_MIN_CELLS, _MIN_SHARE, _MIN_DIGITS = 5, 0.8, 13
# Modular crypt formats; the formats of phpass, LDAP, Django, and argon2; and Magento's hash:salt.
_HASH_CELL = (
    r"^\s*(?:\$(?:1|5|6|2[abxy]?|y|P|H|S|argon2[a-z]*|pbkdf2[a-z0-9-]*|scrypt)\$\S{20,}"
    r"|\{S?(?:SHA|MD5|CRYPT)\d*\}\S{20,}|(?:pbkdf2|bcrypt|argon2|scrypt)[a-z0-9_]*[$:]\S{20,}"
    r"|[0-9a-f]{32,128}:[A-Za-z0-9]{2,64}(?::\d+)?)\s*$"
)
_LETTERS = str.maketrans("łıø", "lio")  # letters that Unicode does not decompose
_CHUNKS = 64  # chunks of a column on disk that may be in memory at once


def _plain(header: str) -> str:
    """A header such as ``CreditCardNumber``, ``credit_card#``, or ``Credit Card No.`` as lowercase words."""
    text = re.sub(r"#\d+$", "", header.strip())
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|_", " ", text.replace("#", " number "))
    return " ".join(re.sub(r"[^\w]+", " ", header_key(text)).split())


def _without_accents(text: str) -> str:
    letters = (letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
    return "".join(letters).translate(_LETTERS)


def _pattern(word: str) -> str:
    plain = re.escape(_without_accents(_plain(word.strip("*"))))
    return ("" if word[0] == "*" else r"\b") + plain + ("" if word[-1] == "*" or word[0] == "*" else r"\b")


_FOREIGN_SECRET = re.compile("|".join(map(_pattern, _FOREIGN)))


def is_secret(header: str) -> bool:
    """Whether a header names a payment card, password, token, key, bank account, or social security number."""
    plain = _plain(header)
    return bool(_SECRET.search(plain) or _FOREIGN_SECRET.search(_without_accents(plain)))


def is_tax_number(header: str) -> bool:
    """Whether a header names a tax, VAT, or resale number. Such a column is kept only if a mapping names it."""
    return bool(_TAX.search(_plain(header)))


def holds_card_numbers(header: str, column: pa.ChunkedArray, release_memory: Callable[[], None]) -> bool:
    """Whether at least 80% of the filled cells, and at least five, are 13 to 19 digits that pass the Luhn check.

    A column is exempt if its header names an ID, code, or phone number. ``release_memory`` is called every so often
    while a column on disk is read.
    """
    if _ID_OR_PHONE.search(_plain(header)):
        return False
    cards: list[pa.Array] = []
    others, unread = 0, len(column)
    for number, chunk in enumerate(column.chunks, start=1):
        unread -= len(chunk)
        long = chunk.filter(pc.greater_equal(pc.binary_length(chunk), _MIN_DIGITS))
        cards.append(long.filter(pc.match_substring_regex(long, _CARD_CELL)))
        others += int(filled_cells(chunk).sum()) - len(cards[-1])
        # Stop as soon as the unread chunks can no longer bring the share to 80%.
        if others > (sum(map(len, cards)) + unread) * (1 - _MIN_SHARE) / _MIN_SHARE:
            return False
        if number % _CHUNKS == 0:
            release_memory()
    likely = pa.chunked_array(cards, pa.string())
    enough = max(_MIN_CELLS, _MIN_SHARE * (len(likely) + others))
    return len(likely) >= enough and int(_passes_luhn(likely).sum()) >= enough


def holds_password_hashes(column: pa.ChunkedArray) -> bool:
    """Whether at least 80% of the filled cells in the first chunk that has any are password hashes."""
    for chunk in column.chunks:
        filled = int(filled_cells(chunk).sum())
        if filled:
            return int(pc.sum(pc.match_substring_regex(chunk, _HASH_CELL)).as_py() or 0) >= _MIN_SHARE * filled
    return False


def _passes_luhn(cards: pa.ChunkedArray) -> Mask:
    """ISO/IEC 7812-1: every second digit from the right is doubled; the sum of all digits is a multiple of ten."""
    digits = pc.replace_substring_regex(cards, r"[^0-9]", "")
    padded = pc.utf8_lpad(digits, 20, "0").combine_chunks().cast(pa.binary())
    text = b"".join(padded.to_pylist())
    numbers = np.frombuffer(text, dtype=np.uint8).reshape(-1, 20).astype(np.int64) - ord("0")
    doubled = numbers[:, 0::2] * 2
    total = (doubled - 9 * (doubled > 9)).sum(axis=1) + numbers[:, 1::2].sum(axis=1)
    passed: Mask = (total % 10 == 0) & (numbers.sum(axis=1) > 0)
    return passed
