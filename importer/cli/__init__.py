"""The command line: the only package that prints, asks questions, or exits."""

from importer.cli.app import main

__all__ = ["main"]
