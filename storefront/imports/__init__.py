"""Files that brands bring along: read as text rows, mapped to our fields, typed, and handed in batches to the import verbs below.

Owns reading, mapping, typing, reporting and the run over a file. Knows no table: what a row means and whether it changes anything is
the verb's to say. Invariant: rows read = imported + unchanged + refused + left out, and every refused row stands in the report.
"""
