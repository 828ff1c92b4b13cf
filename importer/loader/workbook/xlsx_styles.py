"""How the cells of .xlsx and .xlsm files look (ECMA-376, part 18.8): number formats, and what cannot be seen."""

import math
from dataclasses import dataclass
from functools import cache, partial

from xlrd.formatting import std_format_strings

from importer.errors import SourceError
from importer.loader.workbook.number_formats import is_plain, is_rounded, is_unseen, shown
from importer.loader.workbook.sheet_cells import CROSSED_OUT, UNSEEN, Note
from importer.loader.workbook.workbook_parts import Attributes, Container, XmlStream, explained

TRUE = frozenset({"1", "true", "on"})
_LISTS = ("numFmts", "cellXfs", "fonts", "fills")
NO_STYLES = Note(
    "look_unknown",
    "the workbook's number formats cannot be read: leading zeros and dates may be missing",
    "Open the file in a spreadsheet program and save it again as .xlsx.",
)


@dataclass
class Font:
    crossed_out: bool = False
    is_white: bool = False


def look_of(code: str, font: Font, *, white_fill: bool) -> tuple[str, str]:
    """The format of a cell style, blank if it shows plain numbers, and what :func:`mark_of` says of its cells."""
    return "" if is_plain(code) else code, mark_of(font, white_fill=white_fill, unseen=is_unseen(code))


def mark_of(font: Font, *, white_fill: bool, unseen: bool) -> str:
    """How cells are crossed out or not shown, as reported; blank for others. ``unseen``: the format hides them."""
    if font.crossed_out:
        return CROSSED_OUT
    return UNSEEN if unseen or (font.is_white and white_fill) else ""


class _Styles(XmlStream):
    """Number formats, fonts, and fills by the numbers of cell styles; which fills are white, or none at all."""

    def __init__(self) -> None:
        super().__init__()
        self.codes: dict[str, str] = {}
        self.formats: list[tuple[str, str, str]] = []
        self.fonts: list[Font] = []
        self.white_fills: list[bool] = []
        self.within = ""
        self.starts = {name: partial(self._enter, name) for name in _LISTS}
        self.starts |= {"numFmt": self._code, "xf": self._style}
        self.starts |= {"font": self._font, "strike": self._strike, "color": self._color}
        self.starts |= {"fill": self._fill, "patternFill": self._pattern, "fgColor": self._fill_color}
        self.ends = dict.fromkeys(_LISTS, partial(self._enter, ""))

    def _enter(self, name: str, _: Attributes | None = None) -> None:
        self.within = name

    def _code(self, attributes: Attributes) -> None:
        if self.within == "numFmts":
            self.codes[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")

    def _style(self, attributes: Attributes) -> None:
        if self.within == "cellXfs":
            self.formats.append(
                (attributes.get("numFmtId", "0"), attributes.get("fontId", "0"), attributes.get("fillId", "0"))
            )

    def _font(self, _: Attributes) -> None:
        if self.within == "fonts":
            self.fonts.append(Font())

    def _strike(self, attributes: Attributes) -> None:
        if self.within == "fonts" and self.fonts:
            self.fonts[-1].crossed_out = attributes.get("val", "1") in TRUE

    def _color(self, attributes: Attributes) -> None:
        if self.within == "fonts" and self.fonts:
            self.fonts[-1].is_white = _is_white(attributes)

    def _fill(self, _: Attributes) -> None:
        if self.within == "fills":
            self.white_fills.append(False)

    def _pattern(self, attributes: Attributes) -> None:
        if self.within == "fills" and self.white_fills:
            self.white_fills[-1] = attributes.get("patternType", "none") == "none"

    def _fill_color(self, attributes: Attributes) -> None:
        if self.within == "fills" and self.white_fills:
            self.white_fills[-1] |= _is_white(attributes)


def _is_white(color: Attributes) -> bool:
    """Whether a color is white: by its value, as the theme's background, or in the palette."""
    white = color.get("rgb", "").upper().endswith("FFFFFF") or color.get("theme") == "0" or color.get("indexed") == "9"
    return white and float(color.get("tint") or 0) == 0


@cache
def built_in(number: int) -> str:
    """A format that workbooks name by its number only. Some are dates that depend on the language."""
    return "yyyy-mm-dd" if 27 <= number <= 36 or 50 <= number <= 58 else std_format_strings.get(number, "")


class CellStyles:
    """How numbers are shown by cell styles, and which styles cross cells out or do not show them."""

    def __init__(self, container: Container, part: str | None, *, since_1904: bool) -> None:
        self.since_1904 = since_1904
        self.formats: dict[str, str] = {}
        self.marks: dict[str, str] = {}
        reader = _Styles()
        try:
            if part is not None:
                with explained(""):
                    reader.read(container.open(part))
        except SourceError:
            return
        fonts = {str(number): font for number, font in enumerate(reader.fonts)}
        white = {str(number) for number, is_white in enumerate(reader.white_fills) if is_white}
        for style, (number, font, fill) in enumerate(reader.formats):
            code = reader.codes.get(number) or built_in(int(number) if number.isdecimal() else 0)
            self.formats[str(style)], mark = look_of(code, fonts.get(font, Font()), white_fill=fill in white)
            if mark:
                self.marks[str(style)] = mark

    def number(self, text: str, code: str) -> tuple[str, bool]:
        """A number as it is shown, and whether digits of it are gone."""
        if not code and len(text) < 16 and text.isdecimal() and (text[0] != "0" or text == "0"):
            return text, False
        try:
            value = float(text)
        except ValueError:
            return text, False
        if not math.isfinite(value):
            return text, False
        return shown(value, code, since_1904=self.since_1904), is_rounded(value)
