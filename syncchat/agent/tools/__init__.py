"""Tools: what a model may ask for, what people agree to, and what becomes of it (A25)."""
