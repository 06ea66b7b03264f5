"""What did the student mean? Training data, the Rasa server and a client for it."""
