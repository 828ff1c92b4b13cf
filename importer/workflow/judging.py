"""What is wrong with the records that a mapping made, and what comes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from importer.mapping import Mapping as MappingFile
from importer.records import Severity
from importer.settings import Options
from importer.tables import EntityTables, ProblemTable, Sources
from importer.validation import Settled, check_attributes, complete_defaults, defined_columns, settle, validate
from importer.validation.fingerprints import Others
from importer.workflow.directory import Directory
from importer.workflow.resolve_lookups import Told, pending_lookups, resolve_lookups

__all__ = ["Shared", "Terms", "judged"]

_ALIKE = {"off": None, "warn": Severity.WARNING, "reject": Severity.ERROR}


@dataclass(frozen=True)
class Terms:
    """By what records are judged. ``directory``: what names are looked up in; without one they are left open."""

    contact_email_required: bool
    severities: Mapping[str, Severity]
    alike: Severity | None
    directory: Directory | None

    @classmethod
    def of(cls, options: Options, mapping: MappingFile, directory: Directory | None) -> "Terms":
        """Those of a run."""
        return cls(mapping.needs_contact_email, mapping.severity, _ALIKE[options.dedupe], directory)


@dataclass(frozen=True)
class Shared:
    """What only all customers together show, of some of them: see ``validate`` and ``pending_lookups``."""

    others: Others
    told: Told


def judged(
    terms: Terms, tables: EntityTables, sources: Sources, problems: ProblemTable, shared: Shared | None = None
) -> Settled:
    """Look names up, validate, and settle every problem, ``problems`` of the mapping included.

    ``shared`` where ``tables`` hold only some of the customers.
    """
    told = None if shared is None else shared.told
    definitions = {} if terms.directory is None else terms.directory.attributes
    if terms.directory is None:
        looked_up = pending_lookups(tables, told)
    else:
        tables, unresolved = resolve_lookups(tables, sources, terms.directory, told)
        tables, attributes = check_attributes(tables, sources, definitions)
        looked_up = ProblemTable.concat([unresolved, attributes])
    checked = validate(
        tables,
        sources,
        contact_email_required=terms.contact_email_required,
        resolved_lookups=terms.directory is not None,
        alike=terms.alike,
        others=None if shared is None else shared.others,
        unlimited=defined_columns(definitions, lambda definition: definition.unlimited),
    )
    found = ProblemTable.concat([problems, looked_up, checked])
    result = settle(
        tables,
        found,
        contact_email_required=terms.contact_email_required,
        mandatory=defined_columns(definitions, lambda definition: definition.mandatory),
        severities=terms.severities,
    )
    return replace(result, tables=complete_defaults(result.tables))
