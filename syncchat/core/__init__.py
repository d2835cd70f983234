"""The pure part: docs, rooms, rules and conversations, without IO, clock or randomness."""
