"""Problems in the words of the owner of the data: without options, files, and names that only the importer has."""

import re

from importer.catalogue import find

# What an owner of the data has never seen: code, options, mapping language, file formats.
_TECHNICAL = re.compile(
    r"`|--\w|\w_\w|\b(?:mappings?|API|JSON|YAML|CSV|importer|ledger|UTF-8|encoding|exit code|UUID|E\.164|ISO)\b|[{}]",
    re.IGNORECASE,
)

_OF_THE_LIST = re.compile(r"'[^']*'|\"[^\"]*\"|\S+\.(?:csv|txt|tsv|xlsx?|ods)\S*", re.IGNORECASE)  # cells and places


def is_plain(text: str) -> bool:
    """Whether an owner of the data understands the words; cells in quotes may hold anything."""
    return not _TECHNICAL.search(_OF_THE_LIST.sub("", text))


def owner_words(code: str, message: str, hint: str) -> tuple[str, str, str]:
    """(title, message, hint) of a problem; the title stands for a message that is too technical, nothing for a hint."""
    title = owner_title(code)
    return title, message if is_plain(message) else title, hint if is_plain(hint) else ""


def owner_title(code: str) -> str:
    """What is wrong, as a heading."""
    entry = find(code)
    return "Something to look at" if entry is None else entry.owner_title or entry.title


def owner_fix(code: str) -> str:
    """What the owner of the data does about it."""
    entry = find(code)
    return "Look at the cell, and correct it if it is wrong." if entry is None else entry.owner or entry.fix
