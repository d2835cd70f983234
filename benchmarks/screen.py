"""A terminal client without a terminal, which tells when it draws which token."""

import sys
from time import perf_counter

import anyio
from textual.geometry import Region
from textual.strip import Strip

from benchmarks.load.updates import NUMBER
from syncchat.collector import calm_collector
from syncchat.peer import Peer
from syncchat_tui import conversation
from syncchat_tui.app import ChatApp
from syncchat_tui.transcript import Transcript

SIZE = (100, 40)


class Watched(Transcript):
    """A transcript that prints the number of the last token in it, and the time, whenever it is drawn."""

    last = -1

    def render_lines(self, crop: Region) -> list[Strip]:
        strips = super().render_lines(crop)
        drawn = NUMBER.findall("".join(strip.text for strip in strips).encode())
        if drawn and int(drawn[-1]) > self.last:
            self.last = int(drawn[-1])
            print(perf_counter(), self.last, flush=True)
        return strips


async def _show(address: str) -> None:
    async with Peer(user="screen", server=address) as peer:
        app = ChatApp(await peer.enter("lobby"), peer, server=True)
        calm_collector()  # as `syncchat chat` does
        async with app.run_test(size=SIZE):
            print("ready", flush=True)
            await anyio.sleep_forever()


if __name__ == "__main__":
    vars(conversation)["Transcript"] = Watched  # the program as it is, but for a witness
    anyio.run(_show, sys.argv[1])
