"""What the columns of one table give, as far as it is known."""

from dataclasses import dataclass, field

from importer.drafting.address_parts import AddressGroup
from importer.drafting.readings import Reading


@dataclass
class Assignment:
    """What the columns of one table give. Columns are positions.

    ``readings``: what the columns mean; ``groups``: how many addresses they could form; ``addresses``: those with a
    slot. ``customer``: field → its columns, in the order in which they are tried. ``contacts``: number → the same; 0
    is a person without a number beside numbered ones. ``people``: path of an address → the person, phone, and email of
    it. ``address_type``, ``is_default``: columns that say so of addresses. ``skipping``: column → the concept of its
    rule. ``area_codes``: column of a phone → the one with its area code. ``parent``: columns that name a parent.
    ``suppliers``: columns with the numbers or names of suppliers. ``targets``: column → what it gives, as targets are
    spelled.
    """

    readings: list[Reading]
    groups: int = 0
    addresses: list[AddressGroup] = field(default_factory=list)
    customer: dict[str, list[int]] = field(default_factory=dict)
    contacts: dict[int, dict[str, list[int]]] = field(default_factory=dict)
    people: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    address_type: int | None = None
    is_default: int | None = None
    skipping: dict[int, str] = field(default_factory=dict)
    area_codes: dict[int, int] = field(default_factory=dict)
    parent: list[int] = field(default_factory=list)
    suppliers: list[int] = field(default_factory=list)
    targets: dict[int, list[str]] = field(default_factory=dict)

    def give(self, column: int, *targets: str) -> None:
        """Note that a column gives these targets."""
        own = self.targets.setdefault(column, [])
        own += [target for target in targets if target not in own]
