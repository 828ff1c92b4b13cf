"""Who the report is for, and who gets the corrected workbook back."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Reader:
    """``audience``: ``owner`` of the data, or ``operator``, who runs the import. ``contact``: a name, an address."""

    audience: str = "operator"
    contact: str | None = None

    @property
    def is_owner(self) -> bool:
        """Whether the owner of the data reads it."""
        return self.audience == "owner"


OPERATOR = Reader()
