"""The files that a run writes for people and programs: results, errors, rejected rows, summary.

``ReportInput`` goes in; every ``write_…`` leaves a whole file or none, readable by its owner only.
"""
