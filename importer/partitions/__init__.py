"""The work split into partitions that hold whole customers, run by any ``concurrent.futures.Executor``.

A partition is a range of customers in the order of their first rows, with all their rows. Two functions (``worker``)
do its work: one maps its rows; the other validates its records and writes their bodies. Their input and output are
Arrow files in a scratch folder beside the reports. The parent does everything that concerns more than one customer
(``prepared_sources``, ``all_partitions``): keys and parents, IDs that occur twice, possible duplicates, unused columns,
names to look up, counts, and reports.

The reports are byte for byte the same, regardless of the number of partitions and of where they run.
"""
