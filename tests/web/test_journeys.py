"""Whole journeys in a real browser: from a dropped file to customers in the sandbox."""

import io
import re
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from importer.sandbox import SandboxConfig
from tests.running_sandbox import RunningSandbox, running
from tests.web.conftest import ROOT, Served, needs_chromium, serving

pytestmark = needs_chromium
expect.set_options(timeout=60_000)
KEY = "page-secret-1f2e3d4c5b"
EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with running(SandboxConfig(keys=(KEY,))) as found:
        yield found


def wide_list(folder: Path) -> Path:
    """A list with suppliers, an unknown column, and HTML in a cell, a header, and the file name."""
    path = folder / "<b>list</b>.csv".replace("/", "")
    lines = [f"Customer No,Company Name,Street,City,ZIP,Country,Phone,Kind,Zebra,Terms,{EVIL}"]
    for n in range(1, 31):
        kind, name = ("Vendor" if n % 10 == 0 else "Client"), (EVIL if n == 3 else f"Firm {n} Ltd")
        phone = "ask Kim" if n == 5 else f"+1 415 555 01{n:02}"
        lines.append(f"W{n:03},{name},{n} High St,Boston,02101,US,{phone},{kind},plum,N30,{EVIL}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def title_workbook(folder: Path) -> Path:
    """A workbook with titles above the header, a total below the rows, and one row per address."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Kunden & Co"
    sheet.append(["Customer list"])
    sheet.append(["as of 2024-03-05"])
    sheet.append(["Account", "Name", "Address type", "Street", "Town", "Post code", "Country"])
    for n in range(1, 13):
        for kind in ("Billing", "Shipping"):
            sheet.append([f"X{n:03}", f"Shop {n} Inc", kind, f"{n} {kind} Road", "Leeds", "LS1 4AP", "GB"])
    book.save(folder / "shops.xlsx")
    return folder / "shops.xlsx"


class Desk:
    """A user of the page."""

    def __init__(self, page: Page, served: Served) -> None:
        self.page = page
        self.served = served
        page.goto(served.address)

    def go(self, step: str) -> None:
        self.page.get_by_role("navigation", name="Steps").get_by_role("link", name=step).click()
        self.settled()

    def settled(self) -> None:
        """Wait until the page's script runs and nothing is being computed."""
        self.page.wait_for_load_state()
        expect(self.page.locator("[data-poll]")).to_have_count(0, timeout=90_000)
        expect(self.page.locator("main")).not_to_have_attribute("aria-busy", "true")

    def drop(self, *paths: Path, country: str = "") -> None:
        self.page.set_input_files("#file", [*map(str, paths)])
        expect(self.page.locator("#found .card").first).to_be_visible()
        self.settled()
        if country:
            self.page.get_by_label("Country").fill(country)
            self.page.get_by_label("Country").press("Tab")
            expect(self.page.locator("main .command code").first).to_contain_text(f"--country {country}")

    def give(self, column: str, target: str) -> None:
        self.page.get_by_label(f"Field of the {column} column").select_option(label=target)
        expect(self.page.get_by_label(f"Field of the {column} column")).to_have_value(re.compile("."))
        self.settled()

    def plan(self, sandbox: RunningSandbox, rate: str) -> None:
        self.go("Send")
        self.page.get_by_label("Another URL", exact=True).first.check()
        self.page.get_by_role("textbox", name="Another URL").fill(sandbox.url)
        self.page.get_by_label("API key").fill(KEY)
        if self.page.locator("#more").get_attribute("open") is None:
            self.page.locator("#more summary").click()
        self.page.get_by_label("At most this many requests per second").fill(rate)
        self.page.get_by_role("button", name="Make a plan").click()
        expect(self.page.get_by_role("button", name="Send one customer")).to_be_visible(timeout=90_000)

    def send(self, button: str) -> None:
        """Press a button that starts sending, and check that it has begun."""
        self.page.get_by_role("button", name=re.compile(button)).click()
        expect(self.page.locator("#progress[data-poll]")).to_be_visible()

    def sent(self) -> None:
        expect(self.page.locator('#progress[data-state="ended"]')).to_be_visible(timeout=90_000)

    def tile(self, name: str) -> str:
        return self.page.locator("#progress .tiles div", has_text=name).locator("dd").inner_text()

    def looks(self, name: str, *, scrolls: bool = False) -> None:
        """Axe finds no serious problem, and nothing is cut off on a phone."""
        found = Axe().run(self.page).response["violations"]
        assert [
            (one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")
        ] == [], name
        size = self.page.viewport_size
        self.page.set_viewport_size({"width": 390, "height": 844})
        assert self.page.evaluate("document.documentElement.scrollWidth") <= 390, name
        assert size is not None
        self.page.set_viewport_size(size)


def customers(sandbox: RunningSandbox, prefix: str) -> list[dict[str, object]]:
    """The customers whose ID or name starts with ``prefix``."""
    names = ("reference_id", "name")
    return [one for one in sandbox.customers() if any(str(one[name]).startswith(prefix) for name in names)]


def test_list_is_uploaded_and_sent_despite_a_kill(
    browser: Browser, page: Page, sandbox: RunningSandbox, tmp_path: Path
) -> None:
    with serving(tmp_path) as served:
        desk = Desk(page, served)
        desk.looks("open, nothing yet")
        desk.drop(wide_list(tmp_path), country="US")
        expect(page.locator("#found")).to_contain_text(EVIL)
        desk.looks("open")
        desk.go("Match")
        expect(page.locator("table.match")).to_contain_text(EVIL)
        assert desk.page.get_by_label("Field of the Zebra column").input_value() == "ignore"
        desk.give("Zebra", "Attribute “Zebra”")
        desk.give("Kind", "Not used")
        page.get_by_label("Choose rows by the values in").select_option("Kind")
        page.get_by_role("button", name="Show values").click()
        page.get_by_label("Vendor").check()
        page.get_by_role("button", name="Leave them out").click()
        desk.settled()
        code = page.locator("section", has=page.get_by_role("heading", name="Save the mapping")).locator("code")
        expect(code).to_contain_text("--target Zebra=attributes.Zebra --skip Kind=Vendor")
        tiles = page.locator("#outlook .tiles")
        expect(tiles).to_contain_text(re.compile(r"Customers\s*27"))
        expect(tiles).to_contain_text(re.compile(r"Rejected\s*1"))
        desk.looks("match")
        page.get_by_label("File", exact=True).fill(str(tmp_path / "acme.yaml"))
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.locator("main .note.good")).to_have_text(f"The mapping is saved in {tmp_path / 'acme.yaml'}.")
        assert "Zebra: Zebra" in (tmp_path / "acme.yaml").read_text()
        desk.go("Values")
        page.get_by_label("Value of N30").fill("Net 30")
        page.get_by_label("Value of N30").press("Tab")
        expect(page.locator("main .command code")).to_contain_text("--values")
        desk.settled()
        desk.looks("values")
        desk.go("Fix")
        expect(page.locator(".grid")).to_contain_text("'ask Kim' is not a phone number")
        desk.looks("fix")
        cell = page.get_by_label("Phone, row 6")
        assert cell.input_value() == "ask Kim"
        cell.fill("+1 415 555 0105")
        cell.press("Tab")
        expect(page.locator("#kept ~ .scroll")).to_contain_text("+1 415 555 0105")
        desk.settled()
        page.get_by_label("File", exact=True).fill(str(tmp_path / "fixed.csv"))
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.locator("main .note.good")).to_contain_text("Your corrections are saved in")
        expect(page.locator("main .command code")).to_contain_text("--corrections")
        assert "ask Kim" in (tmp_path / "fixed.csv").read_text(encoding="utf-8")
        desk.go("Review")
        page.get_by_label("Search by ID or name").fill("W003")
        page.get_by_role("button", name="Search").click()
        desk.settled()
        expect(page.locator("#who")).to_have_text(EVIL)
        expect(page.locator(".record")).to_contain_text("3 High St")
        desk.looks("review")
        page.get_by_label("Send the corrected file back to").fill("Dana Reyes")
        with page.context.expect_page() as shown:
            page.get_by_role("button", name="Report for the owner of the data").click()
        expect(shown.value.get_by_role("heading", level=1)).to_be_visible()
        expect(shown.value.locator("body")).to_contain_text("Dana Reyes")
        shown.value.close()
        with page.expect_download() as sheet:
            page.get_by_role("link", name="What will be sent (for review only)").click()
        assert openpyxl.load_workbook(io.BytesIO(sheet.value.path().read_bytes())).sheetnames
        desk.plan(sandbox, rate="6")
        expect(page.locator("#plan .tiles")).to_contain_text(re.compile(r"To create\s*27"))
        desk.looks("send")
        desk.send("Send one customer")
        desk.sent()
        assert (desk.tile("Created"), desk.tile("Not sent yet")) == ("1", "26")
        (first,) = customers(sandbox, "W")
        assert first["payment_term"] == "Net 30"
        desk.send("Send the remaining 26")
        expect(page.locator("#progress progress")).to_be_visible()
        served.kill()
        expect(page.locator("#complaint")).to_have_text(
            "The importer is not responding. Start it again with: importer open"
        )
    with serving(tmp_path) as again:  # sending continued in another process
        page.goto(again.address)
        page.goto(f"{again.base}/send")
        desk.sent()
        expect(page.locator("#now")).to_contain_text(re.compile("^Sent "))
        assert desk.tile("Created") == "27"
        assert len(customers(sandbox, "W")) == 27
        page.get_by_role("link", name="Results and reports").click()
        desk.looks("runs")
        page.get_by_label("API key").fill(KEY)
        page.get_by_role("button", name="Compare with WizCommerce").click()
        expect(page.locator("#verified .note")).to_have_text("WizCommerce matches what was sent.")
        with page.context.expect_page() as opened:
            page.get_by_role("link", name="report.html").click()
        expect(opened.value.get_by_role("heading", level=1)).to_be_visible()
        page.get_by_label("API key").fill(KEY)
        page.get_by_label("I want to undo this run").check()
        desk.send("Undo")
        desk.sent()
        assert customers(sandbox, "W") == []
        last = page.content()
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path for path in kept if KEY.encode() in path.read_bytes()] == []
    assert KEY not in last
    assert KEY not in str(page.context.cookies())


@pytest.mark.parametrize(
    ("make", "country", "prefix", "count"),
    [
        (title_workbook, "GB", "Shop", 12),
        (lambda _: ROOT / "sample_data" / "sap-business-one", "US", "", None),
    ],
    ids=["workbook", "sap-business-one"],
)
def test_all_kinds_of_lists_are_sent(
    served: Served, client: Desk, sandbox: RunningSandbox, tmp_path: Path, make, country, prefix, count
) -> None:
    before = len([*sandbox.customers()])
    path = make(tmp_path)
    client.go("Open")
    while client.page.get_by_role("button", name="Remove").count():
        client.page.get_by_role("button", name="Remove").first.click()
        client.settled()
    client.drop(*(sorted(path.iterdir()) if path.is_dir() else [path]), country=country)
    client.go("Match")
    if prefix and client.page.get_by_role("button", name="Draft a new mapping").count():
        client.page.get_by_role("button", name="Draft a new mapping").click()  # do not use a partial match
        client.settled()
    expect(client.page.locator("#outlook .tiles")).to_be_visible()
    client.plan(sandbox, rate="5000")
    client.send("Send all")
    client.sent()
    created = int(client.tile("Created").replace(",", ""))
    assert len([*sandbox.customers()]) - before == created
    assert count is None or created == count
    assert not prefix or len(customers(sandbox, prefix)) == count


@pytest.fixture(scope="module")
def client(served: Served, browser: Browser) -> Iterator[Desk]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(60_000)
    yield Desk(page, served)
    context.close()
