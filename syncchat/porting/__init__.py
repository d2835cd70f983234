"""Rooms in and out of files, and full copies of them: what belongs to its users leaves with them."""
