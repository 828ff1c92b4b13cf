"""Where the header is, and which rows are not data."""

from pathlib import Path

import pytest

from importer.errors import SourceError
from importer.loader import LoadOptions
from importer.loader.non_data_rows import is_footer, is_total
from tests.loader.support import cells, options, problems, skipped, sources, table, write


def test_header_below_title_rows_is_found_by_the_mapping_columns(tmp_path: Path) -> None:
    text = '"Acme, Inc",,\nCustomer Contact List,Name\n\n*Customer Full Name ,PHONE (Req),E-mail\nA,1,a@example.com\n'
    read = table(write(tmp_path / "a.csv", text), options("customer full name", "Phone"))
    assert cells(read) == [["*Customer Full Name", "PHONE (Req)", "E-mail"], ["A", "1", "a@example.com"]]
    assert skipped(read) == [(1, "title"), (2, "title"), (3, "blank"), (4, "header")]
    assert read.details["header_row"] == 4


@pytest.mark.parametrize("hints", [(), ("Nothing", "Like It")])
def test_header_is_found_by_its_appearance_if_the_mapping_does_not_help(tmp_path: Path, hints: tuple[str, ...]) -> None:
    text = "Acme Inc\nAs of 03/05/2024\n,,\nId,Name,City\n1,A,X\n2,B,Y\n3,,Z\n"
    read = table(write(tmp_path / "a.csv", text), options(*hints))
    assert skipped(read) == [(1, "title"), (2, "title"), (3, "blank"), (4, "header")]
    assert list(read.frame.columns) == ["Id", "Name", "City"]


def test_header_may_be_below_many_notes(tmp_path: Path) -> None:
    notes = "".join(f"Note {number} on this list\n" for number in range(20))
    read = table(write(tmp_path / "a.csv", f"{notes}\nId,Name,City\n1,A,X\n2,B,Y\n"))
    assert read.details["header_row"] == 22


def test_letters_of_the_columns_are_not_the_header(tmp_path: Path) -> None:
    read = table(write(tmp_path / "a.csv", "A,B,C\nId,Name,City\n1,Acme,X\n2,Beta,Y\n"))
    assert list(read.frame.columns) == ["Id", "Name", "City"]


def test_single_match_in_a_title_is_not_a_header(tmp_path: Path) -> None:
    text = "Customer,,\nNo.,Firm,Town\n1,A,X\n2,B,Y\n"
    read = table(write(tmp_path / "a.csv", text), options("Customer", "Name", "Street"))
    assert list(read.frame.columns) == ["No.", "Firm", "Town"]


def test_best_match_over_all_tables_of_the_mapping_is_the_header(tmp_path: Path) -> None:
    using = LoadOptions(columns=(frozenset({"Id", "Name"}), frozenset({"ParentKey", "Street", "Zip"})))
    read = table(write(tmp_path / "a.csv", "Id,Name,x\nParentKey,Street,Zip\n1,2,3\n"), using)
    assert read.details["header_row"] == 2


LABELS = "CardCode,CardName,Phone1,E_Mail,CardType\nBP Code,BP Name,Telephone 1,E-Mail,BP Type\n"
DATA = "C1,Acme,555-0101,a@example.com,cCustomer\n"


@pytest.mark.parametrize("hints", [("CardCode", "CardName", "E_Mail"), ("BP Code", "BP Name", "E-Mail")])
def test_second_header_row_above_or_below_is_skipped(tmp_path: Path, hints: tuple[str, ...]) -> None:
    read = table(write(tmp_path / "a.csv", LABELS + DATA), options(*hints, two_headers=True))
    assert skipped(read) == [(1, "header"), (2, "header")]
    assert cells(read)[1:] == [DATA.strip().split(",")]
    assert hints[0] in read.frame.columns


def test_second_header_row_in_another_language_is_skipped(tmp_path: Path) -> None:
    text = "CardCode,CardName,ZipCode,City\nNummer,Firma,Postleitzahl,Ort\nC1,Acme,10115,Berlin\nC2,Beta,80331,Ulm\n"
    read = table(write(tmp_path / "a.csv", text), options("CardCode", "CardName", two_headers=True))
    assert read.frame["CardCode"].tolist() == ["C1", "C2"]


def test_labels_may_repeat_in_numbered_groups(tmp_path: Path) -> None:
    names = "entityId,companyName,address1_line1,address1_city,address1_zip,address2_line1,address2_city,address2_zip\n"
    labels = "Customer ID,Company Name,Address 1,City,Zip,Address 1,City,Zip\n"
    data = "C1,Acme,4 Pier Rd,Marlow,43000,5 Pier Rd,Marlow,43001\n"
    read = table(write(tmp_path / "a.csv", names + labels + data), options("entityId", "companyName", two_headers=True))
    assert skipped(read) == [(1, "header"), (2, "header")]
    assert cells(read)[1:] == [data.strip().split(",")]


def test_word_repeated_in_other_columns_is_not_a_label(tmp_path: Path) -> None:
    text = "Customer ID,Company,Town,Contact City\nAB,City Company,Marlow,Marlow\nC1,Acme,Ulm,Bern\n"
    read = table(write(tmp_path / "a.csv", text), options("Customer ID", "Company", two_headers=True))
    assert read.frame["Customer ID"].tolist() == ["AB", "C1"]


def test_second_header_row_is_data_unless_the_mapping_says_so(tmp_path: Path) -> None:
    read = table(write(tmp_path / "a.csv", LABELS + DATA), options("CardCode", "CardName", "E_Mail"))
    assert read.frame["CardCode"].tolist() == ["BP Code", "C1"]


@pytest.mark.parametrize(
    "first",
    [
        "C1,Acme,555-0101,a@example.com,cCustomer",
        "ACME,Acme Ltd,,,cCustomer",
        "ACME,Acme Ltd,Main,Street,tYES",
        "ACME,Acme Ltd,Main,Street,bo_BillTo",
        "ACME,Acme Ltd,Paris,France,Retail",
        "ACME,,Paris,,",
    ],
)
def test_first_data_row_is_never_mistaken_for_labels(tmp_path: Path, first: str) -> None:
    text = f"CardCode,CardName,City,Country,Kind\n{first}\nBETA,Beta Ltd,Lyon,France,Retail\n"
    read = table(write(tmp_path / "a.csv", text), options("CardCode", "CardName", two_headers=True))
    assert cells(read)[1] == first.split(",")


def test_header_and_labels_repeated_in_the_data_are_skipped(tmp_path: Path) -> None:
    page = f"{LABELS}{DATA}"
    read = table(write(tmp_path / "a.csv", page * 3), options("CardCode", "CardName", "E_Mail", two_headers=True))
    assert read.row_numbers.tolist() == [3, 6, 9]
    assert skipped(read) == [(row, "header") for row in (1, 2, 4, 5, 7, 8)]


def test_blank_rows_do_not_change_row_numbers(tmp_path: Path) -> None:
    text = "\n\nId,Name\n\n1,A\n , \u00a0\n,\n2,B\n\n\n"
    read = table(write(tmp_path / "a.csv", text))
    assert read.row_numbers.tolist() == [5, 8]
    assert skipped(read) == [(1, "blank"), (2, "blank"), (3, "header"), *((row, "blank") for row in (4, 6, 7, 9, 10))]


def test_totals_and_footers_are_skipped_only_at_the_end(tmp_path: Path) -> None:
    text = (
        "Id,Name,Open Balance\nTotal,,5.00\n 03/05/2024,,\n1,Total Wine & More,7.50\n"
        '\nTotal,,"1,012.50"\nTOTAL Retail,,$5.00\n\n" Tuesday, Mar 05, 2024 10:30:15 AM GMT-8"\nPage 1 of 3,,\n'
    )
    found = sources(write(tmp_path / "a.csv", text))
    (read,) = found.tables
    assert read.row_numbers.tolist() == [2, 3, 4]
    assert skipped(read)[1:] == [
        *((5, "blank"), (6, "total"), (7, "total"), (8, "blank"), (9, "footer"), (10, "footer")),
    ]
    assert problems(found) == [("warning", "row_like_total", "a.csv:2")]


@pytest.mark.parametrize(
    ("rows", "left", "reason", "doubtful"),
    [
        ("1,A,x/Subtotal,1,/2,B,y", ["1", "2"], {"total": [3]}, []),
        ("1,A,x/Zwischensumme,1,/2,B,y", ["1", "2"], {"total": [3]}, []),
        ("1,A,x/,Sous-total :,12.50/2,B,y", ["1", "2"], {"total": [3]}, []),
        ("1,A,x/小计,1,/2,B,y", ["1", "2"], {"total": [3]}, []),
        ("1,A,5/1,A,6/1 Total,2,11/2,B,1/2 Total,1,1/Grand Total,3,12", ["1", "1", "2"], {"total": [4, 6, 7]}, []),
        ("1,A,5/1 Count,1,/2,B,1/2 Count,1,/Grand Count,2,", ["1", "2"], {"total": [3, 5, 6]}, []),
        ("1,A,5/1 Ergebnis,1,/2,B,1/2 Ergebnis,1,/Gesamtergebnis,2,", ["1", "2"], {"total": [3, 5, 6]}, []),
        ("1,A,5/Total 1,1,/2,B,1/Total 2,1,/Total général,2,", ["1", "2"], {"total": [3, 5, 6]}, []),
        ("1,A,x/Grand Total,1,/Private and confidential,,", ["1", "Private and confidential"], {"total": [3]}, []),
        ("1,A,x/Total,1,/*** End of report ***,,", ["1"], {"total": [3], "footer": [4]}, []),
        ("1,A,x/Grand Total,1,/Printed by,Dana,3.3.2025", ["1"], {"total": [3], "footer": [4]}, []),
        ("1,A,x/Erstellt von:,Dana,3.3.2025", ["1"], {"footer": [3]}, []),
        ("1,A,x/(2 rows affected)/Completion time: 2025-03-03T10:00:00.12", ["1"], {"footer": [3, 4]}, []),
        ("1,A,5/1 Total,5,/1 Count,1,/2,B,1", ["1", "2"], {"total": [3, 4]}, []),  # two totals of one group
        ("West,,/1,A,5/Total West,,5/East,,/2,B,1/East Total,,1", ["West", "1", "East", "2"], {"total": [4, 7]}, []),
        ("West,,/1,A,5/Total for West,,5/2,B,1", ["West", "1", "2"], {"total": [4]}, []),
        # These may be customers.
        ("1,A,x/Total,1,/2,B,y", ["1", "Total", "2"], {}, [3]),
        ("1,A,x/Summe,,5/2,B,y", ["1", "Summe", "2"], {}, [3]),
        ("1,A,x/Crystal Total,,5/2,B,y", ["1", "Crystal Total", "2"], {}, [3]),
        ("1,A,x/Total,1,/Private and confidential,,", ["1", "Total", "Private and confidential"], {}, [3]),
        # These are customers.
        ("West,,/1,A,5/Total East,,5/2,B,1", 4, {}, []),
        ("1,A,x/2,Total,Reno/3,Subtotal,Reno/4,B,y", ["1", "2", "3", "4"], {}, []),
        ("Total Wine,,5/Summe GmbH,,5/Subtotal Design,,5/Sum Inc,1,2/4,B,y", 5, {}, []),
        ("1,A,x/Crystal Total,,/2,B,y", ["1", "Crystal Total", "2"], {}, []),  # without an amount
        ("Crystal Total,Reno,5/Total,415-555-0132,/Total,Paris,/4,B,y", 4, {}, []),
    ],
)  # fmt: skip
def test_totals_above_other_rows_are_skipped_or_reported(
    tmp_path: Path, rows: str, left, reason: dict[str, list[int]], doubtful
) -> None:
    found = sources(write(tmp_path / "a.csv", "Id,Name,Note\n" + rows.replace("/", "\n") + "\n"))
    (read,) = found.tables
    assert read.frame["Id"].tolist() == left if isinstance(left, list) else len(read) == left
    assert sorted(skipped(read)[1:]) == sorted((row, why) for why, own in reason.items() for row in own)
    assert problems(found) == [("warning", "row_like_total", f"a.csv:{row}") for row in doubtful]


@pytest.mark.parametrize(
    ("above", "reasons"),
    [
        (["Page 1 of 2,,", "Acme,,", "List for 2024,Page 2,", ""], ["footer", "title", "title", "blank"]),
        (["Acme,,", "List for 2024,Page 2,"], ["title", "title"]),
    ],
)
def test_titles_repeated_on_each_page_are_skipped(tmp_path: Path, above: list[str], reasons: list[str]) -> None:
    page = ["Acme,,", "List for 2024,Page 1,", "Id,Name,Note", "1,A,x", "Acme,,"]
    text = "\n".join([*page, *above, "Id,Name,Note", "2,B,y", ""])
    found = sources(write(tmp_path / "a.csv", text))
    (read,) = found.tables
    assert read.frame["Id"].tolist() == ["1", "Acme", "2"]
    assert [reason for row, reason in skipped(read) if row > 5] == [*reasons, "header"]


@pytest.mark.parametrize(
    "line",
    [
        "---,---,---", "====,========,====", "____,____,____", ":---,:---:,---:", "-----+------+----",
        "+----+-----+----+", ",----,", "- - ---,,", "***,---,***",
    ],
)  # fmt: skip
def test_lines_of_dashes_are_skipped_anywhere(tmp_path: Path, line: str) -> None:
    found = sources(write(tmp_path / "a.csv", f"Id,Name,Note\n{line}\n1,A,x\n{line}\n2,B,y\n{line}\n"))
    (read,) = found.tables
    assert read.frame["Id"].tolist() == ["1", "2"]
    assert skipped(read) == [(1, "header"), (2, "separator"), (4, "separator"), (6, "separator")]
    assert found.problems == ()


@pytest.mark.parametrize("row", ["-,-,-", "--,,", "1,---,---", "+1,-,-", "---,A,", "?,?,?"])
def test_placeholders_are_not_lines_of_dashes(tmp_path: Path, row: str) -> None:
    assert len(table(write(tmp_path / "a.csv", f"Id,Name,Note\n1,A,x\n{row}\n2,B,y\n"))) == 3


@pytest.mark.parametrize(
    "row",
    [
        ["Total"],
        ["TOTALS", "", "12"],
        ["", "Grand Total:", "$1,200.00", "(5.00)"],
        ["Subtotal", "25000", "12.5 %"],
        ["Total Receivables", "", "12.00"],
        ["Total customers", "25"],
        ["Summe", "1.234,50"],
        ["Gesamt", "5"],
        ["Total général", "12"],
        ["Totale", "5"],
        ["Eindtotaal", "5"],
        ["合計", "5"],
        ["Record count", "25"],
        ["Number of customers:", "", "1,025"],
        ["# of records", "25"],
        ["Anzahl der Kunden", "25"],
        ["Nombre de clients", "25"],
        ["Count", "25"],
    ],
)
def test_total_rows_are_recognized(row: list[str]) -> None:
    assert is_total([cell for cell in row if cell])


@pytest.mark.parametrize(
    "row",
    [
        [],
        ["1005", "Total Wine & More"],
        ["Total Wine & More", "Leeds", "7.50"],
        ["Total Wine & More", "02138"],
        ["Total Wine & More", "5550100123"],
        ["Total", "Paris"],
        ["Totally Fresh"],
        ["Totalis Ltd", "12.00"],
        ["Total Wine & More"],
        ["Total Wine & More", "", "7.50"],
        ["Total Energies", "12"],
        ["Count"],
        ["Count", "Dracula Books"],
        ["Records & Tapes", "12"],
    ],
)
def test_other_rows_are_not_totals(row: list[str]) -> None:
    assert not is_total([cell for cell in row if cell])


@pytest.mark.parametrize(
    "text",
    [
        *("05/03/2024", "2024-03-05 10:30", "10:30 AM", "Mar 5, 2024", "5 March 2024", "Tue, 5 Mar 2024 10:30:00"),
        *("Page 1 of 3", "Page 2", "Printed on 5 March", "Generated by the system", "Cash basis", "As of 03/05/2024"),
        *("Accrual Basis Tuesday, March 5, 2024 10:30 AM GMT-08:00", "End of report", "120 records exported"),
        "Tuesday, Mar 05, 2024 10:30:15 AM GMT-8",
        *("Seite 1 von 3", "Page 1 sur 3", "Pagina 1 di 3", "Blad 1 van 3", "Gedruckt am 01.02.2026", "Imprimé le 1/2"),
        *("Stand: 01.02.2026", "2 Datensätze", "3 customers", "Anzahl: 2", "Total clients: 2", "--- Ende ---"),
        *("Record count: 2", "Number of records = 2", "Selected 2 of 2 records", "Generated: 2024-03-05 10:30"),
    ],
)
def test_footer_rows_are_recognized(text: str) -> None:
    assert is_footer([text], 3)
    assert not is_footer([text], 2)
    assert not is_footer([text, "x"], 3)


@pytest.mark.parametrize(
    "text", ["1001", "20240305", "12-34-5678", "March Ltd", "Page & Sons", "May", "Basis AG", "555-0101", "1/2", "12:"]
)
def test_other_rows_are_not_footers(text: str) -> None:
    assert not is_footer([text], 3)


def test_rejected_file_is_read_back(tmp_path: Path) -> None:
    text = "import_errors,Id,Name,'-x\nname is missing,'=1,''+2,'plain\n'-,\"''\n\",'@a,'''-b\nx,''quoted,'\t,=kept\n"
    read = table(write(tmp_path / "a.csv", text))
    assert cells(read) == [
        ["Id", "Name", "-x"],
        ["=1", "'+2", "'plain"],
        ["'\n", "@a", "''-b"],
        ["''quoted", "\t", "=kept"],
    ]


def test_apostrophes_in_other_files_are_kept(tmp_path: Path) -> None:
    read = table(write(tmp_path / "a.csv", "Id,import_errors\n'7210448301122,'=1\n'@x,y\n"))
    assert cells(read) == [["Id", "import_errors"], ["'7210448301122", "'=1"], ["'@x", "y"]]


def test_header_with_spaces_repeated_in_the_data_is_skipped(tmp_path: Path) -> None:
    read = table(write(tmp_path / "a.csv", "Id , Name\n1,A\nId , Name\n2,B\n"))
    assert skipped(read) == [(1, "header"), (3, "header")]


def test_customer_named_total_is_kept_and_reported(tmp_path: Path) -> None:
    text = "Customer,Phone,Balance\nAcme,1,2.00\nTotal Wine & More,,7.50\nTotal Quality,,\n{}"
    for end, reasons in (
        ("", []),
        ('TOTAL,,"9.50"\n', [(5, "total")]),
        ("\n03/05/2024\n", [(5, "blank"), (6, "footer")]),
    ):
        found = sources(write(tmp_path / "a.csv", text.format(end)))
        (read,) = found.tables
        assert read.frame["Customer"].tolist() == ["Acme", "Total Wine & More", "Total Quality"]
        assert skipped(read)[1:] == reasons
        assert problems(found) == [("warning", "row_like_total", f"a.csv:{row}") for row in (3, 4)]


INSTRUCTIONS = "Required. Unique ID,Max 83 characters,Free-Form Text,Yes/No,Optional\n"


def test_instruction_rows_below_header_and_labels_are_skipped(tmp_path: Path) -> None:
    head = "entityId,companyName,email,isPerson,phone\n"
    labels = "Customer ID,Company Name,E-mail,Is Person,Phone\n"
    rows = "C1,Acme,a@example.com,No,555-0101\nC2,Beta,b@example.com,Yes,555-0102\n"
    using = options("entityId", "companyName", "email", two_headers=True)
    read = table(write(tmp_path / "a.csv", head + labels + INSTRUCTIONS + rows), using)
    assert skipped(read) == [(1, "header"), (2, "header"), (3, "instructions")]
    assert read.frame["entityId"].tolist() == ["C1", "C2"]
    bare = table(write(tmp_path / "a.csv", head + INSTRUCTIONS + rows), options("entityId", "companyName"))
    assert skipped(bare) == [(1, "header"), (2, "instructions")]


@pytest.mark.parametrize(
    "row",
    [
        "C1,Required,Optional,Yes,x",
        "Number One Ltd,Text & Co,Leeds,,",
        "Enter the Dragon,Example Ltd,York,Yes/No,",
        "Format Ltd,List Bros,Leeds,Ohio,US",
    ],
)
def test_customer_directly_below_the_header_is_not_an_instruction(tmp_path: Path, row: str) -> None:
    read = table(write(tmp_path / "a.csv", f"Id,Name,City,State,Country\n{row}\nC2,Beta,Ulm,BW,DE\n"))
    assert len(read.frame) == 2


@pytest.mark.parametrize(
    "header",
    ["Country;id;hello;yes;no;flag", "Country;id;hello;No;Y;flag", "Country;id;true;false;x;y", "No;id;a;b;c;d"],
)
def test_column_may_be_named_yes_or_no(tmp_path: Path, header: str) -> None:
    text = f"{header}\nSpain;esp;hola;si;no gracias;a.png\nItaly;ita;ciao;si;no grazie;b.png\n"
    read = table(write(tmp_path / "a.csv", text))
    assert list(read.frame.columns) == header.split(";")
    assert len(read) == 2


def test_year_columns_do_not_make_a_title_the_header(tmp_path: Path) -> None:
    read = table(write(tmp_path / "a.csv", "Sales\n\nName,City,2023,2024\nAcme,Marlow,100,120\nBeta,York,90,95\n"))
    assert list(read.frame.columns) == ["Name", "City", "2023", "2024"]


@pytest.mark.parametrize(
    "again",
    [
        "\ufeffCode,Customer",
        "CODE,customer",
        "'Code','Customer'",
        '"Code","Customer"',
        ' "Code", Customer ',
        "Code,Customer\u200b",
        "Code,\xa0CUSTOMER*",
    ],
)
def test_repeated_header_is_skipped_anywhere(tmp_path: Path, again: str) -> None:
    read = table(write(tmp_path / "a.csv", f"\ufeffCode,Customer\n0017,Harbor\n{again}\n0018,Kestrel\n"))
    assert read.frame["Code"].tolist() == ["0017", "0018"]
    assert skipped(read) == [(1, "header"), (3, "header")]


def test_one_word_in_different_case_is_a_name(tmp_path: Path) -> None:
    read = table(write(tmp_path / "a.csv", "Customer\nHarbor\nCUSTOMER\nCustomer\n"))
    assert read.frame["Customer"].tolist() == ["Harbor", "CUSTOMER"]


@pytest.mark.parametrize("name", ["Note", "Column 7", "Note#2"])
def test_thousands_of_columns_with_one_name_are_read(tmp_path: Path, name: str) -> None:
    names = ["Id", *[name] * 5000]
    read = table(write(tmp_path / "a.csv", ",".join(names) + "\n" + ",".join(map(str, range(5001))) + "\n"))
    assert len(set(read.frame.columns)) == 5001
    assert read.frame.iloc[0].tolist() == list(map(str, range(5001)))


def test_too_many_columns_are_refused(tmp_path: Path) -> None:
    header = ",".join(f"Column {number}" for number in range(6001))
    with pytest.raises(SourceError, match=r"a\.csv:1: the header has 6,001 columns; at most 6,000 are read"):
        table(write(tmp_path / "a.csv", f"{header}\n1\n"))


@pytest.mark.parametrize("row", ["(text),(text),(USD)", "[Required],[Optional],", "<text>,<numeric>,<email>"])
def test_instructions_may_be_in_brackets(tmp_path: Path, row: str) -> None:
    read = table(write(tmp_path / "a.csv", f"Id,Name,Limit\n{row}\n1,Acme,5\n"))
    assert skipped(read) == [(1, "header"), (2, "instructions")]
