"""Tables of web pages, which many systems save as .xls: what a person sees of them.

A page for Excel gives number formats to its cells (``mso-number-format``) and hides rows and texts by styles.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser

from importer.errors import SourceError, UsageError
from importer.loader.text.encoding import whole_text
from importer.loader.workbook.number_formats import named_format, number_text, shown
from importer.loader.workbook.sheet_cells import CROSSED_OUT, MAX_COLUMNS, UNSEEN, Allowance, SheetCells

_CHARSET = re.compile(rb"""<meta[^>]{0,1000}charset\s*=\s*["']?([\w.:-]+)""", re.IGNORECASE)
_DECLARATION = re.compile(r"""(?<![\w-])([\w-]++)\s*+:\s*+((?:"[^"]*"|'[^']*'|[^;"'])*)""")
_CSS_ESCAPE = re.compile(r"\\(?:([0-9A-Fa-f]{1,6})\s?|(.))", re.DOTALL)
_NO_CHARACTER = re.compile(r"&#[0-9]{20,};?")
_PLAIN_NUMBER = re.compile(r"\d{1,15}(?:\.\d{1,15})?")
_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"]
)
_CLOSED_BY = {"tr": ("tr", "td", "th"), "td": ("td", "th"), "th": ("td", "th"), "p": ("p",), "li": ("li",)}
_MAX_DEPTH = 2000
_ASIDE = re.compile(r"<!--|<[!?]|<(style|script|template|title)\b", re.IGNORECASE)
_CROSSED_OUT = frozenset({"s", "strike", "del"})
_OF_INTEREST = ("display", "visibility", "mso-number-format", "line-through", "color", "background")  # in styles
_WHITE = re.compile(r"(?:white|#fff(?:fff)?|rgb\(255, ?255, ?255\))(?!\w)", re.IGNORECASE)
_AS_AROUND = ("inherit", "initial", "unset", "transparent", "none")
_NO_STYLE: dict[str, str] = {}


def read_html(content: bytes, file: str, encoding: str | None) -> list[SheetCells]:
    """The page's tables that have at least two rows with text; one table alone has no name.

    Raises :class:`SourceError` for a page that ends within a table.
    """
    named = _CHARSET.search(content[:4096])
    if encoding is None and named is not None and not _is_unicode(content):
        encoding = named[1].decode()
    try:
        text = whole_text(content, file, encoding)
    except (UsageError, SourceError):
        text = whole_text(content, file)
    text, css = _without_asides(_NO_CHARACTER.sub("\ufffd", text))
    page = _Page(Allowance.for_size(file, len(content)), css)
    end = text.rfind(">") + 1  # after the last tag, the parser would look for the end of a tag again and again
    page.feed(text[:end])
    page.close()
    if page.open and not page.ended:
        raise SourceError(
            f"{file}: the page was cut off inside a table, in row {page.open[-1].row + 1:,}",
            "Export or download the file again; rows are missing.",
        )
    tables = [table for table in page.tables if len(table.filled) > 1]
    for number, table in enumerate(tables, start=1):
        table.cells.name = "" if len(tables) == 1 else f"Table {number}"
    return [table.cells for table in tables]


def _is_unicode(content: bytes) -> bool:
    """Whether a page is UTF-16 or UTF-8, whatever it says of itself; one in ASCII says what it is."""
    if content.isascii() or content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return not content.isascii()
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


@dataclass
class _Element:
    """An element that is open; ``hidden``, ``crossed_out``: it, or one around it, is not shown, or is crossed out.

    ``white``, ``colored``: it has white text; its background is not white.
    """

    name: str
    hidden: bool = False
    crossed_out: bool = False
    white: bool = False
    colored: bool = False


class _Page(HTMLParser):
    """Tables may be nested. ``open``: the tables around the current place. ``ended``: the page's own end was read."""

    def __init__(self, allowance: Allowance, css: str) -> None:
        super().__init__(convert_charrefs=True)
        self.allowance = allowance
        self.tables: list[_HtmlTable] = []
        self.open: list[_HtmlTable] = []
        self.elements: list[_Element] = []
        self.names: Counter[str] = Counter()  # of the open elements
        self.rules: dict[str, dict[str, str]] = {}
        self.ended = False
        self._add_rules(css)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        for name in _CLOSED_BY.get(tag, ()):
            self._close(name, within="table")
        style = self._style(tag, attributes)
        hidden = self._hidden or _is_hidden(style) or "hidden" in attributes
        if tag not in _VOID:
            around = self.elements[-1] if self.elements else _Element("")
            crossed_out = around.crossed_out or tag in _CROSSED_OUT or _is_crossed_out(style)
            white = _is_white(style.get("color") or (attributes.get("color") if tag == "font" else None))
            white = around.white if white is None else white
            background = style.get("background-color") or style.get("background") or attributes.get("bgcolor")
            on_white = _is_white(background)
            colored = around.colored if on_white is None else not on_white
            self.elements.append(_Element(tag, hidden, crossed_out, white, colored))
            self.names[tag] += 1
        if len(self.elements) > _MAX_DEPTH:
            raise SourceError(
                f"{self.allowance.file}: the page has more than {_MAX_DEPTH:,} nested tags",
                "Open it in a spreadsheet program and save it as .xlsx, or export it as CSV.",
            )
        if tag == "table":
            table = _HtmlTable(SheetCells("", self.allowance))
            self.tables.append(table)
            self.open.append(table)
        elif not self.open:
            return
        elif tag == "tr":
            self.open[-1].start_row(hidden=hidden)
        elif tag in {"td", "th"}:
            self.open[-1].start_cell(attributes, _number_format(style.get("mso-number-format", "")))
        elif tag == "col":
            self.open[-1].add_column(_span(attributes.get("span")) + 1, hidden=hidden)
        elif tag in {"br", "p", "div"}:
            self.open[-1].break_line(always=tag == "br")

    def handle_endtag(self, tag: str) -> None:
        self.ended = self.ended or tag in {"html", "body"}
        if tag in _VOID:
            return
        if tag == "table" and self.open:
            self.open.pop().end_cell()
        elif self.open and tag in {"td", "th", "tr"}:
            self.open[-1].end_cell()
        self._close(tag, within="" if tag == "table" else "table")

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1].text is not None:
            self.open[-1].add(re.sub(r"[ \t\r\n]+", " ", data), hidden=self._hidden)
            if self.elements and data.strip():
                around, rows = self.elements[-1], [self.open[-1].row]
                self.open[-1].cells.mark(CROSSED_OUT, rows if around.crossed_out else ())
                self.open[-1].cells.mark(UNSEEN, rows if around.white and not around.colored else ())

    @property
    def _hidden(self) -> bool:
        return bool(self.elements) and self.elements[-1].hidden

    def _close(self, name: str, *, within: str) -> None:
        """Close an element and all within it, if it is open inside of the nearest ``within``."""
        if not self.names[name]:
            return
        place = len(self.elements) - 1
        while self.elements[place].name not in {name, within}:
            place -= 1
        if self.elements[place].name == name:
            self.names.subtract(element.name for element in self.elements[place:])
            del self.elements[place:]

    def _style(self, tag: str, attributes: dict[str, str | None]) -> dict[str, str]:
        """The declarations for an element: of its tag, its classes, and its own."""
        own = attributes.get("style")
        if not self.rules and not own:
            return _NO_STYLE
        classes = (attributes.get("class") or "").casefold().split()
        own_id = f"#{attributes['id']}".casefold() if attributes.get("id") else ""
        selectors = [
            tag,
            *(f".{name}" for name in classes),
            *(f"{tag}.{name}" for name in classes),
            own_id,
            tag + own_id,
        ]
        found: dict[str, str] = {}
        for selector in selectors:
            found |= self.rules.get(selector, {})
        return found | _declarations(own or "")

    def _add_rules(self, css: str) -> None:
        for rule in css.replace("<!--", "").replace("-->", "").split("}"):
            selectors, _, body = rule.rpartition("{")
            if any(word in body for word in _OF_INTEREST):
                for selector in selectors.casefold().split(","):
                    self.rules.setdefault(selector.strip(), {}).update(_declarations(body))


@dataclass
class _HtmlTable:
    """A table that is being read: where the next cell goes, and the text and spans of the current one, if any.

    ``covered``: column → the last row that a cell of a row above extends to, and the column after that cell.
    ``filled``: the rows with text.
    """

    cells: SheetCells
    row: int = -1
    column: int = 0
    columns: int = 0
    text: str | None = None
    number_format: str = ""
    spans: tuple[int, int] = (0, 0)
    covered: dict[int, tuple[int, int]] = field(default_factory=dict)
    filled: set[int] = field(default_factory=set)
    row_state: int = 0  # 1: the current row is not shown, 2: and has text

    def add_column(self, count: int, *, hidden: bool) -> None:
        if hidden:
            self.cells.hidden_columns.append(range(self.columns, self.columns + count))
        self.columns += count

    def start_row(self, *, hidden: bool) -> None:
        self.end_cell()
        self.row_state = 1 if hidden else 0
        self.row += 1
        self.column = 0

    def start_cell(self, attributes: dict[str, str | None], number_format: str) -> None:
        self.end_cell()
        self.row = max(self.row, 0)
        while (above := self.covered.get(self.column)) and above[0] >= self.row:
            self.column = above[1]
        self.text = ""
        self.number_format = number_format
        self.spans = _span(attributes.get("rowspan")), _span(attributes.get("colspan"))

    def add(self, text: str, *, hidden: bool) -> None:
        if not hidden:
            self.text = (self.text or "") + text
        elif text.strip() and self.row_state < 2:
            what = "rows" if self.row_state else "texts"
            self.cells.invisible[what] = self.cells.invisible.get(what, 0) + 1
            self.row_state *= 2

    def break_line(self, *, always: bool) -> None:
        if self.text is not None and (always or self.text.strip()):
            self.text += "\n"

    def end_cell(self) -> None:
        if self.text is None:
            return
        text = "\n".join(line.strip(" ") for line in self.text.split("\n")).strip("\n")
        if self.number_format and _PLAIN_NUMBER.fullmatch(text):
            by_format = shown(float(text), self.number_format)
            text = text if by_format == number_text(float(text)) else by_format
        down, across = self.spans
        if self.column + across >= MAX_COLUMNS:
            self.cells.put(self.row, MAX_COLUMNS, "beyond the limits")
        self.cells.put(self.row, self.column, text)
        if text.strip():
            self.filled.add(self.row)
        if down or across:
            self.cells.merged.append((self.row, self.column, self.row + down, self.column + across))
            if down:
                columns = range(self.column, self.column + across + 1)
                self.covered.update(dict.fromkeys(columns, (self.row + down, columns.stop)))
        self.column += across + 1
        self.text = None


def _without_asides(text: str) -> tuple[str, str]:
    """A page without comments, declarations, and what is no text; and its styles."""
    kept: list[str] = []
    styles: list[str] = []
    at = 0
    while start := _ASIDE.search(text, at):
        kept.append(text[at : start.start()])
        name = start[1]
        if name is None:
            mark = "-->" if start[0] == "<!--" else ">"
            end = text.find(mark, start.end())
            at = len(text) if end < 0 else end + len(mark)
        else:
            closing = re.compile(rf"</{name}\s*>", re.IGNORECASE).search(text, start.end())
            at = closing.end() if closing else len(text)
            if name.casefold() == "style":
                styles.append(text[start.end() : closing.start() if closing else len(text)].partition(">")[2])
    return "".join(kept) + text[at:], "}".join(styles)


def _declarations(css: str) -> dict[str, str]:
    return {name.casefold(): value.strip() for name, value in _DECLARATION.findall(css)}


@cache
def _number_format(css: str) -> str:
    """A format as a style writes it: in quotes, with escapes, or by its name."""
    if len(css) > 1 and css[0] == css[-1] and css[0] in "\"'":
        css = css[1:-1]
    return named_format(_CSS_ESCAPE.sub(_css_character, css))


def _css_character(code: re.Match[str]) -> str:
    if not code[1]:
        return code[2]
    number = int(code[1], 16)
    return chr(number) if number < 0xD800 else "\ufffd"


def _is_hidden(style: dict[str, str]) -> bool:
    display, visibility = style.get("display", "").casefold(), style.get("visibility", "").casefold()
    return display.startswith("none") or visibility.startswith(("hidden", "collapse"))


def _is_white(color: str | None) -> bool | None:
    """Whether a color is white; None if it is that of the element around."""
    text = (color or "inherit").strip().casefold()
    return None if text.startswith(_AS_AROUND) else _WHITE.match(text) is not None


def _is_crossed_out(style: dict[str, str]) -> bool:
    """Whether a style crosses text out. Excel also writes ``text-line-through: single``, which browsers ignore."""
    lines = style.get("text-decoration", "") + style.get("text-decoration-line", "")
    return "line-through" in lines.casefold() or style.get("text-line-through", "none").casefold() != "none"


def _span(value: str | None) -> int:
    """How many cells more than one; browsers take no more than a thousand (HTML, 4.9.11)."""
    number = value.strip() if value is not None else ""
    return min(int(number), 1000) - 1 if number.isdecimal() and len(number) < 10 and int(number) > 0 else 0
