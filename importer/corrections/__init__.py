"""Corrections of single cells: recorded from mended rows, kept in a file, and applied to later exports."""
