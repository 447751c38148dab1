"""Routes for a landlord's accountants under /mall/v1: that mall's own statements and nothing else."""
