"""Encodings that are recognized by words, or must be specified."""

# ruff: noqa: RUF001
import json
from pathlib import Path

import pytest

from importer.errors import SourceError, UsageError
from importer.loader.text.encoding_guess import LANGUAGES
from tests.loader.support import options, table, write

ROWS = {
    "tr": ["Şahin İnşaat A.Ş.,Çiğdem Sokağı 5,İstanbul", "Yıldız Ticaret,Güneş Cad. 12,İzmir", "Öztürk,Ağaç 3,Muğla"],
    "pl": ["Wójcik i Synowie,ul. Długa 5,Łódź", "Żółw Sp. z o.o.,Świętokrzyska 3,Kraków"],
    "cs": ["Dvořák a syn,Náměstí Míru 5,Přerov", "Černý s.r.o.,Žižkova 3,Plzeň"],
    "hu": ["Kovács Kft,Fő utca 5,Győr", "Szűcs Bt.,Petőfi út 3,Pécs"],
    "fr": ["Café des Amis,3 rue de l'Église,Orléans", "Château Noël,Bd Général,Besançon"],
    "de": ["Müller GmbH,Hauptstraße 5,Köln", "Bäcker AG,Größe 3,Zürich"],
    "es": ["Muñoz e Hijos,Calle Núñez 5,León", "Peña SA,Av. Constitución,México"],
    "sv": ["Åkesson AB,Storgatan 5,Malmö", "Ljungqvist,Västra vägen,Göteborg"],
    "da": ["Sørensen A/S,Nørregade 5,København", "Æblegård,Søndergade,Århus"],
    "is": ["Þórður ehf,Laugavegur 5,Reykjavík", "Guðmundsson,Aðalstræti,Ísafjörður"],
    "ru": ["Ромашка ООО,ул. Ленина 5,Москва", "Северный ветер,Невский проспект,Тула"],
    "el": ["Παπαδόπουλος ΑΕ,Οδός Ερμού 5,Αθήνα", "Γεωργίου,Εγνατία,Θεσσαλονίκη"],
    "lt": ["Žalgirio UAB,Gedimino pr. 5,Šiauliai", "Vėjas,Laisvės al.,Panevėžys"],
    "lv": ["Bērziņš SIA,Brīvības iela 5,Rīga", "Kalniņš,Krišjāņa,Jūrmala"],
    "et": ["Põder OÜ,Pärnu mnt 5,Tartu", "Mägi,Võru,Jõhvi"],
    "he": ["שלום בעמ,רחוב הרצל 5,תל אביב", "כהן,יפו,ירושלים"],
    "ar": ["شركة النور,شارع الملك,الرياض", "محمد,المدينة,جدة"],
    "th": ["บริษัท สยาม,ถนนสุขุมวิท,กรุงเทพ"],
    "zh": ["北京京东贸易有限公司,朝阳区建国路1号,北京", "上海食品,浦东新区2号,上海", "广州电子,天河区3号,广州"],
    "tw": ["台北貿易股份有限公司,中山北路一段5號,台北市", "高雄食品,中正路3號,高雄市"],
    "ja": ["東京商事株式会社,千代田区丸の内1-2,東京都", "大阪フーズ,北区梅田3-1,大阪市"],
    "ko": ["서울무역 주식회사,강남구 테헤란로 5,서울", "부산식품,해운대구,부산"],
    "czech": ["Šťastný,Žitná 5,Třebíč", "Dvořák s.r.o.,Příčná 3,Plzeň"],
    "signs": ["O\u2019Hara\u2019s \u2013 \u201cBest\u201d Co®,x,y"],
    "nbsp": ["Acme\u00a0Ltd,x,y"],
    "degree": ["Suite 5°,£20,x"],
}  # fmt: skip
TOLD = {
    "tr": "cp1254 iso8859-9 cp857", "pl": "cp1250 iso8859-2 cp852", "cs": "cp1250 iso8859-2 cp852",
    "hu": "cp1250 cp852", "czech": "iso8859-2",
    "fr": "cp1252 iso8859-15 iso8859-1 cp850 cp437 mac-roman", "de": "cp1252 iso8859-15 cp850 cp437 mac-roman",
    "es": "cp1252 iso8859-1 cp850 mac-roman", "sv": "cp1252 cp850 mac-roman", "da": "cp1252 cp850 mac-roman",
    "is": "cp1252", "ru": "cp1251 koi8-r cp866 iso8859-5 mac-cyrillic", "el": "cp1253 iso8859-7",
    "lt": "cp1257 iso8859-13",
    "lv": "cp1257", "et": "cp1257 cp1252", "he": "cp1255 iso8859-8", "ar": "cp1256", "th": "cp874", "zh": "gbk gb18030",
    "tw": "big5", "ja": "cp932 euc_jp iso2022_jp", "ko": "cp949 euc_kr iso2022_kr",
    "signs": "cp1252 mac-roman", "nbsp": "cp1252",
    "degree": "cp1252 cp850",
}  # fmt: skip
HEADER = "Name,Street,City,Country\n"


def _lines(rows: list[str], country: str = "") -> str:
    return HEADER + "".join(f"{row},{country}\n" for row in rows)


@pytest.mark.parametrize(("name", "encoding"), [(name, each) for name, all_ in TOLD.items() for each in all_.split()])
def test_words_determine_the_encoding(tmp_path: Path, name: str, encoding: str) -> None:
    text = _lines(ROWS[name])
    read = table(write(tmp_path / "a.csv", text, encoding), options("Name", "Street", "City"))
    assert [",".join(row) + "," for row in read.frame[["Name", "Street", "City"]].to_numpy().tolist()] == [
        f"{row}," for row in ROWS[name]
    ]


@pytest.mark.parametrize("country", ["TR", "Turkey", "TUR", "Türkiye"])
def test_country_in_the_rows_helps_determine_the_encoding(tmp_path: Path, country: str) -> None:
    row = "Yıldız,Cad. 5,Ankara"
    with pytest.raises(SourceError, match="the encoding is not clear"):
        table(write(tmp_path / "a.csv", _lines([row]), "cp1254"))
    assert table(write(tmp_path / "a.csv", _lines([row], country), "cp1254")).frame.at[0, "Name"] == "Yıldız"


@pytest.mark.parametrize(
    ("row", "encoding"),
    [("Muñoz,x,y", "mac-roman"), ("Müller,x,y", "cp850"), ("Ondřej,x,y", "cp1250"), ("Pączek,x,y", "iso8859-10")],
)
def test_unclear_encoding_is_an_error_with_a_row_in_each_encoding(tmp_path: Path, row: str, encoding: str) -> None:
    path = write(tmp_path / "a.csv", _lines([row]), encoding)
    with pytest.raises(SourceError, match=r"a\.csv: the encoding is not clear") as caught:
        table(path)
    shown = caught.value.hint.splitlines()[1:]
    assert len(shown) > 1
    assert all(line.startswith("  --encoding ") for line in shown)
    assert table(path, options(encoding=encoding)).frame.at[0, "Name"] == row.partition(",")[0]


def test_utf_7_is_read_and_plain_plus_signs_are_not_mistaken_for_it(tmp_path: Path) -> None:
    rows = ["Müller – Söhne,R+D-Dept,+49-30", "A+Overseas-B,+494-1,1+1-2"]
    read = table(write(tmp_path / "a.csv", _lines(rows[:1]), "utf-7"), options("Name", "Street", "City"))
    assert read.frame[["Name", "Street", "City"]].to_numpy().tolist() == [rows[0].split(",")]
    plain = table(write(tmp_path / "b.csv", _lines(rows[1:]), "ascii"), options("Name", "Street", "City"))
    assert plain.frame["Name"].tolist() == ["A+Overseas-B"]


def test_bytes_of_no_language_are_an_error(tmp_path: Path) -> None:
    noise = bytes((number * 89 + number // 7) % 128 + 128 for number in range(400))
    with pytest.raises(SourceError):
        table(write(tmp_path / "a.csv", HEADER.encode() + noise + b",x,y,\n"))
    with pytest.raises(SourceError, match="the encoding is not clear"):
        table(write(tmp_path / "b.csv", b"Name\n\xff\xfe\n"))  # in some encodings, these bytes are no characters


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-16", "utf-8-sig", "utf-8"])
@pytest.mark.parametrize("name", ["zh", "ru", "ja", "fr"])
def test_unicode_encodings_are_always_certain(tmp_path: Path, encoding: str, name: str) -> None:
    read = table(write(tmp_path / "a.csv", _lines(ROWS[name]), encoding))
    assert read.frame["Name"].tolist() == [row.split(",")[0] for row in ROWS[name]]


@pytest.mark.parametrize("encoding", ["undefined", "idna", "punycode", "unicode_escape", "base64", "x\0y", ""])
def test_codecs_that_are_not_text_encodings_are_refused(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(UsageError, match="is not an encoding"):
        table(write(tmp_path / "a.csv", HEADER + "A,b,c,\n"), options(encoding=encoding))


def test_each_language_has_letter_pairs() -> None:
    path = Path(__file__).parents[2] / "importer/loader/text/letter_pairs.json"
    assert json.loads(path.read_text(encoding="utf-8")).keys() == LANGUAGES.keys()
