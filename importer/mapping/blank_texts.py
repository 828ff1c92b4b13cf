"""Texts that stand for nothing, such as ``NULL`` and ``N/A``: blank in fields, and never in keys and ids."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from importer.tables import Mask

_ANY_CASE = ("null", r"\n", "(null)", "#n/a", "n/a", "-", "--", ".")
_AS_WRITTEN = ("nan", "None")
# Nan is a first name, and None a town; these may also be a part of a company's name.
_NOT_AS_WRITTEN = frozenset({"company_name", "display_name", "first_name", "last_name", "state", "country"})
_KEPT = frozenset({"key", "reference_id", "former id"})


@dataclass(frozen=True)
class BlankTexts:
    """Which texts stand for nothing. ``texts``: the mapping's own list, compared without case; None: the usual ones."""

    texts: tuple[str, ...] | None = None

    @property
    def longest(self) -> int:
        """The bytes of the longest of them."""
        return max((len(text.encode()) for text in self.texts or (*_ANY_CASE, *_AS_WRITTEN)), default=0)

    def among(self, values: pa.Array, field: str, meant: Collection[str] = ()) -> Mask:
        """Which values stand for nothing in a field; ``meant``: texts in lower case that the mapping has a use for."""
        mask = np.zeros(len(values), bool)
        if field in _KEPT:
            return mask
        at = np.flatnonzero(pc.less_equal(pc.utf8_length(values), self.longest))  # most texts are longer than these
        values = values.take(pa.array(at))
        listed = _ANY_CASE if self.texts is None else [text.strip().lower() for text in self.texts]
        wanted = pa.array([text for text in listed if text not in meant], pa.string())
        found = pc.is_in(pc.utf8_lower(values), value_set=wanted)
        if self.texts is None and field not in _NOT_AS_WRITTEN:
            exact = pa.array([text for text in _AS_WRITTEN if text.lower() not in meant], pa.string())
            found = pc.or_(found, pc.is_in(values, value_set=exact))
        mask[at] = found.to_numpy(zero_copy_only=False)
        return mask
