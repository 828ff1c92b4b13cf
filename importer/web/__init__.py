"""The local page: the whole journey from a file to sent customers, in a browser on this machine.

It is a thin layer over :mod:`importer.python_api`: each action calls it, and the page shows the equivalent command.
"""
