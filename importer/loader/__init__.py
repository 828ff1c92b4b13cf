"""Files to text: finds encoding, delimiter, sheets, header and footer; every row knows its place."""

from importer.loader.load import load
from importer.loader.options import LoadOptions
from importer.loader.places import public_source

__all__ = ["LoadOptions", "load", "public_source"]
