"""What a person runs: settlement, real-data imports, developer chores. Nothing imports this package but itself and tests."""
