"""What a store shows and sells: SPU, SKU, assortments, prices, stock and pages, resolved brand -> store group -> store.

Verbs: import, range, price, stock, reserve, decorate, publish, look up. Invariant: a brand's change touches no store's row, and a
SKU outside a store's assortment has no listing there.
"""
