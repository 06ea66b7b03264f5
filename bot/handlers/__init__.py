"""What Telegram sends us, one feature a file. A handler translates: read the update, call one verb, send the reply."""
