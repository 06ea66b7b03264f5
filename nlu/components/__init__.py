"""Parts of the Rasa pipeline. They run inside the Rasa server's own environment."""
