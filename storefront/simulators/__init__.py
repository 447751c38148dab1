"""The vendors, played by ourselves: WeChat Pay and mini-program login with real signatures, own clock, own books, fault switches.

Shipped with the product, for development, demonstrations and tests. The vendor's side speaks the vendor's names and bodies; only
`/simulator/…` is ours and uses our frame. Shares no code with the adapters: a mistake made once must not cancel itself out.
"""
