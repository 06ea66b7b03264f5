"""Tests mirror the tree; whole dialogues are in tests/conversations."""
