"""Guides' contacts in WeCom (企业微信): the ways by which shoppers add a guide, who has whom, and moves from one guide to another.

Invariants: a relation belongs to the tenant and its holders are dated; nothing here overwrites one. What WeCom's messages say is a
hint; how a contact stands, and what became of a move, is what WeCom answers when it is asked.
"""
