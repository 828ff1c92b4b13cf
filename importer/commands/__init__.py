"""What each command does. Most modules contain one command and have its name.

The exceptions: ``history`` has ``runs``, ``ids``, and ``report``; ``explain`` also has ``mappings`` and ``example``;
``resume`` also has ``retry``; ``jobs`` is for ``run`` with a folder of config files.
"""
