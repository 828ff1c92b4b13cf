"""The rows of one table of the mapping, from all source tables that belong to it, and conditions on them."""

import fnmatch
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from pathlib import PurePath

import numpy as np
import pyarrow as pa

from importer.cell_text import filled_cells, header_key
from importer.errors import MappingError
from importer.mapping.columns import Codes, Column, Mask, caseless, concat
from importer.mapping.language.mapping_model import Mapping
from importer.mapping.language.mapping_rules import Condition, OtherColumn, TableRule, alternatives
from importer.mapping.transforms.registry import read_flag
from importer.mapping.transforms.text_forms import BlankTexts
from importer.tables import Sources, SourceTable
from importer.wording import counted, first_few, nearest

# What is between the words of a header and after the last one; not "#", "%", and "+": "Customer #" is a number.
_SEPARATORS = re.compile(r"(?<!^)[\s_\-\u2010-\u2015/\\:;.,()\[\]&'\u2019|]+(?=[^\W_]|#(?!\d)|$)")
_MOST_NAMES, _MOST_COLUMNS = 3, 20  # in a message
_PART = "\x1e"  # between a column and the part of its cells that a derived column holds


def source_reference(reference: str) -> str:
    """The column that a reference reads; for a derived column, the one that it was made from."""
    return reference.partition(_PART)[0]


def find_column(reference: str, headers: Iterable[str]) -> str | None:
    """The header that a reference names, or None: the first of its alternatives that exists in any spelling.

    If a file has several spellings (``E-mail`` and ``Email``), the one spelled like the alternative is used. Raises
    :class:`MappingError` if none is spelled exactly like it.
    """
    return _found(reference, tuple(headers))


@lru_cache(maxsize=16384)  # called again and again, and some mappings have hundreds of names
def _found(reference: str, names: tuple[str, ...]) -> str | None:
    spellings = _spellings(names)
    for wanted in alternatives(reference):
        near = spellings.get(_one_word(wanted), ())
        for same in (str, header_key, _one_word):
            matching = [name for name in near if same(name) == same(wanted)]
            if len(matching) == 1:
                return matching[0]
            if matching:
                raise MappingError(
                    f"column {wanted!r} could be {' or '.join(map(repr, matching))}",
                    "Write the header in the mapping exactly as in the file.",
                )
    return None


def _former_column(reference: str, headers: Iterable[str]) -> str | None:
    """The header that earlier versions used: an alternative that exists exactly as written took precedence."""
    names = tuple(headers)
    for same in (str, header_key):
        for wanted in alternatives(reference):
            matching = [name for name in names if same(name) == same(wanted)]
            if len(matching) == 1:
                return matching[0]
    return find_column(reference, names)


@lru_cache(maxsize=256)
def _spellings(names: tuple[str, ...]) -> dict[str, list[str]]:
    """The headers by the form that all their spellings share."""
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(_one_word(name), []).append(name)
    return found


@cache
def _one_word(header: str) -> str:
    """``Company Name``, ``company_name`` and ``CompanyName`` as ``companyname``; a leading mark stays (``_email``)."""
    key = header_key(header)
    return _SEPARATORS.sub("", key) or key


def assign_tables(mapping: Mapping, sources: Sources) -> dict[str, "TableData"]:
    """The rows of each table of the mapping, from the source tables that belong to it.

    With several tables, a source belongs to the one whose ``has`` columns it has; if several fit, ``names`` decides.
    Raises :class:`MappingError` if a source fits none or several, or if no source is the main table.
    """
    assigned: dict[str, list[int]] = {name: [] for name in mapping.tables}
    for number, table in enumerate(sources.tables):
        if len(table.frame.columns):
            assigned[_table_of(mapping, table)].append(number)
    if not assigned[mapping.main_table]:
        raise MappingError(
            f"the file with the customers is missing{recognized_by(mapping.tables[mapping.main_table])}",
            f"Pass all files of the export. {_distinguishing_columns(mapping)}",
        )
    blanks = BlankTexts(None if mapping.blanks is None else tuple(mapping.blanks))
    return {name: _gather(name, sources, numbers, blanks) for name, numbers in assigned.items()}


def with_table_names(mapping: Mapping, sources: Sources) -> Sources:
    """The sources whose ``details`` say what the mapping calls each table, and which of its headers are its key.

    A table that does not fit the mapping stays as it is: :func:`assign_tables` says why.
    """
    return replace(sources, tables=tuple(_named(mapping, table) for table in sources.tables))


def _named(mapping: Mapping, table: SourceTable) -> SourceTable:
    try:
        name = _table_of(mapping, table) if len(table.headers) else ""
        rule = mapping.tables.get(name)
        references = [column for part in rule.key for column in part.columns()] if rule else []
        found = [find_column(reference, table.headers) for reference in references]
    except MappingError:
        return table
    if rule is None:
        return table
    key = [header for header in dict.fromkeys(found) if header is not None]
    details = {**table.details, "table": name, "key": key, "continued": rule.blank_key == "above"}
    return replace(table, details=details)


def recognized_by(rule: TableRule) -> str:
    """The columns by which a file of the table is recognized, in parentheses, with one name each."""
    columns = ", ".join(repr(alternatives(column)[0]) for column in rule.has)
    return f" (a file with the column{'s' * (len(rule.has) > 1)} {columns})" if columns else ""


def _distinguishing_columns(mapping: Mapping) -> str:
    tables = ", ".join(f"{name!r}{recognized_by(rule)}" for name, rule in mapping.tables.items())
    return f"The mapping's tables are {tables}."


def _table_of(mapping: Mapping, table: SourceTable) -> str:
    if len(mapping.tables) == 1:
        return mapping.main_table
    file, sheet = table.details.get("stands_for") or (table.file, table.sheet)
    names = [name.casefold() for name in (sheet or "", table.sheet or "", file, PurePath(file).stem)]
    fitting = [
        name for name, rule in mapping.tables.items() if all(find_column(column, table.headers) for column in rule.has)
    ]
    if len(fitting) > 1:
        patterns = {n: [pattern.casefold() for pattern in mapping.tables[n].names] for n in fitting}
        named = [n for n in fitting if any(fnmatch.filter(names, pattern) for pattern in patterns[n])]
        most = max(len(mapping.tables[n].has) for n in fitting)
        fitting = named or [n for n in fitting if len(mapping.tables[n].has) == most]
    if len(fitting) != 1:
        fits = f"several tables ({', '.join(fitting)})" if fitting else "no table"
        raise MappingError(
            f"{table.name} matches {fits} of the mapping",
            f"{_its_columns(table.headers)} {_distinguishing_columns(mapping)}",
        )
    return fitting[0]


@dataclass(frozen=True)
class TableData:
    """Rows of one mapping table. ``rows``: their row positions; ``index``: their places in all its source tables.

    ``blanks``: which texts of its cells count as blank; ``numbered``: columns of ids all written as ``7.0``.
    """

    name: str
    tables: tuple[SourceTable, ...]
    rows: Codes
    index: Codes
    blanks: BlankTexts = field(default_factory=BlankTexts)
    numbered: frozenset[str] = frozenset()
    _columns: dict[str, Column] = field(default_factory=dict)  # of all rows, by reference

    def __len__(self) -> int:
        return len(self.rows)

    def names(self, reference: str) -> tuple[str, ...]:
        """The headers that a reference names, over all source tables."""
        found = (find_column(source_reference(reference), table.headers) for table in self.tables)
        return tuple(dict.fromkeys(name for name in found if name is not None))

    def column(self, reference: str) -> Column:
        """The column's cells, trimmed; blank if a source table has no such column."""
        if reference not in self._columns:
            self._columns[reference] = Column.from_text(self._raw_column(reference))
        whole = self._columns[reference]
        return whole if len(whole) == len(self.index) else whole.take(self.index)

    def filled(self, reference: str) -> Mask:
        if reference in self._columns:
            return self.column(reference).filled
        return filled_cells(self._raw_column(reference))[self.index]

    def cells(self, reference: str, at: Codes) -> pa.Array:
        """The cells at these rows (indices into ``rows``) exactly as in the file."""
        return self._raw_column(reference).take(pa.array(self.index[at])).combine_chunks()

    def derive(self, reference: str, part: str, column: Column) -> str:
        """Add a column derived row by row from an existing one, and return the reference to read it by."""
        derived = f"{reference}{_PART}{part}"
        self._columns[derived] = self._whole(column)
        return derived

    def replaced(self, reference: str, column: Column) -> "TableData":
        """The table with other texts in one column."""
        return replace(self, _columns={**self._columns, reference: self._whole(column)})

    def keep(self, chosen: Mask) -> "TableData":
        if chosen.all():
            return self
        return replace(self, rows=self.rows[chosen], index=self.index[chosen])

    def as_before(self, references: Iterable[str]) -> "TableData":
        """The table with the columns that earlier versions took these references for; itself, if they are the same."""
        other = {}
        for reference in references:
            former = {_former_column(reference, table.headers) for table in self.tables}
            if former - {None, *self.names(reference)}:
                other[reference] = Column.from_text(self._raw_column(reference, _former_column))
        return replace(self, _columns={**self._columns, **other}) if other else self

    def _whole(self, column: Column) -> Column:
        """A column of these rows as one of all rows."""
        whole = np.full(sum(map(len, self.tables)), -1, np.int64)
        whole[self.index] = column.codes
        return Column(whole, column.values)

    def _raw_column(
        self, reference: str, find: Callable[[str, Iterable[str]], str | None] = find_column
    ) -> pa.ChunkedArray:
        chunks: list[pa.Array] = []
        for table in self.tables:
            name = find(source_reference(reference), table.headers)
            chunks += [pa.nulls(len(table), pa.string())] if name is None else table.column(name).chunks
        return pa.chunked_array(chunks, pa.string())


def _gather(name: str, sources: Sources, numbers: Sequence[int], blanks: BlankTexts) -> TableData:
    """The rows of several source tables as one table; rows that the loader rejected are left out."""
    tables = tuple(sources.tables[number] for number in numbers)
    positions = [np.arange(sources.offsets[n], sources.offsets[n + 1], dtype=np.int64) for n in numbers]
    rows = np.concatenate([np.empty(0, np.int64), *positions])
    broken = np.concatenate([np.zeros(0, bool), *(table.broken for table in tables)])
    return TableData(name, tables, rows, np.arange(len(rows), dtype=np.int64), blanks).keep(~broken)


def check_columns(mapping: Mapping, name: str, tables: Sequence[SourceTable]) -> None:
    """Raise :class:`MappingError` for missing columns, with the nearest ones that the source has.

    A number of a repeated group may be absent as a whole if another number is there.
    """
    for table in tables:
        headers = table.headers
        wanted = dict(mapping.references(name))
        for part in mapping.tables[name].key:  # whatever a condition on the same column says
            wanted.update(part.references(optional=False))
        absent = [name for name, optional in wanted.items() if not optional and not find_column(name, headers)]
        for groups in mapping.repeated(name):
            there = [group for group in groups if any(find_column(reference, headers) for reference in group)]
            excused = frozenset[str]().union(*(group for group in groups if group not in (there or groups[:1])))
            absent = [reference for reference in absent if reference not in excused]
        if not absent:
            continue
        lines = ";\n  ".join(_absent_column(reference, headers) for reference in absent)
        sheet = " To read only one sheet, use --sheet." if table.sheet is not None and len(tables) > 1 else ""
        raise MappingError(
            f"{table.name} is missing {counted(len(absent), 'column')} that the mapping needs:\n  {lines}",
            f"{_its_columns(headers)} Correct the mapping, add the file's header as an alternative ('A|B'), "
            f"or set `optional: true`.{sheet}",
        )


def _absent_column(reference: str, headers: Sequence[str]) -> str:
    """The names that a column may have, and the nearest header."""
    wanted, keys = alternatives(reference), {header_key(header): header for header in headers}
    near = next((keys[key] for name in wanted for key in nearest(header_key(name), keys)), None)
    left = len(wanted) - _MOST_NAMES
    more = f", or {'1 other name' if left == 1 else f'one of {left} other names'}" if left > 0 else ""
    names = f"{' or '.join(map(repr, wanted)) if not more else ', '.join(map(repr, wanted[:_MOST_NAMES]))}{more}"
    return names if near is None else f"{names} (closest header in the file: {near!r})"


def _its_columns(headers: Sequence[str]) -> str:
    if len(headers) == 1 and re.search(r"\w[,;\t|]\W*\w", headers[0]):
        return (
            f"The file has only one column, {headers[0]!r}: each row is in one cell, perhaps because quotation marks "
            "enclose whole rows. Export the table again, or split the column in Excel (Data → Text to Columns)."
        )
    if len(headers) == 1:
        more = (
            "If it should have more, choose the delimiter with --delimiter; if spaces align the columns, export as CSV."
        )
        return f"The file has only one column, {headers[0]!r}. {more}"
    return f"The file's columns are {first_few(headers, _MOST_COLUMNS, text=repr)}."


def holds(condition: Condition, table: TableData, mapped: frozenset[str]) -> Mask:
    """True on rows for which the condition holds. ``mapped``: every column reference of the mapping to this table."""
    for combined, inner in ((np.logical_or, condition.any_), (np.logical_and, condition.all_)):
        if inner is not None:
            found: Mask = combined.reduce([holds(one, table, mapped) for one in inner])
            return found
    if condition.only is not None:
        return _only(condition.only, table, mapped)
    assert condition.column is not None  # the model checks that
    if not table.names(condition.column):
        return np.full(len(table), bool(condition.blank))  # a column that the file does not have counts as empty
    if condition.other is not None:
        return _compared(condition, condition.other, table)
    return _cell_holds(condition, table.column(condition.column))


def _compared(condition: Condition, other: OtherColumn, table: TableData) -> Mask:
    """True on rows whose cell is filled, and is (or is not) the other column's text; case and spaces do not count."""
    assert condition.column is not None  # the model checks that
    own = table.column(condition.column)
    if other.table:
        same = table.column(f"{condition.column}{_PART}{_across(other)}").filled
    else:
        texts = [column.replaced(caseless(column.values)) for column in (own, table.column(other.column))]
        codes = concat(texts).codes.reshape(2, -1)
        same = own.filled & (codes[0] == codes[1])
    return same if condition.same_as is not None else own.filled & ~same


def _across(other: OtherColumn) -> str:
    """The suffix of a derived column that is filled if the column equals that of a different table."""
    return f"{other.table}{_PART}{other.column}"


def compare_tables(condition: Condition, table: TableData, customers: Codes, other: TableData, others: Codes) -> None:
    """Derive the column by which a condition across tables is tested.

    ``customers``: of the rows of ``table``; ``others``: of those of the ``other`` table, whose column is compared.
    """
    assert condition.column is not None  # the model checks both
    assert condition.other is not None
    texts = [table.column(condition.column), other.column(condition.other.column)]
    both = concat([column.replaced(caseless(column.values)) for column in texts])
    pairs = np.concatenate([customers, others]) * (len(both.values) + 1) + both.codes
    own, named = pairs[: len(table)], pairs[len(table) :][texts[1].filled]
    same = texts[0].filled & (customers >= 0) & np.isin(own, named)
    table.derive(condition.column, _across(condition.other), Column.constant("true", len(table)).where(same))


def _cell_holds(condition: Condition, column: Column) -> Mask:
    if condition.blank is not None:
        return ~column.filled if condition.blank else column.filled
    texts = column.values.to_pylist()
    if condition.is_ is not None or condition.is_not is not None:
        listed = {text.strip().lower() for text in condition.is_ or condition.is_not or ()}
        found = column.rows_with(np.array([text.lower() in listed for text in texts], bool))
        return found if condition.is_ is not None else column.filled & ~found
    if condition.flag is not None:
        return column.rows_with(np.array([read_flag(text) is condition.flag for text in texts], bool))
    pattern = re.compile(condition.matches or "")
    return column.rows_with(np.array([pattern.search(text) is not None for text in texts], bool))


def _only(names: list[str], table: TableData, mapped: frozenset[str]) -> Mask:
    """True on rows in which some of these columns are filled, and no other column that the mapping reads."""
    own = {header for name in names for header in table.names(name)}
    some: Mask = np.logical_or.reduce([table.filled(name) for name in names])
    for reference in mapped:
        if some.any() and not own & set(table.names(reference)):
            some &= ~table.filled(reference)
    return some
