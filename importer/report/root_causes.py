"""Causes that most customers share, so that they are told once."""

import numpy as np

from importer.catalogue import find
from importer.records import Severity
from importer.report.problem_list import Located

_FEWEST = 2  # customers: of one, nothing is shared


def root_causes(located: Located, customers: int) -> list[str]:
    """One sentence or two for each error that more than half of the customers have, with the one way to fix it.

    Errors have the same cause if they have the same code and the same hint.
    """
    errors = np.flatnonzero((located.kinds["severity"] == str(Severity.ERROR)).to_numpy(np.bool_))
    needed = max(_FEWEST, customers // 2 + 1)
    found = []
    for group in located.groups(errors):
        if len(group.at) < needed:
            continue
        lines = located.lines(group.at, ("hint", "column"))
        lines["customer"] = located.kinds["_customer"].to_numpy(np.int64)[group.at]
        for hint, own in lines.groupby("hint", sort=False):
            count = own.loc[own["customer"] >= 0, "customer"].nunique()
            if count >= needed:
                columns = ", ".join(own["column"].dropna().unique().tolist())
                code = find(group.code)
                title = code.title if code else group.code
                where = f" ({columns})" if columns else ""
                found.append(f"{count:,} of {customers:,} customers have the same problem: {title}{where}. {hint}")
    return found
