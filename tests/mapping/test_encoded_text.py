"""HTML entities, tags, and percent encoding are decoded if the entire value is encoded that way."""

import pyarrow as pa
import pytest

from importer.mapping.transforms.text_forms import decode
from importer.records import Severity
from tests.mapping.support import BASE, apply, column, field, problems, records


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Harbor%20Goods", "Harbor Goods"),
        ("office%40example.com", "office@example.com"),
        ("M%C3%BCller%2C%20Son", "M\u00fcller, Son"),
        ("Kestrel &amp; Sons", "Kestrel & Sons"),
        ("O&#39;Neil &quot;Bo&quot; &#x26; Co", 'O\'Neil "Bo" & Co'),
        ("A &amp;amp; B", "A & B"),
        ("Caf&eacute;", "Caf\u00e9"),
        ("<b>Alder</b> Supply<br>West", "Alder Supply\nWest"),
        ("<p class='x'>9 Dock St</p>", "9 Dock St"),
        ("&lt;b&gt;Alder&lt;/b&gt;", "Alder"),
        ("4 Pier Rd_x000D_\nSuite 5_x000d_", "4 Pier Rd\nSuite 5"),
        ("4 Pier Rd_x000D__x000A_Suite_x0009_5", "4 Pier Rd\nSuite 5"),
        ("%D0%9C%D0%B8%D1%80", "\u041c\u0438\u0440"),
        ('<a href="mailto:office@example.com">office@example.com</a>', "office@example.com"),
    ],
)
def test_encoded_text_is_decoded(text: str, plain: str) -> None:
    result = decode(pa.array([text]))
    assert (result.values.to_pylist(), result.findings) == ([plain], ())


@pytest.mark.parametrize(
    "text",
    ["AT&T", "R&D; Sons", "5 < 6 > 4", "Dana <dana@example.com>", "100% Wool", "<b@example.com>", "Smith&ltd",
     "https://example.com/a%20b", "&unknown;", r"\n", r"\\server\North", "A_x0041_", "[Closed] Harbor",
     "{Harbor}"],
)  # fmt: skip
def test_text_that_is_not_encoded_is_kept(text: str) -> None:
    result = decode(pa.array([text]))
    assert (result.values.to_pylist(), result.findings) == ([text], ())


@pytest.mark.parametrize(
    "text",
    [
        "50%20 off",
        "Harbor%20Goods West",
        "A &amp B",
        "50%20",
        "5%C2%B0 Ave",
        "a%20%FFb",
        r"Caf\u00e9",
        "Caf=C3=A9",
        r"4 Pier Rd\nSuite 5",
        r"4 Pier Rd\r\nSuite 5",
        "4 Pier Rd%0ASuite 5",
        "{'name': 'Harbor'}",
        '{"street": "4 Pier Rd"}',
        "['Harbor']",
        '[{"a": 1}]',
        "<![CDATA[Harbor]]>",
        "Harbor<label>Goods</label>",
    ],
)
def test_possibly_encoded_text_is_kept_with_a_warning(text: str) -> None:
    result = decode(pa.array([text]))
    assert result.values.to_pylist() == [text]
    assert [(finding.code, finding.severity) for finding in result.findings] == [("text_encoded", Severity.WARNING)]


def test_encoded_company_note_and_key_are_decoded() -> None:
    mapping = f"{BASE}  attributes: {{Note: Note}}\n"
    made = apply(mapping, "Id|Name|Note\nA&amp;B|<b>Alder</b> &amp; Co<br>West|<b>x</b> &amp; y")
    assert records(made) == [
        {"reference_id": "A&amp;B", "company_name": "Alder & Co West", "attributes.Note": "<b>x</b> & y"}
    ]
    assert list(made.tables.changes["code"]) == ["text_decoded", "text_decoded", "text_tidied"]
    assert problems(made) == []


def test_as_text_leaves_encoded_text_alone() -> None:
    assert column(field("{from: Name, as: text}", "Id|Name\n1|A &amp; B"), "display_name") == ["A &amp; B"]


def test_encoded_lines_of_a_packed_address_are_decoded() -> None:
    mapping = "title: T\nkey: Id\ncustomer: {company_name: Id}\naddresses: [{type: {constant: billing}, packed: Bill}]"
    made = apply(mapping, "Id|Bill\n1|4 O&#39;Neil Rd<br>Austin, TX 78701<br/>USA")
    (one,) = records(made, "address")
    assert (one["address_line_1"], one["city"], one["zip_code"]) == ("4 O'Neil Rd", "Austin", "78701")
