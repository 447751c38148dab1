"""Guides are people (导购): a store's sales persons, their links and codes, their shoppers, and who won which order.

Verbs: employ a guide, share a link, record a touch, attribute an order, work out a commission, hand relations over. Invariant: attribution is decided
once, before payment is prepared, from evidence that is kept.
"""
