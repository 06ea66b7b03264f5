"""The assistant: what holds a conversation together, and its fronts in Telegram and in the terminal."""
