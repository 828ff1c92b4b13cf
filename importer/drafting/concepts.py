"""The concepts and roles of the lexicon by their use, and choosing the concept of a header with several."""

ADDRESS_PARTS = frozenset(
    {"address", "street", "house_number", "address_line_2", "po_box", "district"}
    | {"city", "state", "zip_code", "zip_city", "country"}
)
LINES = frozenset({"address", "street"})
PERSON_PARTS = frozenset({"first_name", "last_name", "full_name", "phone", "mobile", "email", "designation"})
COMMERCIAL = frozenset({"payment_term", "payment_mode", "price_list", "shipping_method", "freight_term", "sales_rep"})
# Nothing is proposed for these concepts. If a header has one of them beside a different concept, it has this concept.
NEVER = (
    "sensitive", "tax_number", "tax_setting", "setting", "money", "date", "user", "language", "notes", "social",
    "website", "fax", "pager", "salutation", "department", "group", "coordinates", "payment_days", "search_name",
    "other_number", "middle_name", "person_kind",
)  # fmt: skip
OF_COMPANIES = frozenset({"billing", "shipping", "mailing", "visiting"})  # addresses that a company can have
OF_ADDRESSES = OF_COMPANIES | {"home", "work", "other"}
# If a column has one of these roles, it is never about the customer.
OF_OTHERS = frozenset({"bank", "tax", "supplier", "agent", "carrier", "assistant", "former"})
AT_ADDRESS = "address"  # the role of a phone or a company beside the word "address"


_AS_ROLE = {
    "company_name": "company", "full_name": "contact", "customer_number": "company", "parent": "parent",
    "sales_rep": "agent", "shipping_method": "carrier", "name": "", "address": AT_ADDRESS,
}  # fmt: skip
_OWNERS = frozenset({"company_name", "customer_number", "full_name", "name"})  # "Customer city", "Contact city"
_NUMBERED = frozenset({"phone", "mobile", "email", "country", "state", "city", "zip_code", "house_number", "po_box"})
_NAMING = frozenset({"id", "name", "company_name", "customer_number", "parent", "full_name"})
Choice = tuple[str, str]  # the header's concept, and the concept whose words in the header decide that


def head(names: list[str], *, first: bool) -> Choice:
    """The concept of a header. ``names``: all its concepts from left to right; ``first``: the first noun decides."""
    different = frozenset(names)
    if len(different) == 1:
        return names[0], names[0]
    if "notes" in different and (terms := COMMERCIAL & different):
        return min(terms), min(terms)
    if {"phone", "fax"} <= different:
        return "phone", "phone"  # "Tel./Fax"
    for name in NEVER:
        if name in different:
            return name, name
    for rule in (_of_meta, _of_address, _of_numbers, _of_people):
        if (found := rule(different)) is not None:
            return found
    order = names if first else names[::-1]
    deciding = next((name for name in order if name not in _AS_ROLE), order[0])
    return deciding, deciding


def roles_of(names: list[str], shown: str) -> set[str]:
    """The roles that the other concepts have: ``Customer`` in ``Customer city`` says whose city it is."""
    return {_AS_ROLE.get(name, "") for name in names if name != shown} - {""}


def _of_meta(names: frozenset[str]) -> Choice | None:
    """``Phone type`` is about a phone; ``Address type`` and ``Customer type`` have a meaning of their own."""
    meta = next((name for name in ("meta", "kind", "status") if name in names), None)
    if meta is None:
        return None
    others = names - {meta}
    if terms := others & COMMERCIAL:
        return min(terms), min(terms)
    if meta == "status":
        return ("status" if others <= {"customer_number", "company_name", "name", "active_flag"} else "setting"), meta
    if "address" in others:
        return "address_type", meta
    if others <= _OWNERS:
        return "kind", meta
    own = others & {"kind", "status"}
    return (min(own), min(own)) if own else ("setting", meta)


def _of_address(names: frozenset[str]) -> Choice | None:
    """``Address street`` is the street. A postal code with a city is one concept, which is split later."""
    towns = names & {"city", "zip_code", "state"}
    if len(towns | (names & {"zip_city"})) > 1 and towns:
        return "zip_city", min(towns)
    if {"country", "state"} <= names:
        return "country", "country"
    line = next((name for name in ("street", "address") if name in names), None)
    whole = names & {"house_number"} or ("street" in names and names & {"po_box", "address_line_2"})
    if line is not None and whole:
        return line, line
    parts = (names & ADDRESS_PARTS) - {"address"}
    if len(parts) == 1 and names - parts <= _OWNERS | {"address", "id", "parent", "display_name"}:
        return min(parts), min(parts)
    if "address" in names and not names & PERSON_PARTS:
        named = ("address_name", "address") if names & {"name", "id"} else None
        return named or (("company_name", "company_name") if "company_name" in names else None)
    return None


def _of_numbers(names: frozenset[str]) -> Choice | None:
    """``Phone No.`` is a phone, ``Customer ID`` a customer's number, ``Sales rep name`` a sales rep."""
    others = names - {"id", "name"}
    if others == names:
        return None
    numbered = "id" in names
    itself = others & ({"parent"} | COMMERCIAL | (_NUMBERED if numbered else set()))
    if itself:
        return min(itself), min(itself)
    if others and others <= {"company_name", "customer_number"}:
        return ("customer_number" if numbered else "company_name"), min(others)
    if others == {"full_name"}:
        return ("other_number" if numbered else "full_name"), "full_name"
    return None if others else ("id", "id")


def _of_people(names: frozenset[str]) -> Choice | None:
    """``Contact phone`` is the phone of a person, ``First and last name`` a whole name."""
    if {"first_name", "last_name"} <= names:
        return "full_name", "last_name"
    parts = (names & PERSON_PARTS) - {"full_name"}
    if len(parts) == 1 and names - parts <= _OWNERS | {"address", "display_name"}:
        return min(parts), min(parts)
    if names == {"full_name", "company_name"}:
        return "company_name", "company_name"
    if names <= {"phone", "mobile"}:
        return "mobile", "mobile"
    return ("parent", "parent") if "parent" in names and names & _NAMING - {"parent"} else None


def in_roles(concept: str, roles: set[str]) -> str:
    """What a concept becomes with these roles, such as the name of a contact or the number of a parent."""
    if concept == "user" and "agent" in roles:
        return "sales_rep"  # the employee who sells to the customer
    if concept in NEVER:
        return concept
    owner = next(
        (
            role
            for role in ("assistant", "former", "bank", "tax", "carrier", "supplier", "agent", "parent")
            if role in roles
        ),
        "",
    )
    if owner:
        return _of_owner(concept, owner)
    person, company = bool(roles & {"contact", "person"}), "company" in roles
    if concept == "meta":
        kind = not roles or roles & {"company", "contact"}
        return "kind" if kind else "address_type" if roles & {"billing", "shipping"} else "setting"
    if concept == "name" and (person or company):
        concept = "full_name" if person else "company_name"
    if concept == "id" and (person or company):
        concept = "other_number" if person else "customer_number"
    if concept in ("name", "id", "company_name", "customer_number", "display_name") and roles & OF_COMPANIES:
        return "other_number" if concept == "customer_number" else "address_name"
    return concept


def _of_owner(concept: str, owner: str) -> str:
    """What a concept becomes if it belongs to somebody other than the customer."""
    if owner == "assistant":
        return "user"
    if owner in ("bank", "tax", "carrier"):
        return concept if concept in ("shipping_method", "freight_term") else "setting"
    if owner == "supplier":
        return "supplier_flag" if concept in ("supplier_flag", "active_flag", "meta") else "setting"
    if owner == "agent":
        return "sales_rep" if concept in ("sales_rep", "name", "id", "full_name", "company_name") else "setting"
    return "parent" if concept in _NAMING else "setting"
