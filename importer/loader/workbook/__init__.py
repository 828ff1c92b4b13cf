"""Workbooks and marked-up tables, with the text that a person sees in the cells."""
