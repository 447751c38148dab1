"""Brings what orders say into the ledger: sales, refunds, payments, coupons and the channel's fee, one by one or set-based.

`post` books what is paid through us, `post_refunds` what goes back, `post_history` imported lines by the ten thousand, `pending`
everything that waits. All ways book the same fen. Nothing here decides a rate: terms are frozen on the line.
"""
