"""Files to text: finds encoding, delimiter, sheets, header and footer; every row knows its place."""

from importer.loader.load import load
from importer.loader.options import LoadOptions

__all__ = ["LoadOptions", "load"]
