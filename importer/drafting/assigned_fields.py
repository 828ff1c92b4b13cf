"""What the columns of one table are used for, as far as known: fields, addresses, and people."""

from collections import defaultdict
from dataclasses import dataclass, field

from importer.drafting.readings import HeaderReading


@dataclass
class AddressGroup:
    """The columns of one address. ``parts``: part of an address → its columns, in the order in which they are tried.

    ``role``, ``number``: what distinguishes it from others; ``unknown``: words that are in no phrase. ``packed``: the
    columns to split: one with whole addresses, or lines in any order; ``beside``: the parts that are in separate
    columns in spite of that. ``slot``: ``billing`` or ``shipping``, or None if it is not used; ``index``: its number in
    the slot. ``partial``: it has lines but no town. ``instead_of``: this address replaces that one if that is blank;
    ``also_for``: this address is also used for that one if that is blank. ``flags``: role → the column that says
    whether the address has that role. ``same``: its cells that refer to a different address.
    ``types``: the column with its type, if each address has such a column.
    """

    role: str
    number: int | None
    unknown: tuple[str, ...] = ()
    parts: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    packed: list[int] = field(default_factory=list)
    beside: frozenset[str] = frozenset({"country"})
    slot: str | None = None
    index: int = 1
    partial: bool = False
    instead_of: "AddressGroup | None" = None
    also_for: "AddressGroup | None" = None
    flags: dict[str, int] = field(default_factory=dict)
    same: "SameAddress | None" = None
    types: int | None = None

    @property
    def path(self) -> str:
        """The address in the form that targets use."""
        return f"addresses.{self.slot}" + (f"[{self.index}]" if self.index > 1 else "")


@dataclass(frozen=True)
class SameAddress:
    """The ``texts`` of a column that mean ``SAME AS BILLING``, and the ``address`` that they refer to."""

    column: int
    texts: list[str]
    address: AddressGroup


@dataclass
class Assignment:
    """What the columns of one table are used for. Columns are positions.

    ``readings``: what the columns mean; ``groups``: how many addresses with a street they form; ``addresses``: those
    with a slot. ``customer``: field → its columns, in the order in which they are tried. ``contacts``: number → field →
    columns; 0 is a person without a number beside numbered people. ``people``: path of an address → its person's
    fields, phone, and email → columns. ``address_type``, ``is_default``: the columns with these fields of addresses.
    ``skipping``: column → the concept of its skip rule. ``beside_phones``: column of a phone → the column with its
    area code or its kind (``Fax``). ``parent``: columns that name a parent. ``suppliers``: columns with numbers or
    names of suppliers. ``targets``: column → its targets, such as ``addresses.billing.city``.
    """

    readings: list[HeaderReading]
    groups: int = 0
    addresses: list[AddressGroup] = field(default_factory=list)
    customer: dict[str, list[int]] = field(default_factory=dict)
    contacts: dict[int, dict[str, list[int]]] = field(default_factory=dict)
    people: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    address_type: int | None = None
    is_default: int | None = None
    skipping: dict[int, str] = field(default_factory=dict)
    beside_phones: dict[int, int] = field(default_factory=dict)
    parent: list[int] = field(default_factory=list)
    suppliers: list[int] = field(default_factory=list)
    targets: dict[int, list[str]] = field(default_factory=dict)

    def give(self, column: int, *targets: str) -> None:
        """Note that a column is used for these targets."""
        own = self.targets.setdefault(column, [])
        own += [target for target in targets if target not in own]
