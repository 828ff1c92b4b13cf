"""Delimited text: encoding, delimiter, records, and tagged sections."""
