"""The student's own application: who they are, where it stands, and telling them when that changes."""
