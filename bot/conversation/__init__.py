"""The conversation, whatever channel it comes through: a message and what is known go in, a reply comes out."""
