"""What a statement says beyond its totals: its lines with their evidence, the names printed on it, its tax.

`settlement.statements` counts; what is shown here is part of the hash or leads to the rule behind a line.
"""
