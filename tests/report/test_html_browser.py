"""``report.html`` in a real browser: it works from a file, with mouse and keyboard, in light and dark mode."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.workflow.desk import make_desk

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: the report was not opened")
QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--no-first-run", "--disable-quic"),
)
COUNT = 120


@dataclass
class Opened:
    """A page, with its requests and console messages."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    @property
    def ids(self) -> list[str]:
        return self.page.locator("#table tbody th button").all_inner_texts()

    def finds(self, count: int) -> None:
        expect(self.page.locator("#found")).to_have_text(f"{count} of {COUNT} customers")

    def search(self, text: str) -> None:
        self.page.get_by_label("Search by ID, name, cell, or message").fill(text)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a check: every tenth phone is wrong, one name contains HTML, and one has lost a letter."""
    desk = make_desk(tmp_path_factory.mktemp("report"))
    words = desk.small(COUNT)
    path = desk.path / "small.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    for number in range(10, COUNT, 10):
        lines[number] = lines[number].replace("+1415555", "+1 415 5")
    lines[7] = lines[7].replace("Company 6", "<img src=x onerror=alert(1)>")
    lines[8] = lines[8].replace("Company 7", "Caf\ufffd")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    said = desk.do("check", *words, "--json")
    return said.folder / "report.html"


@contextmanager
def opening(browser: Browser, report: Path, width: int) -> Iterator[Opened]:
    """The page in a window of this width; it must not request or log anything."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme="light")
    page = context.new_page()
    seen = Opened(page)
    page.on("request", lambda request: seen.requests.append(request.url))
    page.on("console", lambda message: seen.complaints.append(message.text))
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    page.goto(report.as_uri())
    yield seen
    assert [url for url in seen.requests if not url.startswith(("file:", "data:"))] == []
    assert seen.complaints == []
    context.close()


@pytest.fixture
def opened(browser: Browser, report: Path) -> Iterator[Opened]:
    with opening(browser, report, 1280) as seen:
        yield seen


def test_title_and_totals_are_visible_first(opened: Opened) -> None:
    page = opened.page
    assert page.locator("h1").inner_text() == f"Not ready to import yet: 11 of {COUNT} customers are rejected"
    whole, *parts = page.locator(".sum").first.locator("dd").all_inner_texts()
    assert int(whole) == sum(map(int, parts)) == COUNT
    assert page.locator("h1").bounding_box()["y"] < 200


def test_search_finds_ids_names_and_cells(opened: Opened) -> None:
    assert len(opened.ids) == 50
    opened.search("C17")
    opened.finds(1)
    assert opened.ids == ["C17"]
    opened.search("Company c11 EXAMPLE.com")
    opened.finds(11)
    assert sorted(opened.ids) == sorted(["C11", *(f"C11{n}" for n in range(10))])
    opened.search("nothing like it")
    opened.finds(0)
    assert opened.ids == []


def test_headings_sort_and_announce_it(opened: Opened) -> None:
    page = opened.page
    head = page.locator("#table thead th").first
    assert opened.ids[0] == "C9"  # customers with errors come first
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert opened.ids[:3] == ["C0", "C1", "C2"]
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    assert opened.ids[0] == f"C{COUNT - 1}"


def test_customer_expands_to_its_rows_and_body(opened: Opened) -> None:
    page = opened.page
    opened.search("C6 img")
    opened.finds(1)
    page.locator("#table tbody button").first.click()
    detail = page.locator("tr.detail")
    body = json.loads(detail.locator("pre").inner_text())
    assert body["company_name"] == "<img src=x onerror=alert(1)>"
    assert "small.csv, row 8" in detail.inner_text()
    assert page.locator("img").count() == 0


def test_wrong_cell_is_marked_and_explained(opened: Opened) -> None:
    page = opened.page
    page.locator("details.code").first.locator("button").click()
    assert page.locator("#code").input_value() == "invalid_phone"
    assert len(opened.ids) == 11
    page.locator("#table tbody button").first.click()
    detail = page.locator("tr.detail")
    assert detail.locator("tr.marked th").all_inner_texts() == ["Phone"]
    assert "Nothing is sent" in detail.inner_text()


def test_everything_works_by_keyboard(opened: Opened) -> None:
    page = opened.page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.locator("#table thead button").first.focus()
    page.keyboard.press("Enter")
    assert page.locator("#table thead th").first.get_attribute("aria-sort") == "ascending"
    page.locator("#table tbody button").first.focus()
    page.keyboard.press("Space")
    assert page.locator("#table tbody button").first.get_attribute("aria-expanded") == "true"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.locator("details.code summary").first.focus()
    page.keyboard.press("Enter")
    assert page.locator("details.code").first.get_attribute("open") is None


def test_page_is_accessible_to_screen_readers(opened: Opened) -> None:
    page = opened.page
    for role, count in (("main", 1), ("banner", 1), ("navigation", 1), ("contentinfo", 1), ("search", 1)):
        assert page.get_by_role(role).count() == count
    levels = page.eval_on_selector_all("h1, h2, h3", "all => all.map(one => Number(one.tagName[1]))")
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert page.locator("table:not(.cells):not(:has(caption))").count() == 0
    assert page.locator("thead th:not([scope])").count() == 0
    assert page.locator("svg:not([aria-hidden]):not([aria-label])").count() == 0
    nameless = "all => all.filter(one => !one.labels?.length && !one.textContent.trim()).length"
    assert page.eval_on_selector_all("input, select, button", nameless) == 0


def luminance(color: str) -> float:
    parts = [float(part) / 255 for part in color[color.index("(") + 1 : -1].split(",")[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


CONTRAST = """all => all
  .filter(one => one.checkVisibility() && [...one.childNodes].some(n => n.nodeType === 3 && n.data.trim()))
  .map(one => {
    let under = one;
    while (under && getComputedStyle(under).backgroundColor === 'rgba(0, 0, 0, 0)') under = under.parentElement;
    return [getComputedStyle(one).color, getComputedStyle(under ?? document.body).backgroundColor, one.textContent];
  })"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_enough_contrast_in_light_and_dark(opened: Opened, scheme: Any) -> None:
    page = opened.page
    page.emulate_media(color_scheme=scheme)
    page.locator("#table tbody button").first.click()
    dark = luminance(page.evaluate("getComputedStyle(document.body).backgroundColor")) < 0.2
    assert dark == (scheme == "dark")
    for ink, paper, text in page.eval_on_selector_all("body *:not(option, script, noscript, noscript *)", CONTRAST):
        bright, dim = sorted((luminance(ink), luminance(paper)), reverse=True)
        assert (bright + 0.05) / (dim + 0.05) >= 4.5, (text, ink, paper)


def test_page_fits_a_phone_and_prints(opened: Opened) -> None:
    page = opened.page
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.emulate_media(media="print")
    assert not page.locator("form.controls").is_visible()
    assert page.locator("h1").is_visible()
    assert page.pdf()[:5] == b"%PDF-"
