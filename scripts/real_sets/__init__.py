"""One module per public data set: which files are imported how, and which figures must come out.

Everything that is particular to a data set stands here and in `scripts/mappings`; the product knows none of it.
"""
