"""Reads files as text: finds the encoding, delimiter, sheets, header, and footer, and keeps the place of every row."""

from importer.loader.assemble import skipped_frame
from importer.loader.discovery import changed_since, dated, source_bytes
from importer.loader.layout import LoadOptions
from importer.loader.load import load
from importer.loader.locations import public_source

__all__ = ["LoadOptions", "changed_since", "dated", "load", "public_source", "skipped_frame", "source_bytes"]
