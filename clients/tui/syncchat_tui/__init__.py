"""The terminal client of syncchat: one room on a screen, with or without a server."""
