"""The mapping language: reading mapping files and applying them to source tables."""

from importer.mapping.language.mapping_files import LoadedMapping, list_mappings, load_mapping
from importer.mapping.language.mapping_model import Mapping

__all__ = ["LoadedMapping", "Mapping", "list_mappings", "load_mapping"]
