"""What commands do before they map: read the options, the mapping, and the sources."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pandas as pd

from importer.cell_text import header_key
from importer.corrections.corrected_sources import corrected
from importer.corrections.corrections_file import read_corrections
from importer.errors import NoSourceError, OptionError, UsageError
from importer.loader import LoadOptions, dated, load
from importer.mapping.fitting import NO_FIT, best_fit
from importer.mapping.language.mapping_files import LoadedMapping, load_mapping
from importer.mapping.table_rows import with_table_names
from importer.mapping.transforms.countries import country_code
from importer.settings import Options
from importer.tables import ADDRESS_FIELDS, CONTACT_FIELDS, CUSTOMER_FIELDS, Sources
from importer.validation.schemas import REQUIRED
from importer.wording import first_few, nearest
from importer.workflow.timings import Timings
from importer.workflow.word_files import with_words

_ONLY_BY_NAME = frozenset({"assigned_price_list_id", "assigned_sales_rep_ids", "payment_term", "type"})
_NAMED = 5  # columns in a message
_FIELDS = "Use the field names in errors.csv."


def with_dates(options: Options, now: datetime) -> Options:
    """The options with the dates in the names of sources filled in, in this machine's time zone (``TZ``).

    Raises :class:`UsageError`, and :class:`SourceError` if no file has such a date.
    """
    return replace(options, sources=dated(options.sources, now.astimezone()))


def open_sources(
    options: Options, timings: Timings, scratch: Path | None = None, *, words_to_come: bool = False
) -> tuple[LoadedMapping, Sources]:
    """Load the mapping, and load the sources with what it says about their columns. Apply the corrections.

    ``scratch``: a folder for the cells of text files. ``words_to_come``: the value table that the mapping names may not
    exist yet. Raises :class:`InputError` if any of these files cannot be used.
    """
    _check_country(options)
    if not options.mapping:
        raise _missing_mapping(options)
    blank_when_invalid(options)  # report a wrong name before a large source is read
    loaded = with_words(load_mapping(options.mapping), options.values, may_be_absent=words_to_come)
    corrections = None if options.corrections is None else read_corrections(options.corrections)
    hints = loaded.mapping.header_hints()
    how = LoadOptions(
        columns=hints,
        two_headers=loaded.mapping.two_headers,
        allowed=frozenset(header_key(name) for names in hints for name in names),
        names=tuple(name for table in loaded.mapping.tables.values() for name in table.names),
        sheet=options.sheet,
        encoding=options.encoding,
        country=options.country,
        delimiter=options.delimiter,
        partial=options.partial,
        scratch=scratch,
        headerless=tuple((table.columns, table.names) for table in loaded.mapping.tables.values() if table.columns),
    )
    with timings.stage("load"):
        sources = load(list(options.sources), how)
    if not sources.row_count and not options.partial:
        raise NoSourceError(
            "the sources have no data rows", "Check whether the files are the right export, and complete."
        )
    sources = with_table_names(loaded.mapping, sources)
    return loaded, sources if corrections is None else corrected(sources, corrections, partial=options.partial)


def open_unmapped(options: Options) -> Sources:
    """Load the sources without a mapping. Raises :class:`InputError` if they cannot be read."""
    _check_country(options)
    how = LoadOptions(
        sheet=options.sheet, encoding=options.encoding, country=options.country, delimiter=options.delimiter
    )
    return load(list(options.sources), how)


def _check_country(options: Options) -> None:
    if options.country is None or (meant := country_code(options.country)) == options.country:
        return
    guess = f"Did you mean {meant}? " if meant else ""
    hint = f"{guess}Use the two-letter code of a country, such as US or GB."
    raise OptionError("country", options.country, hint)


def _missing_mapping(options: Options) -> UsageError:
    """The error for a missing mapping. It names the included mapping that fits best, and what it would not use."""
    fit = best_fit(open_unmapped(options))
    if fit is None:
        return UsageError("--mapping is missing", NO_FIT)
    names = first_few(fit.unused, _NAMED)
    unused = f", all but {names}" if names else ""
    both = (
        f"To use it: `importer check -m {fit.name}`. "
        "To draft a new mapping for this file instead: `importer suggest -o mapping.yaml`."
    )
    return UsageError("--mapping is missing", f"{fit}{unused}. {both}")


def blank_when_invalid(options: Options) -> frozenset[str]:
    """The fields whose invalid values ``--invalid`` leaves out. Raises :class:`UsageError` for a wrong field.

    If it names none, these are all fields except those in ``_ONLY_BY_NAME``, which decide how a customer is treated.
    """
    if options.invalid is None:
        return frozenset()
    known = frozenset({*CUSTOMER_FIELDS, *ADDRESS_FIELDS, *CONTACT_FIELDS})
    names = options.invalid.removeprefix("blank").removeprefix("=")
    if not names:
        return known - _ONLY_BY_NAME
    for name in names.split(","):
        if name not in known:
            guess = "".join(f"Did you mean {near!r}? " for near in nearest(name, sorted(known)))
            raise UsageError(f"--invalid: there is no field {name!r}", f"{guess}{_FIELDS}")
        if name in REQUIRED["customer"]:
            raise UsageError(f"--invalid: a customer cannot be sent without the field {name!r}", _FIELDS)
    return frozenset(names.split(","))


def chosen(options: Options, bodies: pd.DataFrame) -> pd.DataFrame:
    """The bodies of the customers that ``--only`` names, or all bodies without that option."""
    if options.only:
        bodies = bodies[bodies["reference_id"].isin(list(options.only))]
    return bodies.reset_index(drop=True)
