"""The laws of the books that `settlement.verify` recounts, a module for what stands beside the sales' portions.

Each finds what breaks it and names examples; none writes.
"""
