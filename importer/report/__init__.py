"""The files that a run writes for people and programs: results, errors, rejected rows, summary.

Each ``write_…`` function takes a ``ReportInput`` and leaves a complete file or none. Only its owner can read the file.
"""
