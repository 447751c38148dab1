"""The demonstration: two plainly fictional brands that a newcomer can click, order from and settle.

Written through the same verbs as everything else, once, against the simulators only. Holds no rule of the business.
"""
