"""The work in parts: some customers at a time, on several processors or machines, and what is large on disk.

The results are byte for byte those of the work in one piece.

A part is a range of customers in the order of their first rows, with all their rows. What is done to it is done by two
pure functions (``work``): its rows are mapped; then its records are validated and its bodies written. Their input and
output lie as Arrow files in a scratch folder beside the reports. Everything that looks at more than one customer is
done by the parent, on all of them at once and on narrow columns:

- whose rows are whose: keys, skip rules, rows that continue others, parents, orphans (``mapping.owners``), and all that
  is said of rows without a customer;
- what is said of whole tables: unused, misspelt and missing columns and tables (``mapping.apply.look_over``);
- what was rewritten, summed up by column with the first cell, the keys' own rewriting included (``merge``);
- reference ids of customers, addresses and contacts that are the same or differ only in case, and customers that are
  probably one (``across``, by fingerprints);
- names that are looked up: each pending or inactive one is told once, at its first customer, with the count of all
  (``across``); attributes that cannot be checked, once for each kind of record;
- counts and reports, which are made of all records together.
"""
