"""Corrections of single cells: recorded from fixed rows, kept in a file, and applied to later exports."""
