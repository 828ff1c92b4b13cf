"""Values that contradict a header: ``mail_state`` holding 0 and 1 is no state."""

from collections.abc import Callable

from importer.drafting.column_values import ColumnValues

_FITS: dict[str, Callable[[ColumnValues], bool]] = {
    "email": lambda column: column.emails >= 0.5,
    "phone": lambda column: column.digits_enough >= 0.5 and column.emails < 0.3 and column.dates < 0.5,
    "mobile": lambda column: column.digits_enough >= 0.5 and column.emails < 0.3 and column.dates < 0.5,
    "zip_code": lambda column: column.with_digits >= 0.6 and column.emails == 0 and column.dates < 0.5,
    "zip_city": lambda column: column.lettered >= 0.5,
    "country": lambda column: column.countries >= 0.4,
    "state": lambda column: not _flags_only(column) and column.emails == 0 and (column.lettered > 0 or column.few),
    "city": lambda column: column.lettered >= 0.7 and column.emails == 0 and column.phones < 0.3,
    "address": lambda column: column.lettered >= 0.6 and column.emails < 0.3 and not _flags_only(column),
    "street": lambda column: column.lettered >= 0.6 and column.emails < 0.3 and not _flags_only(column),
    "address_line_2": lambda column: not _flags_only(column) and column.emails < 0.3,
    "po_box": lambda column: not _flags_only(column),
    "company_name": lambda column: column.lettered >= 0.6 and column.emails < 0.5 and not _flags_only(column),
    "name": lambda column: column.lettered >= 0.6 and column.emails < 0.5 and column.salutations < 0.5,
    "display_name": lambda column: column.lettered >= 0.5 and column.emails < 0.5,
    "first_name": lambda column: column.lettered >= 0.7 and column.emails < 0.3 and not _flags_only(column),
    "last_name": lambda column: column.lettered >= 0.7 and column.emails < 0.3 and not _flags_only(column),
    "full_name": lambda column: (
        column.lettered >= 0.7 and column.emails < 0.3 and column.salutations < 0.7 and not _flags_only(column)
    ),
    "designation": lambda column: column.salutations < 0.5 and column.lettered >= 0.7 and not _flags_only(column),
    "payment_term": lambda column: not _flags_only(column) and column.dates < 0.5,
    "payment_mode": lambda column: not _flags_only(column) and column.dates < 0.5,
    "shipping_method": lambda column: not _flags_only(column) and column.whole_addresses < 0.3,
    "freight_term": lambda column: not _flags_only(column) and column.whole_addresses < 0.3,
    "price_list": lambda column: not _flags_only(column) or column.distinct > 1,
    "sales_rep": lambda column: not _flags_only(column) and column.phones < 0.5,
    "customer_number": lambda column: column.dates < 0.5 and not _flags_only(column),
    "active_flag": lambda column: column.few,
    "inactive_flag": lambda column: column.few,
    "deleted_flag": lambda column: column.few or column.dates > 0.5,
    "blocked_flag": lambda column: column.few,
    "status": lambda column: column.few,
    "kind": lambda column: column.few,
}  # fmt: skip


def fits(concept: str, column: ColumnValues) -> bool:
    """Whether the values of a column can be of a concept. A blank column can be of any."""
    test = _FITS.get(concept)
    return column.blank or test is None or test(column)


def _flags_only(column: ColumnValues) -> bool:
    return column.distinct <= 3 and column.flags > 0.99
