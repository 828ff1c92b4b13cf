"""The command line: the only package that prints, asks or exits."""

from importer.cli.app import main

__all__ = ["main"]
