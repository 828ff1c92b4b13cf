"""Files for which a mapping already exists: how much of them it reads, and what it uses the columns for."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from importer.cell_text import header_key
from importer.drafting.concepts import ADDRESS_PARTS, PERSON_PARTS
from importer.drafting.readings import HeaderReading, read_headers
from importer.errors import MappingError
from importer.mapping.fitting import GENERIC, key_headers, mentioned_columns
from importer.mapping.language.mapping_files import SUFFIXES, LoadedMapping, list_mappings, load_mapping
from importer.mapping.language.mapping_model import AddressEntry, Mapping
from importer.mapping.language.mapping_rules import NUMBER, FieldRule
from importer.mapping.table_rows import assign_tables, check_columns, find_column
from importer.tables import Sources

_OWN = Path("mappings")  # in the working folder
_LEAST = 0.7  # the share of filled columns that a mapping must know
_NEARLY_ALL = 0.9  # the share that suffices if the key is typical of the system
_FEWEST = 5  # columns that a mapping must use
_OWN_COLUMNS, _OWN_SHARE = 3, 1 / 3  # so many columns, or this share of a small table, must be typical of the system
_NAMING = frozenset({"customer_number", "company_name"})  # a mapping of the system would know these columns
_IN_ANY_LIST = PERSON_PARTS | ADDRESS_PARTS | {"company_name", "name"}


@dataclass(frozen=True)
class KnownMapping:
    """A mapping that reads the sources. ``coverage``: the share of their filled columns that it mentions.

    ``targets``: source table (its index) and column → its targets; ``others``: the same for columns without a field;
    ``keys``: the columns that identify customers; ``mentioned``: all columns that the mapping knows; ``tables``: the
    source tables that it reads.
    """

    name: str
    loaded: LoadedMapping
    coverage: float
    targets: dict[tuple[int, str], list[str]]
    others: dict[tuple[int, str], list[str]]
    keys: list[str]
    mentioned: set[tuple[int, str]]
    tables: set[int]


def best_known(sources: Sources, filled: dict[tuple[int, str], bool]) -> KnownMapping | None:
    """The mapping that knows the largest share of the filled columns; None if none knows enough.

    ``filled``: source table (its index) and column → whether it has any filled cells.
    """
    found = []
    readings = {
        (at, header): reading
        for at, table in enumerate(sources.tables)
        for header, reading in zip(table.headers, read_headers(table.headers), strict=True)
    }
    common, shipped = _common_columns(sources), list_mappings()
    foreign = {header for (_, header), own in readings.items() if own.language != "en" and _is_plain(own, _IN_ANY_LIST)}
    foreign |= {header for _, header in readings if header_key(header) == "name"}  # a company's or a person's
    naming = {place for place, own in readings.items() if _is_plain(own, _NAMING) and filled.get(place)}
    for name in _names():
        try:
            loaded = load_mapping(name)
            known = _known(name, loaded, sources, filled)
        except MappingError:  # the mapping needs columns that do not exist
            continue
        enough = min(_OWN_COLUMNS, _OWN_SHARE * len(filled))
        own = {place for place in known.mentioned if place[1] not in common | (foreign if name in shipped else set())}
        missed = {place for place in naming - known.mentioned if place[0] in known.tables}
        used = any(place in known.targets or known.others.get(place) != ["ignore"] for place in own)
        typical = len(own) >= enough and used
        typical |= known.coverage >= _NEARLY_ALL and any(header in known.keys for _, header in own)
        fits = known.keys and known.coverage >= _LEAST and len(known.targets) >= _FEWEST and typical
        if fits and not (missed and name in shipped):
            found.append(known)
    return max(found, key=lambda known: (known.coverage, known.name), default=None)


def _is_plain(reading: HeaderReading, concepts: frozenset[str]) -> bool:
    """Whether a header means only one of these concepts: ``Firma``, ``Code postal``."""
    return reading.concept in concepts and not (reading.roles or reading.unknown or reading.about)


def _common_columns(sources: Sources) -> set[str]:
    """The columns that generic mappings, which are for lists from any system, also know."""
    found: set[str] = set()
    for name in (name for name in list_mappings() if name.startswith(GENERIC)):
        mapping = load_mapping(name).mapping
        ignored = mapping.tables[mapping.main_table].ignore
        for table in sources.tables:
            found |= mentioned_columns(mapping, mapping.main_table, table.headers) | set(_found(ignored, table.headers))
    return found


def _names() -> Iterator[str]:
    """The included mappings for systems, and those in the working folder's ``mappings``."""
    yield from (name for name in list_mappings() if not name.startswith(GENERIC))
    own = _OWN.resolve()
    if own.is_dir() and own != next(iter(list_mappings().values())).parent.resolve():
        yield from (str(_OWN / path.name) for path in sorted(own.iterdir()) if path.suffix in SUFFIXES)


def _known(name: str, loaded: LoadedMapping, sources: Sources, filled: dict[tuple[int, str], bool]) -> KnownMapping:
    mapping = loaded.mapping
    targets: dict[tuple[int, str], list[str]] = {}
    others: dict[tuple[int, str], list[str]] = {}
    mentioned: set[tuple[int, str]] = set()
    keys: list[str] = []
    places = {id(table): at for at, table in enumerate(sources.tables)}
    for table_name, data in assign_tables(mapping, sources).items():
        ignored = mapping.tables[table_name].ignore
        for table in data.tables:
            try:
                check_columns(mapping, table_name, [table])
            except MappingError:  # another list of the same export
                continue
            at = places[id(table)]
            found = mentioned_columns(mapping, table_name, table.headers) | set(_found(ignored, table.headers))
            mentioned |= {(at, header) for header in found}
            for target, references in _other_targets(mapping, table_name):
                others |= {(at, header): [target] for header in _found(references, table.headers)}
            for column, target in _targets(mapping, table_name, table.headers):
                own = targets.setdefault((at, column), [])
                if target not in own:
                    own.append(target)
            if table_name == mapping.main_table and not keys:
                keys = key_headers(mapping, table.headers)
    columns = [place for place, some in filled.items() if some]
    read = {at for at in places.values() if _knows(columns, mentioned, at)}  # not other lists of the same export
    columns = [place for place in columns if place[0] in read]
    coverage = sum(place in mentioned for place in columns) / max(len(columns), 1)
    return KnownMapping(name, loaded, coverage, targets, others, keys, mentioned, read)


def _knows(columns: list[tuple[int, str]], mentioned: set[tuple[int, str]], at: int) -> bool:
    """Whether the mapping mentions enough columns of a table to be meant for that table."""
    own = [place for place in columns if place[0] == at]
    return sum(place in mentioned for place in own) >= _OWN_SHARE * len(own) > 0


def _found(references: Iterable[str], headers: Sequence[str]) -> Iterator[str]:
    """The existing headers that references name."""
    yield from (header for one in references if (header := find_column(one, headers)) is not None)


def _other_targets(mapping: Mapping, table_name: str) -> Iterator[tuple[str, Iterable[str]]]:
    """The targets of columns without a field, each with the references to these columns."""
    table = mapping.tables[table_name]
    yield "ignore", table.ignore
    yield "skip_rule", (reference for skip in table.skip for reference, _ in skip.references())
    if table_name != mapping.main_table:
        yield "parent_key", (reference for part in table.key for reference, _ in part.references(optional=True))


def _targets(mapping: Mapping, table_name: str, headers: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each column that a field reads, with the field as a target."""
    if table_name == mapping.main_table:
        yield from _of_fields(mapping.customer.fields(), "", "", headers)
        yield from ((column, "reference_id") for column in key_headers(mapping, headers))
    contact = 0
    for entry in mapping.children():
        for number in entry.numbers():
            is_address = isinstance(entry, AddressEntry)
            contact += 0 if is_address else 1
            if (entry.table or mapping.main_table) != table_name:
                continue
            prefix = f"addresses.{_role(entry)}." if isinstance(entry, AddressEntry) else f"contacts[{contact}]."
            yield from _of_fields(entry.fields(), prefix, number, headers)
            cells = (reference.replace(NUMBER, number) for reference in entry.cells)
            yield from ((column, f"{prefix}address_line_1") for column in _found(cells, headers))


def _role(entry: AddressEntry) -> str:
    kinds = list((entry.type.constant or ()) if isinstance(entry.type, FieldRule) else ())
    return kinds[0] if kinds else "any"


def _of_fields(
    fields: dict[str, FieldRule], prefix: str, number: str, headers: Sequence[str]
) -> Iterator[tuple[str, str]]:
    for name, rule in fields.items():
        target = "attribute" if name.startswith("attributes.") else f"{prefix}{name}"
        references = (reference.replace(NUMBER, number) for reference, _ in rule.references(optional=True))
        yield from ((column, target) for column in _found(references, headers))
