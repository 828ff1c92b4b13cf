"""The names of the concepts and roles of the lexicon, by what becomes of them."""

ADDRESS_PARTS = frozenset(
    {"address", "street", "house_number", "address_line_2", "po_box", "district"}
    | {"city", "state", "zip_code", "zip_city", "country"}
)
PERSON_PARTS = frozenset({"first_name", "last_name", "full_name", "phone", "mobile", "email", "designation"})
COMMERCIAL = frozenset({"payment_term", "payment_mode", "price_list", "shipping_method", "freight_term", "sales_rep"})
# Nothing is proposed for these, and a header that names one of them beside another concept is about it.
NEVER = (
    "sensitive", "tax_number", "tax_setting", "setting", "money", "date", "user", "language", "notes", "social",
    "website", "fax", "pager", "salutation", "department", "group", "coordinates", "payment_days", "search_name",
    "other_number", "middle_name", "person_kind",
)  # fmt: skip
OF_COMPANIES = frozenset({"billing", "shipping", "mailing", "visiting"})  # addresses that a company can have
OF_ADDRESSES = OF_COMPANIES | {"home", "work", "other"}
# Roles whose parts and numbers are never a customer's.
OF_OTHERS = frozenset({"bank", "tax", "supplier", "agent", "carrier", "assistant"})
AT_ADDRESS = "address"  # the role of a phone or a company beside the word "address"
