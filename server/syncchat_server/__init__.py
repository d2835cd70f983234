"""The daemon: a hub behind HTTP and websockets, with an agent beside it."""
