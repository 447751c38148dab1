"""对账: the channel's, the cashiers' and the tills' files beside our own books, and every difference between them as a row with an owner."""
