"""The local page: the whole journey from a file to sent customers, in a browser on this machine.

A thin face on :mod:`importer.python_api`: each action is a call of it, and the page shows the equivalent command.
"""
