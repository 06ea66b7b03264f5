"""What people send us: kept before Telegram forgets it, handled in order within a chat."""
