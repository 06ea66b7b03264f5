"""What we say: kept in the transaction that decided on it, sent at Telegram's pace, each chat in order."""
