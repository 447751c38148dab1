"""分账: paying parties through the channel. A room of its own on settlement's floor; what is owed is decided and booked outside it.

Verbs: `receivers.add_receiver`, `schedule.schedule_split`, `send.send_split`, `unfreeze.unfreeze_rest`, `returns.send_return`, and
`refund_table.ChannelSplits` (answers `orders.ports.PaymentSplits`); `react` names those that answer events.

Invariant: a split, an unfreeze and a return each have a number of their own, written down before the call and used for ever. Splitting moves
nobody's entitlement: what the channel did not carry stays payable, what it cannot bring back is owed to us.
"""
