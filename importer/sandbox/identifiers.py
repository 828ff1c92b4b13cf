"""Ids of customers and children: UUIDs, and on demand odd ones that no program should have to expect."""

import uuid

from starlette.convertors import Convertor, register_url_convertor

__all__ = ["IN_PATH", "new_id"]

IN_PATH = "sandbox_id"
"""The name of the convertor that finds an id in a path, odd ones with their slash included."""
_END = "/1"


def new_id(*, odd: bool) -> str:
    """An id that nothing else has; an ``odd`` one holds a space and a slash."""
    return f"odd {uuid.uuid4()}{_END}" if odd else str(uuid.uuid4())


class _IdConvertor(Convertor[str]):
    regex = f"[^/]+(?:{_END})?"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor(IN_PATH, _IdConvertor())
