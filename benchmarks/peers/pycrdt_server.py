"""pycrdt-websocket with its SQLite store as documented, a store for each room, under uvicorn."""

import sys
from functools import partial

import uvicorn
from anyio import Lock
from pycrdt.store import SQLiteYStore, YDocNotFound
from pycrdt.websocket import ASGIServer, WebsocketServer, YRoom


class StoredRooms(WebsocketServer):
    """A server whose rooms are loaded from a store before they are used, and written to it."""

    def __init__(self, store: partial[SQLiteYStore]) -> None:
        super().__init__(auto_clean_rooms=True)
        self._store = store
        self._opening = Lock()

    async def get_room(self, name: str) -> YRoom:
        """The room of this name, started; its store is read first."""
        async with self._opening:  # without it, two who join in the same instant hang, or end the server
            if name not in self.rooms:
                self.rooms[name] = await self._open(name)
            return self.rooms[name]

    async def _open(self, name: str) -> YRoom:
        store = self._store(path=name)
        room = YRoom(ready=False, ystore=store, log=self.log)
        await self.start_room(room)
        await store.started.wait()
        try:
            await store.apply_updates(room.ydoc)
        except YDocNotFound:
            self.log.debug("room %s is new", name)
        room.ready = True
        return room


def main(port: int, data: str) -> None:
    """Serve on 127.0.0.1 with the store in the folder `data`."""
    store = type("Store", (SQLiteYStore,), {"db_path": f"{data}/ystore.db"})
    rooms = StoredRooms(partial(store))
    serve = ASGIServer(rooms)

    async def app(scope, receive, send):  # type: ignore[no-untyped-def]  # ASGI's own types are not installed there
        if scope["type"] == "lifespan":
            async with rooms:
                await serve(scope, receive, send)
        else:
            await serve(scope, receive, send)

    uvicorn.run(
        app,
        host="127.0.0.1",
        port=port,
        loop="uvloop",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        ws_max_size=1 << 30,
        log_level="error",
        timeout_graceful_shutdown=2,
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
