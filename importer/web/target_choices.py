"""The fields that a column can be used for, as the drop-down lists of the page offer them."""

from collections.abc import Sequence

from importer.catalogue.field_names import FIELD_NAMES, in_sentence, with_owner
from importer.drafting.column_choices import ADDRESS_TARGETS, CONTACT_TARGETS, CUSTOMER_TARGETS, IGNORE, KEY
from importer.drafting.draft import DraftColumn
from importer.tables import ATTRIBUTE_PREFIX
from importer.wording import capitalized

_WORDS = {
    **FIELD_NAMES["contact"],
    **FIELD_NAMES["address"],
    **FIELD_NAMES["customer"],
    "name": "Full name",
    "type": "Type: billing or shipping",
    "is_default": "Whether it is the default",
    "skip_rule": "Decides which rows are left out",
    "parent_key": "Parent (the customer this row belongs to)",
}


def words_of(target: str) -> str:
    """The name of a target on the page."""
    if target.startswith(ATTRIBUTE_PREFIX):
        return f"Custom attribute “{target.removeprefix(ATTRIBUTE_PREFIX)}”"
    owner, _, name = target.rpartition(".")
    if not owner:
        return _WORDS.get(target, target) if target != IGNORE else "Not used"
    place = owner.removeprefix("addresses.").replace("contacts", "contact").replace("[", " ").replace("]", "")
    place = "address" if place == "any" else place
    label = f"{place[:1].upper()}{place[1:]}"
    return capitalized(with_owner(label, _low(name)))


def _low(name: str) -> str:
    """The name of a field as it is written within a sentence."""
    return in_sentence(_WORDS.get(name, name))


def groups_for(columns: Sequence[DraftColumn]) -> list[tuple[str, list[tuple[str, str]]]]:
    """The choices for all columns of a draft: group labels, each with its (target, name) pairs.

    The choice of a custom attribute with the column's own name is not included.
    """
    used = {target for column in columns for target in column.targets}
    shipping = max([1, *(_number(target) for target in used if target.startswith("addresses.shipping"))])
    contacts = max([1, *(_number(target) for target in used if target.startswith("contacts["))])
    any_address = any(target.startswith("addresses.any.") for target in used)
    paths = ["addresses.billing", "addresses.shipping"]
    paths += [f"addresses.shipping[{number}]" for number in range(2, shipping + 2)]
    labels = ["Billing", "Shipping", *(f"Shipping {n}" for n in range(2, shipping + 2))]
    groups = [("Customer", [(target, _WORDS[target]) for target in (KEY, *CUSTOMER_TARGETS)])]
    if any_address:
        groups.append(
            ("Address", [(target, words_of(target)) for target in map("addresses.any.{}".format, ADDRESS_TARGETS)])
        )
    for path, label in zip(paths, labels, strict=True):
        own = [(f"{path}.{name}", f"{label}: {_low(name)}") for name in ADDRESS_TARGETS]
        groups.append((f"{label} address", [(path, f"{label}: whole address in one cell"), *own]))
    for number in range(1, contacts + 2):
        own = [(f"contacts[{number}].{name}", f"Contact {number}: {_low(name)}") for name in CONTACT_TARGETS]
        groups.append((f"Contact {number}", own))
    every = [(f"addresses.any.{name}", f"Address: {_low(name)}") for name in ("type", "is_default")]
    return [*groups, ("All addresses", every)]


def _number(target: str) -> int:
    _, found, rest = target.partition("[")
    number = rest.partition("]")[0]
    return int(number) if found and number.isdigit() else 1


def chosen_target(column: DraftColumn) -> tuple[str, str]:
    """The choice that a column's list shows: a target and its name."""
    targets = column.targets
    wholes = {target.rpartition(".")[0] for target in targets if target.endswith(".address_line_1")}
    whole = next((path for path in wholes if f"{path}.city" in targets), None)
    if whole is not None:
        return whole, f"{words_of(f'{whole}.city').partition(':')[0]}: whole address in one cell"
    if {"first_name", "last_name"} <= {target.rpartition(".")[2] for target in targets}:
        path = next(target.rpartition(".")[0] for target in targets if target.endswith("first_name"))
        if path.startswith("contacts["):
            return f"{path}.name", words_of(f"{path}.name")
    return (targets[0], words_of(targets[0])) if targets else (IGNORE, "Not used")


def missing_lines(columns: Sequence[DraftColumn]) -> list[str]:
    """Addresses with parts but without a street, which are not sent."""
    parts: dict[str, set[str]] = {}
    for column in columns:
        for target in column.targets:
            path, _, name = target.rpartition(".")
            if path.startswith("addresses.") and name in ADDRESS_TARGETS:
                parts.setdefault(path, set()).add(name)
    return [words_of(f"{path}.city").partition(":")[0] for path, own in parts.items() if "address_line_1" not in own]
