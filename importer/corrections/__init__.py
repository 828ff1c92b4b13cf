"""Corrections of individual cells: recorded from fixed rows, kept in a file, and applied to later exports."""
