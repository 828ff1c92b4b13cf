"""``report.html`` for the data's owner, in a real browser: what is wrong, what to do, and whom to reply to."""

import re
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest
from playwright.sync_api import Browser, Page

import importer
from importer.catalogue import CODES
from importer.records import Severity
from importer.report.plain_words import is_plain, owner_fix, owner_title
from tests.report.test_html_browser import CHROMIUM, browser, opening
from tests.workflow.desk import make_desk

__all__ = ["browser"]
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: the report was not opened")
CONTACT = "Dana Reyes, dana@example.com"
MAPPING = """\
title: Owner
key: Id
customer:
  company_name: Name
  phone: Phone
  payment_term: {from: Terms, values: {N30: Net 30}}
addresses:
  - type: {constant: billing}
    optional: true
    address_line_1: Street
    city: Town
    zip_code: Zip
    country: Country
  - {type: {constant: shipping}, packed: Ship to}
"""
ROWS = """\
Id,Name,Phone,Terms,Street,Town,Zip,Country,Ship to,Fax number of the whole department
1,Harbor Goods,+14155550100,N30,1 Main St,Austin,78701,US,"2 Pier Rd, Austin, TX 78701",none
2,Kestrel & Sons,ask Kim,N30,,,,,,
3,,+14155550101,Net 60,,,,,over there,+14155550199
4,A<b>,+14155550102,N30,5 A St,Austin,99999999,Narnia,,
"""
# Cells of an earlier list that were corrected: one is still wrong in the new list, the other has changed since.
EARLIER = ROWS.replace("Goods,+14155550100", "Goods,555").replace("A<b>", "")
CORRECTED = [("list.csv", 2, "Phone", "+14155550100"), ("list.csv", 5, "Name", "Abel")]
NOT_FOR_OWNERS = re.compile(
    r"\w_\w|--\w|JSON|YAML|\bAPI\b|exit code|importer (?:run|check|plan)|\bmapping\b|errors\.csv", re.IGNORECASE
)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    desk = make_desk(tmp_path_factory.mktemp("owner"))
    desk.write("list.csv", EARLIER)
    desk.write("list.yaml", MAPPING)
    words = ("check", "list.csv", "-m", "list.yaml", "--country", "US", "--json")
    importer.correct_cells(desk.do(*words).folder, CORRECTED, desk.path / "corrections.csv")
    desk.write("list.csv", ROWS.replace("Goods,+14155550100", "Goods,555"))
    said = desk.do(*words, "--corrections", "corrections.csv")
    again = desk.do("report", said.summary["run_id"], "--for", "owner", "--contact", CONTACT, "--json")
    assert again.code == 1
    return said.folder / "report.html"


@pytest.fixture(params=[390, 1280])
def page(request: pytest.FixtureRequest, browser: Browser, report: Path) -> Iterator[Page]:
    with opening(browser, report, request.param) as seen:
        yield seen.page


def test_page_says_what_to_fix_and_who_to_contact(page: Page) -> None:
    assert page.locator("h1").inner_text() == f"Fix these 4 cells and send the workbook back to {CONTACT}"
    assert "Phone: Not a phone number (1)" in page.locator("header li").all_inner_texts()
    steps = page.locator("ol.steps li").all_inner_texts()
    assert "rejected.xlsx" in steps[0]
    assert CONTACT in steps[-1]
    wrong = page.locator("#wrong").inner_text()
    assert "Phone: Not a phone number" in wrong
    assert "ask Kim" in wrong
    assert "Ship to: The address could not be split into its parts" in wrong
    assert "blue cells" in wrong
    assert page.locator("main > section").first.get_attribute("id") == "columns"


def test_columns_have_everyday_names(page: Page) -> None:
    lines = {row.locator("th").inner_text(): row.inner_text() for row in page.locator("#columns tbody tr").all()}
    lines = {name.rpartition(": ")[2]: text for name, text in lines.items()}
    assert "Address: ZIP/postal code" in lines["Zip"]
    assert "Address (all of it)" in lines["Ship to"]
    assert "78701" in lines["Zip"]
    assert "Not used" in lines["Fax number of the whole department"]


def test_values_and_corrections_are_listed(page: Page) -> None:
    values = page.locator("#values").inner_text()
    assert "N30" in values
    assert "Net 30" in values
    corrections = page.locator("#corrections").inner_text()
    assert "+14155550100" in corrections
    assert "not applied: the row has changed" in corrections


def test_customers_are_shown_as_they_will_be(page: Page) -> None:
    page.locator("#table tbody button", has_text="1").first.click()
    detail = page.locator("tr.detail").inner_text()
    assert "Shipping address (default)" in detail
    assert re.search(r"ZIP/postal code\s+78701", detail)


def test_workbook_notes_are_in_plain_language(report: Path) -> None:
    book = openpyxl.load_workbook(report.parent / "rejected.xlsx")
    notes = [cell.comment.text for row in book["list"] for cell in row if cell.comment]
    assert len(notes) == 4
    assert [note for note in notes if NOT_FOR_OWNERS.search(note)] == []
    assert any(CONTACT in str(cell.value) for row in book["How to fix"] for cell in row)
    guide = [[cell.value or "" for cell in row] for row in book["How to fix"]]
    head = next(place for place, row in enumerate(guide) if row[0] == "What is wrong")
    kinds = [" ".join(map(str, row)) for row in guide[head + 1 :]]
    reasons = [str(row[0].value) for row in book["list"]][1:]
    assert kinds
    assert reasons
    assert [text for text in (*kinds, *reasons) if NOT_FOR_OWNERS.search(text)] == []


def test_nothing_is_technical_or_cut_off(page: Page) -> None:
    for button in page.locator("#table tbody button").all():
        button.click()
    text = page.locator("body").inner_text()
    assert NOT_FOR_OWNERS.findall(text) == []
    assert page.locator("code, pre").count() == 0
    width = page.viewport_size["width"]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    cut = page.evaluate(
        """[...document.querySelectorAll('main *, header *')].filter((one) => {
            const box = one.getBoundingClientRect(), style = getComputedStyle(one);
            if (one.closest('.hidden, thead') || !box.width || !one.textContent.trim()) return false;
            const hides = style.overflowX !== 'visible' && one.scrollWidth > one.clientWidth + 1;
            return box.left < -1 || box.right > innerWidth + 1 || hides;
        }).map((one) => one.outerHTML.slice(0, 100))"""
    )
    assert cut == []


def test_every_problem_has_plain_text_for_the_owner() -> None:
    about_rows = [code.name for code in CODES.values() if code.severity is not Severity.INFO]
    technical = [name for name in about_rows if not is_plain(owner_title(name)) or not is_plain(owner_fix(name))]
    assert technical == []
