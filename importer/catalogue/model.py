"""What the catalogue says of one kind of problem."""

from dataclasses import dataclass

from importer.records import Severity

__all__ = ["Code"]


@dataclass(frozen=True, slots=True)
class Code:
    """One kind of problem.

    ``name``: stable, snake_case; stands in reports. ``title``: a heading of a few words. ``severity``: unless a policy
    of the mapping says otherwise. ``explanation``: what the rule is and why it is there. ``mend``: what to do, said to
    the one who has the file. ``example``: a cell that has it, and what happens. ``fixed``: why a mapping cannot give it
    another severity, as the end of a sentence; ``""`` where it can.
    """

    name: str
    title: str
    severity: Severity
    explanation: str
    mend: str
    example: str
    fixed: str = ""
