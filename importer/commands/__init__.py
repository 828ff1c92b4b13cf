"""What each command does: one module per command, but for these.

``history``: ``runs``, ``ids``, and ``report``; ``explain``: also ``mappings`` and ``example``; ``resume``: also
``retry``; ``jobs``: ``run`` with a folder of config files.
"""
