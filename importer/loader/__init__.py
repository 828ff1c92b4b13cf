"""Files to text: finds encoding, delimiter, sheets, header and footer; every row knows its place."""

from importer.loader.assemble import skipped_frame
from importer.loader.dated import dated
from importer.loader.discovery import changed_since, source_bytes
from importer.loader.load import load
from importer.loader.options import LoadOptions
from importer.loader.places import public_source

__all__ = ["LoadOptions", "changed_since", "dated", "load", "public_source", "skipped_frame", "source_bytes"]
